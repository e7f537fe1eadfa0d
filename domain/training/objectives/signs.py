"""What an objective must know of a tokenizer: the ids that stand for no text, and where words and sentences end."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from domain.errors import Refusal
from domain.tokens.texts import first, frame

SENTINEL = re.compile(r"<extra_id_(\d+)>")


@dataclass(frozen=True)
class Signs:
    """A fast tokenizer, as numbers."""

    tokenizer: Any

    @cached_property
    def begin(self) -> int:
        """The id that opens a document."""
        return frame(self.tokenizer)[0]

    @cached_property
    def end(self) -> int:
        """The id that closes a document."""
        return frame(self.tokenizer)[1]

    @cached_property
    def pad(self) -> int:
        """The id that fills a row up: the tokenizer's own, else that of the end."""
        found = first(self.tokenizer.pad_token_id, self.end)
        assert found is not None
        return found

    @cached_property
    def mask(self) -> int:
        """The id that stands in for what is masked."""
        return self._asked(self.tokenizer.mask_token_id, "no mask token")

    @cached_property
    def sentinels(self) -> np.ndarray:
        """int64: the ids of <extra_id_0>, <extra_id_1>, ... in this order."""
        found = {int(m[1]): i for piece, i in self.tokenizer.get_vocab().items() if (m := SENTINEL.fullmatch(piece))}
        count = next((n for n in range(len(found)) if n not in found), len(found))
        self._asked(count or None, "no sentinels <extra_id_0>, <extra_id_1>, ...")
        return np.array([found[n] for n in range(count)], dtype=np.int64)

    @cached_property
    def ordinary(self) -> np.ndarray:
        """int64, rising: the ids of text, without special tokens."""
        return np.array(sorted({*self.tokenizer.get_vocab().values()} - self.special), dtype=np.int64)

    @cached_property
    def special(self) -> frozenset[int]:
        """The ids of special tokens."""
        return frozenset(i for i, token in self.tokenizer.added_tokens_decoder.items() if token.special)

    def _asked(self, number: int | None, lacks: str) -> int:
        if number is None:
            place = self.tokenizer.name_or_path or "tokenizer"
            raise Refusal(
                place, f"has {lacks}", "choose a base made for this objective, or set tokenizer.mode to train"
            )
        return number
