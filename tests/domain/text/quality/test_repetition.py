from __future__ import annotations

import random

import numpy as np
import pytest

from domain.text.quality.counts import Counts
from domain.text.quality.ngrams import Ngrams
from domain.text.quality.repetition import RepetitionRules, judge
from domain.text.quality.violation import Violation
from domain.text.words import Split

OFF = dict.fromkeys(RepetitionRules.model_fields, 1.0)


def first(text: str, **rules: float) -> Violation | None:
    split = Split([text])
    return judge(split, Counts.of(split), RepetitionRules.model_validate({**OFF, **rules}))[0]


def test_paragraphs_and_lines() -> None:
    text = "one\n\ntwo\n\n\n\none\n\nthree\nfour"  # 4 paragraphs, one of them again; 27 characters
    assert first(text, paragraphs=0.24) == Violation("repeated paragraphs", 0.25)
    assert first(text, paragraphs=0.25) is None
    assert first(text, paragraph_characters=0.1) == Violation("characters in repeated paragraphs", 3 / len(text))
    assert first(text, lines=0.19) == Violation("repeated lines", 0.2)
    assert first(text, line_characters=0.1) == Violation("characters in repeated lines", 3 / len(text))


def test_the_commonest_ngram_counts_as_often_as_it_stands() -> None:
    text = "buy now, buy now or buy now"  # "buy now" three times: 21 of 27
    assert first(text, top_2gram=0.5) == Violation("repeated 2-gram", 21 / 27)
    assert first(text, top_3gram=0.4) == Violation("repeated 3-gram", 11 / 27)  # buy now buy, once
    assert first("a b", top_2gram=0.9, top_4gram=0.1) == Violation("repeated 2-gram", 1.0)


def test_duplicates_are_read_from_left_to_right() -> None:
    text = "a b c d e x a b c d e a b c d e"  # the five letters stand twice more: 10 of 31 characters
    assert first(text, duplicate_5gram=0.3) == Violation("duplicate 5-grams", 10 / 31)
    assert first(text, duplicate_5gram=0.33) is None
    assert first(text, duplicate_6gram=0.01) is None


@pytest.mark.parametrize("seed", range(4))
def test_ngrams_are_those_that_a_plain_count_finds(seed: int) -> None:
    """Against Gopher's definitions in a few lines of sets and counts."""
    chance = random.Random(seed)
    texts = [" ".join(chance.choices(["aab", "bc", "ccc", "d"], k=chance.randint(0, 60))) for _ in range(40)]
    split = Split(texts)
    ngrams = Ngrams(split, slice(0, 40), np.ones(40, dtype=bool))
    for n in range(2, 11):
        ngrams.lengthen()
        top, bound = ngrams.top(np.zeros(40, dtype=bool)), ngrams.bound()
        for i, words in enumerate(text.split() for text in texts):
            grams = [" ".join(words[j : j + n]) for j in range(len(words) - n + 1)]
            most = max((grams.count(gram) for gram in grams), default=0)
            commonest = next((gram for gram in grams if grams.count(gram) == most), "")
            assert top[i] == most * len(commonest)
            seen: set[str] = set()
            place = again = 0
            while place < len(grams):
                known = grams[place] in seen
                seen.add(grams[place])
                again += known * len(grams[place].replace(" ", ""))
                place += n if known else 1
            assert ngrams.duplicates(i) == again
            assert again <= bound[i]


def test_a_long_text_and_short_ones_in_one_batch() -> None:
    chance = random.Random(0)
    long = " ".join(f"w{chance.randrange(10**9)}" for _ in range(100_000))
    texts = ["buy now " * 20, long, "fine words stand here", long[:5000] * 3]
    split = Split(texts)
    found = judge(split, Counts.of(split), RepetitionRules())
    assert [each.reason if each else None for each in found] == [
        "repeated 2-gram",
        None,
        "repeated 2-gram",
        "duplicate 5-grams",
    ]


def test_scripts_without_spaces_are_asked_for_ten_in_a_row() -> None:
    clause = "本公司董事会及全体董事保证本公告内容不存在任何虚假记载"
    news = "日本銀行は金融政策決定会合で政策金利を据え置くことを決めた。物価は緩やかに上昇している。"
    assert first(news, **{name: 0.1 for name in OFF if "gram" in name}) is None
    twice = f"{clause}{news}{clause}"
    assert first(twice, duplicate_5gram=0.01) is None
    assert first(twice, duplicate_10gram=0.1) == Violation("duplicate 10-grams", 20 / len(twice))
    assert first("买买" * 30, top_2gram=0.25) == Violation("repeated 2-gram", 59 * 2 / 60)
