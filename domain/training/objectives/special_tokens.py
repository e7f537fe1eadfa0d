"""What an objective must know of a tokenizer: the ids that stand for no text, where words begin and sentences end."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from domain.errors import UserError
from domain.model.vocabulary_map import Spelling
from domain.tokenizer.encoding.texts import first, frame

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

SENTINEL = re.compile(r"<extra_id_(\d+)>")
STOPS = (".", "!", "?", "\n", "\u3002", "\uff01", "\uff1f")  # the last three are those of Chinese and Japanese


@dataclass(frozen=True)
class SpecialTokens:
    """A fast tokenizer, as numbers. Raises ``UserError`` where it lacks what is asked for."""

    tokenizer: PreTrainedTokenizerFast

    @cached_property
    def begin(self) -> int:
        """The id that opens a document."""
        return frame(self.tokenizer)[0]

    @cached_property
    def end(self) -> int:
        """The id that closes a document; the same as ``begin`` where a tokenizer has only one (T5, GPT-2)."""
        return frame(self.tokenizer)[1]

    @cached_property
    def pad(self) -> int:
        """The id that fills a row up: the tokenizer's own, else that of the end."""
        pad = first(self.tokenizer.pad_token_id, self.end)
        assert pad is not None
        return pad

    @cached_property
    def mask(self) -> int:
        """The id that stands in for what is masked."""
        return self._asked(self.tokenizer.mask_token_id, "no mask token")

    @cached_property
    def sentinels(self) -> np.ndarray:
        """int64: the ids of <extra_id_0>, <extra_id_1>, ... in this order; two or more."""
        numbered = {int(m[1]): i for piece, i in self._vocabulary.items() if (m := SENTINEL.fullmatch(piece))}
        count = next((n for n in range(len(numbered)) if n not in numbered), len(numbered))
        self._asked(count if count > 1 else None, "no sentinels <extra_id_0>, <extra_id_1>, ...")
        return np.array([numbered[n] for n in range(count)], dtype=np.int64)

    @cached_property
    def ordinary(self) -> np.ndarray:
        """int64, rising: the ids of text, without special tokens."""
        return np.flatnonzero(self.text)

    @cached_property
    def text(self) -> np.ndarray:
        """bool [vocabulary]: whether an id stands for text, and is no special token."""
        text = self._marked(lambda piece: True)
        text[[i for i, token in self.tokenizer.added_tokens_decoder.items() if token.special]] = False
        return text

    @cached_property
    def starts(self) -> np.ndarray:
        """bool [vocabulary]: whether a word begins with this piece, wherever it stands.

        WordPiece says so: what goes on begins with ##. Otherwise a piece that begins with a space, a punctuation mark
        or a symbol does. Letters, digits, marks and parts of a character go on, unless a document begins with them.
        """
        prefix = getattr(self.tokenizer.backend_tokenizer.model, "continuing_subword_prefix", None)
        if prefix:
            return self._marked(lambda piece: not piece.startswith(prefix))
        return self._marked(lambda piece: parting(self._read(piece)[:1]))

    @cached_property
    def stops(self) -> np.ndarray:
        """bool [vocabulary]: whether a sentence may end with this piece: it ends in . ! ? or a line break."""
        return self._marked(lambda piece: self._read(piece).rstrip(" ").endswith(STOPS))

    @cached_property
    def _vocabulary(self) -> dict[str, int]:
        vocabulary: dict[str, int] = self.tokenizer.get_vocab()
        return vocabulary

    @cached_property
    def _spelling(self) -> Spelling:
        return Spelling(self.tokenizer)

    def _read(self, piece: str) -> str:
        """The text of a piece; bytes that are no whole character are lone surrogates."""
        return self._spelling.read(piece).decode("utf-8", "surrogateescape")

    def _marked(self, holds: Callable[[str], bool]) -> np.ndarray:
        """bool [vocabulary]: for which pieces ``holds``."""
        marked = np.zeros(1 + max(self._vocabulary.values()), dtype=bool)
        marked[[i for piece, i in self._vocabulary.items() if holds(piece)]] = True
        return marked

    def _asked(self, number: int | None, lacks: str) -> int:
        if number is None:
            place = self.tokenizer.name_or_path or "tokenizer"
            fix = "choose a base made for this objective, or set tokenizer.mode to train"
            raise UserError(place, f"has {lacks}", fix)
        return number


def parting(character: str) -> bool:
    """Whether a character parts words: a space, line break, punctuation mark or symbol."""
    category = unicodedata.category(character) if character else "Cn"
    return category[0] in "ZPS" or category == "Cc"
