"""Lists of words and phrases, found in many texts at once by the hashes of their one split."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

import numpy as np

from domain.text.ngrams import ngram_hashes
from domain.text.words import Split

LOOKUP_SIZE = 1 << 18  # a first look that sorts out all but about one word in a hundred for a list of 2,000 terms


class Lexicon:
    """Terms (one word or several) in the order given; what ``split`` finds no word in has no place in one.

    A term is matched word by word in lower case, so "cock pit" is found in "Cock-pit" and not in "cockpit".
    """

    def __init__(self, terms: Iterable[str]) -> None:
        self.terms = tuple(terms)
        split = Split(self.terms)
        self.lengths = np.diff(split.offsets)
        by_length: dict[int, list[tuple[int, int]]] = defaultdict(list)
        for number, length in enumerate(self.lengths.tolist()):
            if not length:
                raise ValueError(f"term {number + 1}, {self.terms[number]!r}, has no letter or digit")
            begin = split.offsets[number]
            by_length[length].append((int(ngram_hashes(split.hashes[begin : begin + length], length)[0]), number))
        self.tables = {length: table(entries) for length, entries in sorted(by_length.items())}

    def find(self, split: Split) -> tuple[np.ndarray, np.ndarray]:
        """(places, numbers), int64 [finds] each: the index of a find's first word in ``split.hashes``, and its term.

        A find that lies within a longer one is not told ("Americans" in "African Americans"); of a term that was
        given twice, the first one is.
        """
        places, numbers = [], []
        for length, (present, hashes, which) in self.tables.items():
            grams = ngram_hashes(split.hashes, length)
            here = np.flatnonzero(present[(grams & np.uint64(LOOKUP_SIZE - 1)).astype(np.int64)])
            at = np.minimum(np.searchsorted(hashes, grams[here]), len(hashes) - 1)
            equal = hashes[at] == grams[here]
            here, at = here[equal], at[equal]
            if length > 1:  # the words of one text are no phrase with those of the next
                inside = text_of(split, here) == text_of(split, here + length - 1)
                here, at = here[inside], at[inside]
            places.append(here)
            numbers.append(which[at])
        if not places:
            return np.empty(0, np.int64), np.empty(0, np.int64)
        begins, terms = np.concatenate(places), np.concatenate(numbers)
        ends = begins + self.lengths[terms]
        order = np.lexsort((-ends, begins))
        begins, terms, ends = begins[order], terms[order], ends[order]
        reached = np.maximum.accumulate(np.concatenate(([0], ends)))[:-1]
        whole = ends > reached
        return begins[whole], terms[whole]


def table(entries: list[tuple[int, int]]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(which of ``LOOKUP_SIZE`` are taken: bool, hashes in order: uint64, their terms: int64)."""
    first = dict(reversed(entries))
    hashes = np.array(sorted(first), dtype=np.uint64)
    present = np.zeros(LOOKUP_SIZE, dtype=bool)
    present[(hashes & np.uint64(LOOKUP_SIZE - 1)).astype(np.int64)] = True
    return present, hashes, np.array([first[int(h)] for h in hashes], dtype=np.int64)


def text_of(split: Split, places: np.ndarray) -> np.ndarray:
    """int64 [places]: the text in which each word stands."""
    return np.asarray(np.searchsorted(split.offsets, places, side="right") - 1)


def written(split: Split, places: np.ndarray) -> list[str]:
    """The words at these places as they stand in their texts."""
    texts = text_of(split, places).tolist()
    return [
        split.texts[text][split.starts[at] : split.ends[at]] for text, at in zip(texts, places.tolist(), strict=True)
    ]
