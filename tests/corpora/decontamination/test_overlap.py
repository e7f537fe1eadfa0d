"""Training text against the corpus's own test text, held against sets of tuples of words."""

from __future__ import annotations

import random
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from corpora.decontamination import overlap_table
from corpora.decontamination.overlap import MOST_TEXTS, Match, Overlap, OverlapOfShard, OverlapTable
from corpora.decontamination.overlap_table import hash_test_text, overlap_facts, write_table
from domain.artifacts import PARTS
from domain.jsonlines import line, read_lines
from domain.machine import Machine
from domain.text.words import Split
from tests.corpora.fates import ledger, where

Make = Callable[..., Any]


def table(folder: Path, *texts: str, **settings: Any) -> OverlapTable:
    """The table of test texts that stand in one filtered shard."""
    spec = Overlap.model_validate(settings)
    folder.mkdir(exist_ok=True)
    (folder / "shard").mkdir(exist_ok=True)
    (folder / "shard" / "clean.jsonl").write_bytes(b"".join(line({"text": text}) for text in ("other", *texts)))
    rows = [[], list(range(1, len(texts) + 1))]
    hash_test_text(spec, rows, [str(folder / "none"), str(folder / "shard")], folder, Machine(workers=1))
    return OverlapTable(folder / "test_overlap", spec)


def numbered(first: int, count: int) -> str:
    return " ".join(f"w{i}" for i in range(first, first + count))


def grams(text: str, n: int = 13) -> list[tuple[str, ...]]:
    words = text.split()
    return [tuple(words[i : i + n]) for i in range(len(words) - n + 1)]


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
    for count, expected in ((MOST_TEXTS, 1.0), (MOST_TEXTS + 1, 0.0)):
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


def test_of_more_n_grams_than_the_table_may_have_it_is_a_sample(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = numbered(0, 10_012)  # 10,000 n-grams
    for largest, least, most in ((10_000, 10_000, 10_000), (9_999, 4_700, 5_300), (1_250, 1_100, 1_400)):
        monkeypatch.setattr(overlap_table, "LARGEST_TABLE", largest)
        made = table(tmp_path / str(largest), text)
        assert least <= len(made.keys) <= most
        (match,) = made.matches([f"{numbered(0, 3012)} {numbered(20_000, 5_000)}"])  # 3,000 of 8,000
        assert match.share == pytest.approx(0.375, abs=0.03)
        assert match.of_test == pytest.approx(0.3, abs=0.03)


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


def records(prose: Callable[..., str]) -> list[dict[str, Any]]:
    """100 documents, and for each one that holds all of its text and is no near duplicate."""
    own = [{"id": f"own{i}", "text": prose(i)} for i in range(100)]
    return own + [{"id": f"holds{i}", "text": f"{prose(i)}\n{prose(f'more {i}', 300)}"} for i in range(100)]


@pytest.mark.parametrize("on_match", ["drop", "cut", "keep"])
def test_a_corpus_trains_on_no_test_text(raw: Make, cleaned: Make, prose: Callable[..., str], on_match: str) -> None:
    made = raw(records(prose))
    settings = {"holdout": {"test": 0.2, "validation": 0}, "test_overlap": {"on_match": on_match}}
    corpus = cleaned(made, **settings)
    kept, rows = where(corpus), ledger(corpus)
    leaked = {f"holds{i}" for i in range(100) if kept.get(f"own{i}") == "test" and kept.get(f"holds{i}") != "test"}
    assert len(leaked) > 5
    facts = corpus.facts["test_overlap"]
    if on_match == "drop":
        assert {name for name, each in rows.items() if each[-1]["reason"] == "test overlap"} >= leaked
        assert leaked.isdisjoint(kept)
        assert corpus.facts["dropped"]["test overlap"] == sum(row["gone"] for row in facts["train"])
    else:
        assert leaked <= kept.keys()  # what is cut leaves the rest of them
    test = {gram for d in corpus.documents("test", "domain") for gram in grams(d["text"])}
    shared = sum(gram in test for d in corpus.documents("train", "domain") for gram in grams(d["text"]))
    assert bool(shared) == (on_match == "keep")
    row = next(row for row in facts["test"] if row["part"] == "domain")
    of_documents = {each["id"]: each for each in corpus.test_overlap()}
    tests, train = ([d for part in PARTS for d in corpus.documents(split, part)] for split in ("test", "train"))
    assert of_documents.keys() == {d["id"] for d in tests}
    trained = {gram for document in train for gram in grams(document["text"])}
    for document in tests:
        own, counts = {*grams(document["text"])}, of_documents[document["id"]]
        assert (counts["ngrams"], counts["stays"]) == (len(own), len(own & trained))
    assert row["came_half"] >= len(leaked)
    assert (row["stays"], row["stays_half"]) == ((row["came"], row["came_half"]) if on_match == "keep" else (0, 0))
    assert row["documents"] == sum(split == "test" for split in kept.values() if split) - sum(
        1 for _ in corpus.documents("test", "general")
    )


def test_the_settings_and_their_bounds() -> None:
    assert Overlap().model_dump() == {"words": 13, "on_match": "drop", "max_share": 0.5}
    for wrong in ({"words": 4}, {"words": 1_001}, {"max_share": 1.1}, {"on_match": "mask"}):
        with pytest.raises(ValidationError):
            Overlap.model_validate(wrong)
    assert Overlap.model_validate({"words": 5, "max_share": 1}).words == 5


def test_test_texts_are_numbered_over_all_shards(tmp_path: Path) -> None:
    for rank, texts in enumerate(([numbered(0, 20)], [numbered(100, 20), numbered(0, 20)])):
        found = [np.array(sorted({hash(gram) & 2**63 - 1 for gram in grams(text)}), np.uint64) for text in texts]
        np.savez(tmp_path / f"{rank}.npz", grams=np.concatenate(found), sizes=[len(each) for each in found])
    write_table(tmp_path, [tmp_path / "0.npz", tmp_path / "1.npz"])
    begins, texts = np.load(tmp_path / "begins.npy"), np.load(tmp_path / "texts.npy")
    assert sorted({tuple(texts[b:e].tolist()) for b, e in pairwise(begins.tolist())}) == [(0, 2), (1,)]
    assert np.load(tmp_path / "sizes.npy").tolist() == [8, 8, 8]


def test_a_match_of_nothing() -> None:
    assert (Match().share, Match().of_test, Match().spans, len(Match().keys)) == (0, 0, [], 0)
    assert len(Split([])) == 0
