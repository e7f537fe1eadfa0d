"""The corpus before this one: which of its documents are remembered, edited since, gone, or drawn again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from corpora.candidates import Candidates
from corpora.dedup.index import Duplicates, Index
from corpora.heldout.history import History
from corpora.holdout import NEITHER, TRAIN
from domain.artifacts import PARTS


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
        exact: np.ndarray, near: np.ndarray, chosen: np.ndarray, own_text: np.ndarray,
    ) -> Remembered:  # fmt: skip
        """Compare the candidates in ``taking`` (int64), that are ``exact`` or ``near`` duplicates, with the index.

        ``chosen`` are the places of their splits in ``LOUDEST``; ``own_text`` says which equal a text of their own id.
        A document is known by its source and id. Another text of it that shares no band with the old one is new.
        What its filters alone changed was not edited. A part is drawn again where none of its documents would be
        trained on: the mixture needs it, and general text of a fixed revision never changes.
        """
        nothing = np.zeros(len(taking), bool)
        if not len(index):
            return cls(nothing, nothing, nothing, {})
        rows = candidates.rows[taking]
        numbers, stayed = index.named(candidates.raw_names[rows])
        before = np.flatnonzero(numbers >= 0)
        own = nothing.copy()  # text of the same document and cluster stayed in an earlier corpus
        own[before] = duplicates.current_roots(index.roots(numbers[before])) == duplicates.roots[before]
        again = near & duplicates.recalls & own
        edited = again & ~duplicates.repeats & ~history.is_settled[rows]
        same = (exact & (duplicates.equal < len(index)) & (own | own_text)) | (again & ~edited)
        available = same & own
        others = exact & ~available & ~np.isin(duplicates.equal, numbers[available])
        available |= first_that_stayed(others, duplicates, index)
        drawn = nothing.copy()
        for part in PARTS:
            here = np.array([of[0] == part for of in candidates.sources])[candidates.raw_places[rows]]
            fresh = here & (~(exact | near) | edited)
            if not (fresh & (chosen == TRAIN)).any():
                drawn |= here & available & (chosen != NEITHER)
        here_now = np.isin(stayed, candidates.raw_names)
        parts = np.array([of[0] for of in candidates.sources])[candidates.raw_places[rows[drawn]]]
        facts = {
            "remembered": int((same & ~drawn).sum()),
            "edited": int(edited.sum()),
            "gone": int((~here_now).sum()),
            "drawn": {part: int((parts == part).sum()) for part in PARTS if (parts == part).any()},
        }
        return cls(same, edited, drawn, {"earlier": facts})


def first_that_stayed(among: np.ndarray, duplicates: Duplicates, index: Index) -> np.ndarray:
    """bool [texts]: of those in ``among`` (bool) the first that equals each remembered text that stayed."""
    places = np.flatnonzero(among & (duplicates.equal < len(index)))
    _, first = np.unique(duplicates.equal[places], return_index=True)
    places = places[first]
    answer = np.zeros(len(among), bool)
    answer[places] = [split is not None for split in index.splits(duplicates.equal[places])]
    return answer
