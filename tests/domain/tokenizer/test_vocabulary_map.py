"""Pieces told in another tokenizer's pieces: by hand, and against a plain BPE over real pieces."""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import pre_tokenizers

from domain.tokenizer.encoding.ranks import byte_alphabet
from domain.tokenizer.encoding.texts import load_tokenizer
from domain.tokenizer.vocabulary_map import Spelling, parts, suppressed_ids
from tests.domain.model import tiny

MERGES = (("\u2581", "a"), ("a", "b"))


@pytest.fixture(scope="module")
def pieces(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A sentencepiece BPE."""
    return load_tokenizer(tiny.sentencepiece(tmp_path_factory.mktemp("sentencepiece"), MERGES))


@pytest.fixture(scope="module")
def bytes_(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A byte-level BPE: its first merge is a space and a, its second the two bytes of an e with an acute accent."""
    merges = (("\u0120", "a"), ("\u00c3", "\u00a9"))
    return load_tokenizer(tiny.byte_level(tmp_path_factory.mktemp("bytes"), merges))


@given(st.text(min_size=1, max_size=20))
@settings(deadline=None, max_examples=100)
def test_the_alphabet_is_that_of_tokenizers(text: str) -> None:
    level = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    told = "".join(piece for piece, _ in level.pre_tokenize_str(text))
    characters = list(byte_alphabet().values())
    assert "".join(characters[byte] for byte in text.encode()) == told


def test_pieces_are_read_as_bytes(pieces: Any, bytes_: Any) -> None:
    plain, level = Spelling(pieces), Spelling(bytes_)
    assert plain.read("\u2581a\u2581b") == b" a b"
    assert plain.read("<0xE2>") == b"\xe2"
    assert plain.read("<0xE2>b") == b"<0xE2>b"  # text that only looks like a byte
    assert plain.read("\u00e9") == b"\xc3\xa9"
    assert level.read("\u0120a") == b" a"
    assert level.read("\u00c3") == b"\xc3"  # part of a character
    assert level.read("\u00c3\u00a9") == b"\xc3\xa9"
    assert level.read("\u2581") == b"\xe2\x96\x81"  # outside the alphabet: text as it is


def test_bytes_are_written_as_ids(pieces: Any, bytes_: Any) -> None:
    plain, level = Spelling(pieces), Spelling(bytes_)
    assert plain.write(b" ab") == [263, 261]  # _a b: the merge that was learned first
    assert plain.write(b"ab a") == [264, 263]
    assert plain.write(b"a\xe2\x96b") == [260, 3 + 0xE2, 3 + 0x96, 261]  # a character cut short
    assert plain.write("a\u00e9".encode()) == [260, 3 + 0xC3, 3 + 0xA9]  # one that is no piece
    ids = bytes_.get_vocab()
    assert level.write(b" a\xc3") == [ids["\u0120a"], ids["\u00c3"]]
    assert level.write(b"") == plain.write(b"") == []


def test_what_a_unigram_does_not_know_is_left_out(tmp_path: Path) -> None:
    speaker = load_tokenizer(
        tiny.unigram(tmp_path, {"\u2581": -2.0, "a": -3.0, "b": -3.0, "\u2581a": -4.0, "ab": -9.0})
    )
    spelling = Spelling(speaker)
    assert spelling.write(b" ab") == [5, 4]  # -4 - 3 is more than -2 - 9
    assert spelling.write("a\u00e9b".encode()) == [3, 4]
    assert spelling.write(b"\xc3") == []


def test_every_piece_is_spelt_by_itself(pieces: Any, bytes_: Any) -> None:
    twice = {f"<0x{byte:02X}>" for byte in b" abc"}  # bytes that are pieces of their own
    for speaker in (pieces, bytes_):
        spelling = Spelling(speaker)
        for piece, number in speaker.get_vocab().items():
            if number not in speaker.added_tokens_decoder and piece not in twice:
                assert spelling.write(spelling.read(piece)) == [number], piece
    assert Spelling(pieces).write(b"a") == [260]


def test_a_byte_goes_along_as_a_byte(pieces: Any, tmp_path: Path) -> None:
    moved = load_tokenizer(tiny.unigram(tmp_path, {"<0x61>": -1.0, "<0x62>": -1.0, "a": -1.0}))
    assert parts(pieces, moved) == {1: [2], 2: [3 + 0x61], 3: [3 + 0x62], 4: [260]}


@pytest.mark.parametrize("turned", [False, True])
def test_across_kinds(pieces: Any, bytes_: Any, turned: bool) -> None:
    old, new = (bytes_, pieces) if turned else (pieces, bytes_)
    found, had, has = parts(old, new), old.get_vocab(), new.get_vocab()
    assert set(found) == set(has.values())
    if turned:
        assert found[has["\u2581a"]] == [had["\u0120a"]]
        assert found[has["ab"]] == [had["a"], had["b"]]
        assert found[has["<0xC3>"]] == [had["\u00c3"]]
        assert found[has["<s>"]] == found[has["</s>"]] == [had["<|end|>"]]
        assert found[has["<unk>"]] == []
    else:
        assert found[has["\u0120a"]] == [had["\u2581a"]]
        assert found[has["\u00c3\u00a9"]] == [had["<0xC3>"], had["<0xA9>"]]
        assert found[has["<|end|>"]] == [had["<s>"]]


def test_the_same_character_may_stand_for_another_byte(tmp_path: Path) -> None:
    # Both have the same two pieces at the same ids: as bytes they are 0xC3 and 0xA9, as text a tilde A and a copyright.
    level = tiny.byte_level(tmp_path / "level", (), {"eos_token": "</s>"})
    ids = load_tokenizer(level).get_vocab()
    old = load_tokenizer(
        tiny.unigram(tmp_path / "old", {"x" * n: -1.0 for n in range(1, ids["\u00c3"] - 1)} | {"\u00c3": -1.0})
    )
    assert old.get_vocab()["\u00c3"] == ids["\u00c3"]
    assert parts(old, load_tokenizer(level))[ids["\u00c3"]] == []


WORDS = ("the", "rate", "in", "##in", "##the", "##r", "##ate", "##s", "5", "##5", ",", "cafe", "a", "##a")  # from 5


@pytest.fixture(scope="module")
def uncased(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A small BERT's."""
    return load_tokenizer(tiny.wordpiece(tmp_path_factory.mktemp("uncased"), WORDS))


def test_words_are_read_as_bytes(uncased: Any) -> None:
    words = Spelling(uncased)
    assert words.read("rate") == b" rate"
    assert words.read("##ate") == b"ate"
    assert words.read(",") == b","
    assert words.read("##") == b"##"  # a piece of BERT's own
    assert [words.goes_on(piece) for piece in ("##ate", "rate", "##")] == [True, False, False]


@pytest.mark.parametrize(
    ("text", "pieces"),
    [
        (" rate", ["rate"]), ("ate", ["##ate"]), (" ate", []), ("rates", ["rate", "##s"]),
        ("the", ["##the"]), ("The", ["the"]),  # as many pieces: a capital begins
        ("thes", ["##the", "##s"]), ("in", ["##in"]), ("In the", ["in", "the"]), ("in the", ["##in", "the"]),
        ("rate,", ["rate", ","]), (",the", [",", "the"]), (" CAFÉ", ["cafe"]), ("5", ["##5"]), (" 55", ["5", "##5"]),
        ("\n", []), (" ", []), ("", []), ("x", []), ("the x rate", ["##the", "rate"]),
    ],
)  # fmt: skip
def test_bytes_are_written_as_words(uncased: Any, text: str, pieces: list[str]) -> None:
    assert uncased.convert_ids_to_tokens(Spelling(uncased).write(text.encode())) == pieces


def test_what_stands_within_a_word_and_part_of_a_character(uncased: Any) -> None:
    words, ids = Spelling(uncased), uncased.get_vocab()
    assert words.write(b"rate", within=True) == [ids["##r"], ids["##ate"]]
    assert words.write(b"\xa9 the\xc3") == [ids["the"]]
    assert words.write(b"\xc3") == []


def test_a_cased_base_keeps_capitals(tmp_path: Path) -> None:
    cased = load_tokenizer(tiny.wordpiece(tmp_path, ("The", "the", "##The"), cased=True))
    assert cased.convert_ids_to_tokens(Spelling(cased).write(b" The the THE")) == ["The", "the"]


@given(st.text(alphabet="therains5, Cafe\u00e9", max_size=30))
@settings(deadline=None, max_examples=200)
def test_words_are_split_as_tokenizers_splits_them(uncased: Any, text: str) -> None:
    told = [n for n in uncased.backend_tokenizer.encode(" " + text, add_special_tokens=False).ids if n != 1]
    assert Spelling(uncased).write((" " + text).encode()) == told


def test_between_words_and_bytes(uncased: Any, tmp_path: Path) -> None:
    merges = (("r", "a"), ("ra", "t"), ("rat", "e"), ("\u0120", "rate"))
    level = load_tokenizer(tiny.byte_level(tmp_path / "level", merges))
    ids, words = level.get_vocab(), uncased.get_vocab()
    found = parts(uncased, level)
    assert found[ids["\u0120rate"]] == found[ids["rate"]] == [words["rate"]]
    assert found[ids["s"]] == [words["##s"]]
    assert found[ids["<|end|>"]] == [words["[CLS]"]]
    back = parts(level, uncased)
    assert back[words["rate"]] == [ids["\u0120rate"]]
    assert back[words["##ate"]] == [ids["a"], ids["t"], ids["e"]]
    assert back[words["[MASK]"]] == []


def test_between_words_and_words(uncased: Any, tmp_path: Path) -> None:
    new = load_tokenizer(tiny.wordpiece(tmp_path, ("rates", "##rate", "RATE", "##s"), cased=True))
    ids, words = new.get_vocab(), uncased.get_vocab()
    assert parts(uncased, new) == {
        ids["rates"]: [words["rate"], words["##s"]],
        ids["##rate"]: [words["##r"], words["##ate"]],  # never [rate], which begins a word
        ids["RATE"]: [words["rate"]],
        ids["##s"]: [words["##s"]],
    }


def test_an_added_word_begins_one(uncased: Any, tmp_path: Path) -> None:
    uncased.save_pretrained(tmp_path)
    new = load_tokenizer(tmp_path)
    new.add_tokens(["inrate"])
    ids = uncased.get_vocab()
    assert parts(uncased, new) == {19: [ids["in"], ids["##r"], ids["##ate"]]}


def test_special_tokens_by_name_then_by_role(tmp_path: Path) -> None:
    roles = {"bos_token": "<|begin|>", "eos_token": "</s>", "pad_token": "<|pad|>", "mask_token": "<|mask|>"}
    new = load_tokenizer(tiny.byte_level(tmp_path / "new", (), roles))
    old = load_tokenizer(tiny.unigram(tmp_path / "old", {"\u2581": -1.0}))
    ids, found = new.get_vocab(), parts(old, new)
    assert ids["</s>"] == 1 == old.eos_token_id  # the same id: not new
    assert 1 in found  # but the kinds differ, so that it is told by its name
    assert found[1] == [1]
    assert found[ids["<|begin|>"]] == [1]  # what begins texts in one that has only an end
    assert found[ids["<|pad|>"]] == found[ids["<|mask|>"]] == []


def test_an_old_one_that_frames_nothing(tmp_path: Path, bytes_: Any) -> None:
    bare = load_tokenizer(tiny.byte_level(tmp_path, (), {"pad_token": "<|pad|>"}))
    assert parts(bare, bytes_)[bytes_.eos_token_id] == []


def test_added_words_are_text(tmp_path: Path, pieces: Any) -> None:
    new = load_tokenizer(tiny.sentencepiece(tmp_path / "new", MERGES))
    new.add_tokens(["ab c"])
    assert parts(pieces, new) == {265: [264, 259, 262]}
    assert parts(pieces, pieces) == {}


def plain_bpe(word: str, merges: list[tuple[str, str]]) -> list[str]:
    """The textbook's: join the pair that was learned first, until none is left."""
    rank, symbols = {pair: number for number, pair in enumerate(merges)}, list(word)
    while pairs := [pair for pair in pairwise(symbols) if pair in rank]:
        best, joined = min(pairs, key=rank.__getitem__), list[str]()
        for symbol in symbols:
            if joined and (joined[-1], symbol) == best:
                joined[-1] += symbol
            else:
                joined.append(symbol)
        symbols = joined
    return symbols


def test_real_pieces_against_a_plain_bpe(pretrained: Path, tmp_path: Path) -> None:
    content = json.loads((pretrained / "tokenizer.json").read_text())
    model = content["model"]
    merges = [tuple(pair) if isinstance(pair, list) else tuple(pair.split(" ")) for pair in model["merges"]]
    fresh = ["\u2581shares", "\u2581dividend", "million", "interest\u2581rate", "\u2581the\u2581company"]
    for piece in fresh:
        model["vocab"][piece] = len(model["vocab"])
        model["merges"].append([piece[:1], piece[1:]])
        model["vocab"].setdefault(piece[1:], len(model["vocab"]))
    (tmp_path / "tokenizer.json").write_text(json.dumps(content))
    (tmp_path / "tokenizer_config.json").write_bytes((pretrained / "tokenizer_config.json").read_bytes())
    found = parts(load_tokenizer(pretrained), load_tokenizer(tmp_path))
    assert len(found) == len(model["vocab"]) - 512
    for piece in fresh:
        told = [model["vocab"][part] for part in plain_bpe(piece, merges)]
        assert found[model["vocab"][piece]] == told
        assert len(told) > 1


def test_silent_rows() -> None:
    def speaks(*ids: int) -> Any:
        return SimpleNamespace(get_vocab=lambda: {f"piece {number}": number for number in ids})

    def model(rows: int, suppressed: list[int] | None) -> Any:
        table = SimpleNamespace(weight=SimpleNamespace(shape=(rows, 4)))
        held = SimpleNamespace(suppress_tokens=suppressed)
        return SimpleNamespace(get_input_embeddings=lambda: table, generation_config=held)

    assert suppressed_ids(speaks(0, 1, 3), model(6, None)) == [2, 4, 5]
    assert suppressed_ids(speaks(0, 1, 2), model(4, [1])) == [1, 3]
    assert suppressed_ids(speaks(0, 1, 2), model(3, None)) is None
    encoder = SimpleNamespace(get_input_embeddings=model(4, None).get_input_embeddings)
    assert suppressed_ids(speaks(0, 1, 2), encoder) == [3]
