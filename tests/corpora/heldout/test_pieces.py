from __future__ import annotations

import numpy as np
import pytest

from corpora.heldout.pieces import equal_pieces_needed, piece_counts, piece_hashes
from domain.text.words import Split


def text(words: int, *replaced: int) -> str:
    return " ".join(f"other{place}" if place in replaced else f"w{place}" for place in range(words))


@pytest.mark.parametrize(
    ("words", "pieces", "needed"),
    [(0, 0, -1), (7, 0, -1), (8, 4, 3), (9, 4, 3), (11, 5, 4), (12, 6, 4), (15, 7, 5), (16, 8, 6), (500, 8, 6)],
)
def test_how_many_pieces_there_are_and_must_be_equal(words: int, pieces: int, needed: int) -> None:
    assert piece_counts(np.array([words])).tolist() == [pieces]
    assert equal_pieces_needed(np.array([words])).tolist() == [needed]


@pytest.mark.parametrize("words", [8, 11, 12, 16, 21, 64, 100])
def test_a_replaced_word_changes_one_piece(words: int) -> None:
    whole, *others = piece_hashes(Split([text(words), *(text(words, place) for place in range(words))]))
    count = int(piece_counts(np.array([words]))[0])
    assert len({*whole[:count].tolist(), 0}) == count + 1
    assert whole[count:].tolist() == [0] * (8 - count)
    for place, other in enumerate(others):
        assert np.flatnonzero(whole != other).tolist() == [place * count // words]
    assert int((piece_hashes(Split([text(words, 0, words - 1)]))[0] == whole)[:count].sum()) == count - 2


def test_order_place_and_length_count_and_case_does_not() -> None:
    one, same, turned, longer, short, none = piece_hashes(
        Split([text(20), text(20).upper(), "w1 w0 " + text(20)[6:], text(20) + " more", text(7), ""])
    )
    assert one.tolist() == same.tolist()
    assert np.flatnonzero(one != turned).tolist() == [0]
    assert not set(one.tolist()) & set(longer.tolist())
    assert not short.any()
    assert not none.any()
    repeated = piece_hashes(Split(["a b " * 8]))[0]
    assert len(set(repeated.tolist())) == 8  # equal words, each in its place
    assert piece_hashes(Split([])).shape == (0, 8)
