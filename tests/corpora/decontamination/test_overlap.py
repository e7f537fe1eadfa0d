"""Training text against the corpus's own test text, held against sets of tuples of words."""

from __future__ import annotations

import random
from pathlib import Path

import numpy as np
import pytest
from pydantic import ValidationError

from corpora.decontamination.overlap import Match, Overlap, OverlapOfShard, OverlapTable, overlap_table
from corpora.decontamination.overlap_table import overlap_facts
from domain.jsonlines import read_lines
from domain.text.words import Split
from tests.corpora.decontamination.guards import numbered
from tests.corpora.decontamination.overlaps import grams, table


@pytest.mark.parametrize("seed", range(4))
def test_shares_are_those_of_sets_of_tuples(tmp_path: Path, seed: int) -> None:
    chance = random.Random(seed)
    tests = [numbered(100 * i, chance.randrange(0, 60)) for i in range(20)]
    texts = ["", numbered(5, 12)]
    for _ in range(60):
        pieces = [numbered(100 * chance.randrange(25) + chance.randrange(30), chance.randrange(40)) for _ in range(4)]
        texts.append(" ".join(pieces))
    every = {gram for text in tests for gram in grams(text)}
    matches = list(table(tmp_path, *tests).matches(texts))
    assert any(match.share for match in matches)
    for text, match in zip(texts, matches, strict=True):
        own = grams(text)
        held = [gram for gram in own if gram in every]
        assert match.share == pytest.approx(len(held) / len(own) if own else 0)
        assert len(match.keys) == len(set(held))
        shares = [len({*grams(test)} & set(own)) / len({*grams(test)}) for test in tests if grams(test)]
        assert match.of_test == pytest.approx(max(shares))
        assert [text[begin:end] for begin, end in match.spans] == [" ".join(gram) for gram in own if gram in every]


class Everything:
    """A table of bits in which every place is set."""

    def hold(self, grams: np.ndarray) -> np.ndarray:
        return np.ones(len(grams), np.uint8)


def test_what_the_table_of_bits_lets_pass_is_compared(tmp_path: Path) -> None:
    made = table(tmp_path, numbered(0, 14))
    made.bits = Everything()  # type: ignore[assignment]
    others = [numbered(100 * i, 30) for i in range(1, 20)]
    (match, *rest) = made.matches([numbered(0, 30), *others])
    assert (match.keys.tolist(), match.share) == ([0, 1], 2 / 18)
    assert [other.share for other in rest] == [0] * 19


def test_the_table_is_opened_once_for_what_was_written(tmp_path: Path) -> None:
    made = table(tmp_path, numbered(0, 14))
    tables = [overlap_table(tmp_path / "test_overlap", made.spec, written) for written in (1, 1, 2)]
    assert tables[0] is tables[1] is not tables[2]
    assert tables[2].keys.tolist() == made.keys.tolist()


def fates(made: OverlapTable, *texts: str) -> list[str]:
    """For each text, what becomes of it: its reason, or nothing."""
    shard = OverlapOfShard(made)
    settled = shard.settled(["calls"] * len(texts), texts)
    return [f"{event['action']} {event['detail']}" if event else "" for _, event in settled]


def test_more_than_half_of_a_document_or_of_a_test_document_is_too_much(tmp_path: Path) -> None:
    made = table(tmp_path, numbered(0, 92), numbered(200, 52))  # 80 and 40 n-grams
    half = f"{numbered(0, 25)} {numbered(1000, 13)}"  # 13 of 26 n-grams
    more = f"{numbered(0, 26)} {numbered(1000, 13)}"  # 14 of 27
    held = f"{numbered(200, 32)} {numbered(2000, 200)}"  # 20 of the test document's 40
    over = f"{numbered(200, 33)} {numbered(2000, 200)}"  # 21
    answers = fates(made, half, more, held, over, numbered(5000, 50))
    assert answers == [
        "", "dropped 52% of it stands in test text, 18% of a test text in it", "",
        "dropped 10% of it stands in test text, 52% of a test text in it", "",
    ]  # fmt: skip
    assert fates(table(tmp_path, numbered(0, 92), max_share=0.53), more) == [""]
    assert fates(table(tmp_path, numbered(0, 92), max_share=0), numbered(0, 13) + " x" * 100) != [""]
    assert fates(table(tmp_path, numbered(0, 92), on_match="keep"), numbered(0, 92)) == [""]


