"""The previous corpus: which of its documents are remembered, edited since, gone, or drawn again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from corpora.dedup.candidates import Candidates
from corpora.dedup.index import GONE, Duplicates, Index
from corpora.heldout.history import History
from corpora.heldout.holdout import NEITHER, TRAIN
from domain.artifacts import PARTS

AT_ONCE = 1 << 18  # documents whose ids are compared together


@dataclass(frozen=True)
class Remembered:
    """Of each text that took part in deduplication; all False where there is no earlier corpus."""

    same: np.ndarray  # bool: the earlier corpus has this very document
    edited: np.ndarray  # bool: the earlier corpus has another version of this document, which this one replaces
    drawn: np.ndarray  # bool: the earlier corpus has it, and this one takes it again, as its part has no new text
    facts: dict[str, Any]  # how many documents are remembered, edited, drawn by part, and gone

    @property
    def stays(self) -> np.ndarray:
        """bool: texts that stay although they repeat a remembered one."""
        both: np.ndarray = self.edited | self.drawn
        return both

    @classmethod
    def of(
        cls, candidates: Candidates, taking: np.ndarray, duplicates: Duplicates, index: Index, history: History,
        exact: np.ndarray, near: np.ndarray, outcomes: np.ndarray,
    ) -> Remembered:  # fmt: skip
        """Compare the documents in ``taking`` (bool), that are ``exact`` or ``near`` duplicates, with the index.

        ``outcomes`` are the places of their splits in ``LOUDEST``. A document is known by its source and id. Another
        text of it that shares no band with the old one is new. What its filters alone changed was not edited. A part is
        drawn again where none of its documents would be trained on: the mixture needs it, and general text of a fixed
        revision never changes.
        """
        nothing = np.zeros(len(taking), bool)
        if not len(index):
            return cls(nothing, nothing, nothing, {})
        names = candidates.read("names")
        numbers = np.where(taking, index.named(names), -1)
        own = nothing.copy()  # text of the same document and cluster stayed in an earlier corpus
        for begin in range(0, len(numbers), AT_ONCE):
            some = begin + np.flatnonzero(numbers[begin : begin + AT_ONCE] >= 0)
            own[some] = duplicates.current_roots(index.roots(numbers[some])) == duplicates.roots[some]
        again = near & duplicates.recalls & own
        edited = again & ~duplicates.repeats & ~history.is_settled
        recalled = exact & (duplicates.equal < len(index))
        same = recalled & own | again & ~edited
        available = same.copy()
        others = recalled & ~own
        same[same_ids(np.flatnonzero(others), candidates, duplicates, index)] = True
        drawn_once = np.zeros(len(index), bool)
        drawn_once[numbers[available]] = True
        places = np.flatnonzero(others)
        others[places[drawn_once[duplicates.equal[places]]]] = False
        available[first_that_stayed(others, duplicates, index)] = True
        drawn, parts = nothing.copy(), np.array([part for part, _ in candidates.sources])
        places = candidates.read("places")
        for part in PARTS:
            here = taking & (parts == part)[places]
            fresh = here & (~(exact | near) | edited)
            if not (fresh & (outcomes == TRAIN)).any():
                drawn |= here & available & (outcomes != NEITHER)
        counts = {part: int((drawn & (parts == part)[places]).sum()) for part in PARTS}
        facts = {
            "remembered": int((same & ~drawn).sum()),
            "edited": int(edited.sum()),
            "gone": index.absent(names),
            "drawn": {part: count for part, count in counts.items() if count},
        }
        return cls(same, edited, drawn, {"earlier": facts})


def same_ids(documents: np.ndarray, candidates: Candidates, duplicates: Duplicates, index: Index) -> np.ndarray:
    """int64: those of these documents (int64, ascending) that equal a remembered text of their own id."""
    same = [np.empty(0, np.int64)]
    for begin in range(0, len(documents), AT_ONCE):
        some = documents[begin : begin + AT_ONCE]
        pairs = zip(candidates.ids_of(some), index.ids(duplicates.equal[some]), strict=True)
        same.append(some[[one == other for one, other in pairs]])
    return np.concatenate(same)


def first_that_stayed(among: np.ndarray, duplicates: Duplicates, index: Index) -> np.ndarray:
    """int64: of the documents in ``among`` (bool) the first that equals each remembered text that stayed."""
    places = np.flatnonzero(among)
    remembered, first = np.unique(duplicates.equal[places], return_index=True)
    stayed: np.ndarray = places[first][index.splits(remembered) != GONE]
    return stayed
