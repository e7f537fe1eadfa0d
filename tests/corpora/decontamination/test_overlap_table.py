"""What is counted of test text in training text, by document and by source; and whole corpora."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from corpora.decontamination import overlap_table
from corpora.decontamination.overlap_table import write_table
from domain.artifacts import PARTS
from tests.corpora.decontamination.guards import numbered
from tests.corpora.decontamination.overlaps import grams, table
from tests.corpora.fates import ledger, where

Make = Callable[..., Any]


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


def test_test_texts_are_numbered_over_all_shards(tmp_path: Path) -> None:
    for rank, texts in enumerate(([numbered(0, 20)], [numbered(100, 20), numbered(0, 20)])):
        found = [np.array(sorted({hash(gram) & 2**63 - 1 for gram in grams(text)}), np.uint64) for text in texts]
        np.savez(tmp_path / f"{rank}.npz", grams=np.concatenate(found), sizes=[len(each) for each in found])
    write_table(tmp_path, [tmp_path / "0.npz", tmp_path / "1.npz"])
    begins, texts = np.load(tmp_path / "begins.npy"), np.load(tmp_path / "texts.npy")
    assert sorted({tuple(texts[b:e].tolist()) for b, e in pairwise(begins.tolist())}) == [(0, 2), (1,)]
    assert np.load(tmp_path / "sizes.npy").tolist() == [8, 8, 8]