def test_what_many_test_documents_hold_is_none_of_them(tmp_path: Path) -> None:
    for count, expected in ((16, 1.0), (17, 0.0)):
        made = table(tmp_path / str(count), *[numbered(0, 30)] * count)
        (match,) = made.matches([f"{numbered(0, 30)} {numbered(100, 500)}"])
        assert (match.of_test, len(match.keys)) == (expected, 18)


def test_sentences_that_are_shared_are_cut(tmp_path: Path) -> None:
    made = table(tmp_path, numbered(0, 40), on_match="cut")
    shard = OverlapOfShard(made)
    texts = [f"It rose. Then {numbered(3, 14)} more. It fell.", numbered(0, 40), f"It {numbered(0, 12)}."]
    settled = list(shard.settled(["a", "a", "b"], texts))
    assert [text for text, _ in settled] == ["It rose. It fell.", "", texts[2]]
    assert [event and (event["action"], event["detail"]) for _, event in settled] == [
        ("changed", "1"), ("changed", "1"), None,
    ]  # fmt: skip
    assert (shard.sharing, shard.gone) == ({"a": 2}, {"a": 1})


def test_no_test_text_shares_nothing(tmp_path: Path) -> None:
    for made in (table(tmp_path), table(tmp_path, "too short", "")):
        assert [match.share for match in made.matches(["", numbered(0, 50)])] == [0, 0]
    sources = [("domain", "a"), ("domain", "a")]
    facts = overlap_facts(tmp_path / "test_overlap", [], sources, ["d0", "d1"], tmp_path / "documents.jsonl")
    row = {"documents": 2, "ngrams": 0, "came": 0, "came_half": 0, "stays": 0, "stays_half": 0}
    assert facts == {"test": [{"part": "domain", "source": "a", **row}], "train": []}


def test_the_settings_and_their_bounds() -> None:
    assert Overlap().model_dump() == {"words": 13, "on_match": "drop", "max_share": 0.5}
    for wrong in ({"words": 4}, {"words": 1_001}, {"max_share": 1.1}, {"on_match": "mask"}):
        with pytest.raises(ValidationError):
            Overlap.model_validate(wrong)
    assert [Overlap.model_validate({"words": each, "max_share": 1}).words for each in (5, 1_000)] == [5, 1_000]


def test_a_match_of_nothing() -> None:
    assert (Match().share, Match().of_test, Match().spans, len(Match().keys)) == (0, 0, [], 0)
    assert len(Split([])) == 0


def test_what_is_counted_of_a_source(tmp_path: Path) -> None:
    made = table(tmp_path, numbered(0, 32), numbered(100, 32), numbered(200, 32))  # 20 n-grams each
    folder, sources = tmp_path / "test_overlap", [("domain", "a"), ("domain", "a"), ("general", "b")]
    first, second = OverlapOfShard(made), OverlapOfShard(made)
    list(first.settled(["x", "x"], [numbered(0, 32), f"{numbered(100, 22)} {numbered(900, 40)}"]))  # all; 10 of 20
    list(second.settled(["y"], [f"{numbered(200, 14)} {numbered(900, 40)}"]))  # 2 of 20
    first.save(folder, "domain-00000.jsonl")
    second.save(folder, "general-00000.jsonl")
    shards = ["domain-00000.jsonl", "general-00000.jsonl"]
    facts = overlap_facts(folder, shards, sources, ["d0", "d1", "d2"], tmp_path / "documents.jsonl")
    assert [tuple(row.values()) for row in read_lines(tmp_path / "documents.jsonl")] == [
        (20, "d0", 20, "domain", "a", 0), (10, "d1", 20, "domain", "a", 10), (2, "d2", 20, "general", "b", 2),
    ]  # fmt: skip
    assert facts["test"] == [
        {"part": "domain", "source": "a", "documents": 2, "ngrams": 40, "came": 30, "came_half": 1, "stays": 10,
         "stays_half": 0},
        {"part": "general", "source": "b", "documents": 1, "ngrams": 20, "came": 2, "came_half": 0, "stays": 2,
         "stays_half": 0},
    ]  # fmt: skip
    assert facts["train"] == [
        {"part": "domain", "source": "x", "sharing": 2, "gone": 1},
        {"part": "general", "source": "y", "sharing": 1, "gone": 0},
    ]
