from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from corpora.dedup.candidates import Candidates
from corpora.dedup.priority import UNDATED
from tests.corpora.filtered import candidates_in, filtered_shard


def own(number: int) -> np.ndarray:
    """A signature that shares nothing with others."""
    return np.arange(16, dtype=np.uint64) + np.uint64(100 * number + 100)


@pytest.fixture
def candidates(tmp_path: Path) -> Candidates:
    """Two shards of four and two documents. The second document is changed and then shares a band with the fifth."""
    changed = own(9)
    changed[7] = own(4)[7]
    raw = np.array([own(number) for number in range(6)])
    raw[3, 5] = raw[0, 5]
    shards = [
        filtered_shard(
            tmp_path / "a", [("s", "a", "1970-01-02"), ("t", "b", None), ("s", "c", "1969-12-31"), ("s", "d", None)],
            raw[:4], [0, 1, 3], {1: changed}, passages=[(0, 2**63), (2, 5)], matches=[(1, 77)],
        ),
        filtered_shard(tmp_path / "b", [("s", "a", None), ("u", "f", None)], raw[4:], [0, 1], passages=[(1, 2**62)]),
    ]  # fmt: skip
    return candidates_in(tmp_path, ["domain-00000.jsonl", "general-00000.jsonl"], shards)


def test_documents_are_numbered_over_all_shards(candidates: Candidates) -> None:
    assert (len(candidates), candidates.signatures, candidates.starts) == (6, 7, [0, 4, 6])
    assert candidates.sources == [("domain", "s"), ("domain", "t"), ("general", "s"), ("general", "u")]
    assert candidates.read("places").tolist() == [0, 1, 0, 0, 2, 3]
    assert candidates.read("days").tolist() == [1, UNDATED, -1, UNDATED, UNDATED, UNDATED]
    assert candidates.read("passed").tolist() == [True, True, False, True, True, True]
    assert candidates.read("changed").tolist() == [1]
    assert candidates.read("matches").tolist() == [[1, 77]]
    names = candidates.read("names")
    assert (names[0] == names[4], len(set(names.tolist()))) == (True, 5)  # by source and id


def test_columns_before_and_after_the_filters(candidates: Candidates) -> None:
    assert candidates.raw(7).tolist() == [107, 207, 307, 407, 507, 607]
    assert candidates.changed(7).tolist() == [507]
    assert candidates.current(7).tolist() == [107, 507, 307, 407, 507, 607]
    assert candidates.current(0).tolist() == [100, 1000, 300, 400, 500, 600]


def pairs(candidates: Candidates, *takes_part: int) -> list[tuple[int, list[list[int]]]]:
    """The edges by column of those that take part, or of all signatures."""
    texts = candidates.part(np.isin(np.arange(6), takes_part))
    shared = texts.shared if takes_part else candidates.all_buckets
    edges = [(column, np.transpose([b.edges() for b in shared(column)]).reshape(-1, 2)) for column in range(2, 16)]
    return [(column, each.tolist()) for column, each in edges if len(each)]


def test_buckets_are_of_documents(candidates: Candidates) -> None:
    assert pairs(candidates) == [(5, [[0, 3]]), (7, [[1, 4]])]
    assert pairs(candidates, 0, 1, 3, 4) == [(5, [[0, 3]]), (7, [[1, 4]])]
    assert pairs(candidates, 0, 1, 3) == [(5, [[0, 3]])]
    assert pairs(candidates, 1, 3, 4, 5) == [(7, [[1, 4]])]


def test_a_text_as_it_came_is_not_what_the_filters_left(tmp_path: Path) -> None:
    raw = np.array([own(0), own(0)])
    shard = filtered_shard(tmp_path / "a", [("s", "a", None), ("s", "b", None)], raw, [0, 1], {1: own(5)})
    both = candidates_in(tmp_path, ["domain-00000.jsonl"], [shard])
    assert len([each for column in range(2, 16) for b in both.all_buckets(column) for each in b.edges()[0]]) == 14
    texts = both.part(np.ones(2, bool))
    assert [each for column in range(2, 16) for b in texts.shared(column) for each in b.edges()[0]] == []


def test_ids_and_places_of_some(candidates: Candidates) -> None:
    assert list(candidates.ids()) == [["a", "b", "c", "d"], ["a", "f"]]
    assert list(candidates.ids_of(np.array([1, 3, 5]))) == ["b", "d", "f"]
    assert list(candidates.ids_of(np.array([], np.int64))) == []
    assert candidates.rows_left(np.array([0, 3, 4])) == [[0, 2], [0]]
    assert candidates.rows_left(np.array([5])) == [[], [1]]
    assert candidates.sources_of(np.array([5, 0])) == [("general", "u"), ("domain", "s")]


def test_paragraphs_by_the_first_bits_of_their_hashes(candidates: Candidates) -> None:
    stays = np.ones(6, bool)
    assert candidates.paragraphs == 3
    assert candidates.passages(stays, 0, 0).tolist() == [[0, 2**63], [3, 5], [5, 2**62]]
    assert [candidates.passages(stays, 1, number).tolist() for number in (0, 1)] == [[[3, 5], [5, 2**62]], [[0, 2**63]]]
    assert candidates.passages(stays, 2, 1).tolist() == [[5, 2**62]]
    assert candidates.passages(np.arange(6) != 5, 0, 0).tolist() == [[0, 2**63], [3, 5]]


def test_a_shard_whose_columns_do_not_match_is_refused(tmp_path: Path) -> None:
    shard = filtered_shard(tmp_path / "a", [("s", "a", None)], np.array([own(0), own(1)]), [0])
    with pytest.raises(RuntimeError, match="2 signatures for 1 documents"):
        candidates_in(tmp_path, ["domain-00000.jsonl"], [shard])
