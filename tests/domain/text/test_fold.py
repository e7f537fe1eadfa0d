from __future__ import annotations

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.text.fold import fold, fold_words
from domain.text.words import Split, split

PIECES = ["&", "amp;", "shy;", "#38;", "&lt;", "&semi;", "-", "\n", " ", "\u00ad", "\u2014", "\u0301", "\u0323", "ｶ",
          "ﾞ", "\u200d", "\u200c", "ا", "a", "B", "é", "\u1100", "\u1161", "\u11a8", "\u3164", "①", "ﷺ"]  # fmt: skip
ANY_TEXT = st.lists(st.one_of(st.characters(), st.sampled_from(PIECES))).map("".join)


@pytest.mark.parametrize(
    ("text", "folded"),
    [
        ("a\u00a0b\u202fc\u2009d\u3000e\u2007f\u2800g", "a b c d e f g"),
        ("1\u20102\u20113\u20124\u20135\u20146\u22127\ufe638\uff0d9", "1-2-3-4-5-6-7-8-9"),
        ("\u201cit\u2019s\u201d \u00abyes\u00bb \u2032", "\"it's\" \"yes\" '"),
        ("０３０／１２３＠ａ．ｄｅ", "030/123@a.de"),
        ("𝗯𝗼𝗹𝗱 ﬁne Ⅷ ㎏ …", "bold fine VIII kg ..."),
        ("٠٣٠ ۰۳۰ ०३० 𝟎𝟑𝟎", "030 030 030 030"),
        ("1\ufe0f\u20e32\ufe0f\u20e3", "12"),
        ("a\u200bb\u2060c\ufeffd\u200ee\u00adf\u202eg\u034fh\U000e0061i\ufe0fj\U000e0101", "abcdefghij"),
        ("می\u200cروم क्\u200dष a\u200cb \u200dc", "می\u200cروم क्\u200dष ab c"),
        ("e\u0301 ｶﾞ \u1112\u1161\u11ab a\u200b\u0301", "é ガ 한 á"),
        ("state-\nments, state\u2010 \n  ments, state\u00ad\nments, state&shy;\nments, STATE-\nMENTS",
         "statements, statements, statements, statements, STATEMENTS"),
        ("a&nbsp;b&#8203;c&#x200B;d&shy;e&amp;shy;f&#38;shy;g&commat;h", "a bcdefg@h"),
        ("&am&shy;p;shy;", ""),
        ("a\u2028b\x85c", "a\nb\nc"),
    ],
)  # fmt: skip
def test_what_is_folded(text: str, folded: str) -> None:
    assert fold(text).text == folded


@pytest.mark.parametrize(
    "text",
    ["", "a - b\n- c", "Smith-\nJones", "1-\n2", "so\u2014\nand on", "3½, x² and H₂O", "R&D; AT&T; a=1&b=2 &unknown;",
     "¨ ´a"[:1], "naïve Ελληνικά 中文。", "مرحبا", "see --\nthere"],
)  # fmt: skip
def test_what_stays(text: str) -> None:
    folded = fold(text)
    assert folded.text == text
    assert folded.spans is None


@settings(deadline=None)
@given(ANY_TEXT)
def test_every_character_knows_its_place_and_folding_again_changes_nothing(text: str) -> None:
    folded = fold(text)
    assert fold(folded.text).text == folded.text
    places = [folded.original(at, at + 1) for at in range(len(folded.text))]
    assert all(0 <= begin < end <= len(text) for begin, end in places)
    assert [begin for begin, _ in places] == sorted(begin for begin, _ in places)
    for letter, (begin, end) in zip(folded.text, places, strict=True):
        # What is one character of the original is the same one, or what that one alone is folded to holds it.
        assert letter == text[begin:end] or end > begin + 1 or letter in (*fold(text[begin:end]).text, "-")
    if folded.same_words:
        assert split(text).hashes.tolist() == split(folded.text).hashes.tolist()


def test_places_by_hand() -> None:
    text = "a\u200bb\u00adc &amp; e\u0301 ﬃ sta-\nte"
    folded = fold(text)
    assert folded.text == "abc & é ffi state"
    shown = {part: text[slice(*folded.original(at, at + len(part)))] for part, at in
             [("abc", 0), ("&", 4), ("é", 6), ("f", 8), ("i", 10), ("state", 12)]}  # fmt: skip
    assert shown == {
        "abc": "a\u200bb\u00adc", "&": "&amp;", "é": "e\u0301", "f": "ﬃ", "i": "ﬃ", "state": "sta-\nte",
    }  # fmt: skip


def test_words_of_folded_texts() -> None:
    texts = ["plain words", "no\u00a0break \u2014 it\u2019s", "sta\u00adtements", ""]
    words = Split(texts)
    folded = fold_words(words)
    assert [part.strings for part in folded] == [["plain", "words"], ["no", "break", "it", "s"], ["statements"], []]
    assert [part.text for part in folded] == [texts[0], texts[1], "statements", ""]
    plain = Split(texts[:2])
    assert fold_words(plain) is plain


@pytest.mark.parametrize(
    "piece",
    ["&amp;", "&", "&sh", "a-\n", "a- ", "a\u00ad \n", "\u0301\u0323", "a\u0301", "\u200d", "\u2014 ", "&shy; ", "ﷺ",
     "&#38;", "ｶﾞ", "\u1100\u1161"],
)  # fmt: skip
def test_no_text_takes_for_ever(piece: str) -> None:
    """200 kB take under 0.3 s here; what grows with the square would take minutes."""
    text = piece * (200_000 // len(piece))
    began = time.process_time()
    fold(text)
    fold(text + "y;" * 50_000)
    assert time.process_time() - began < 5
