from __future__ import annotations

from domain.text.quality.counts import Counts
from domain.text.words import Split


def test_words_are_counted_by_what_they_hold() -> None:
    counts = Counts.of(Split(["The 3 pigs, ___ a1!", "", "½ σ\u0301 x_2", "債券 is", "債券市 is"]))
    assert counts.words.tolist() == [5, 0, 3, 3, 4]
    assert counts.spoken.tolist() == [4, 0, 3, 3, 4]  # without ___
    assert counts.characters.tolist() == [10, 0, 6, 4, 5]
    assert counts.lettered.tolist() == [3, 0, 2, 3, 4]  # The, pigs, a1
    assert counts.unspaced.tolist() == [False, False, False, True, True]


def test_a_large_batch_counts_as_each_text_alone() -> None:
    texts = ["abc 12 " * 30_000, "é1 " * 5, *["x 9"] * 500, "字" * 70_000]
    together = Counts.of(Split(texts))
    assert together.lettered.tolist() == [int(Counts.of(Split([text])).lettered[0]) for text in texts]
    assert together.unspaced.tolist() == [False] * 502 + [True]
