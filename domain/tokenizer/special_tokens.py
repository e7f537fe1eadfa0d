"""Special tokens of a tokenizer, and the pieces at which words begin and sentences end."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from domain.errors import UserError
from domain.tokenizer.encoding.texts import first, frame
from domain.tokenizer.vocabulary_map import Spelling

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

SENTINEL = re.compile(r"<extra_id_(\d+)>")
STOPS = (".", "!", "?", "\n", "\u3002", "\uff01", "\uff1f")  # the last three are those of Chinese and Japanese


@dataclass(frozen=True)
class SpecialTokens:
    """Ids and vocabulary masks of a fast tokenizer; a property raises ``UserError`` if the tokenizer lacks it."""

    tokenizer: PreTrainedTokenizerFast

    @cached_property
    def begin(self) -> int:
        """The id at the start of a document."""
        return frame(self.tokenizer)[0]

    @cached_property
    def end(self) -> int:
        """The id at the end of a document; equal to ``begin`` if the tokenizer has only one (T5, GPT-2)."""
        return frame(self.tokenizer)[1]

    @cached_property
    def pad(self) -> int:
        """The padding id; ``end`` if the tokenizer has none."""
        pad = first(self.tokenizer.pad_token_id, self.end)
        assert pad is not None
        return pad

    @cached_property
    def mask(self) -> int:
        """The id of the mask token."""
        return self._required(self.tokenizer.mask_token_id, "no mask token")

    @cached_property
    def sentinels(self) -> np.ndarray:
        """int64: the ids of <extra_id_0>, <extra_id_1>, ... in this order; at least two."""
        numbered = {int(m[1]): i for piece, i in self._vocabulary.items() if (m := SENTINEL.fullmatch(piece))}
        count = next((n for n in range(len(numbered)) if n not in numbered), len(numbered))
        self._required(count if count > 1 else None, "no sentinels <extra_id_0>, <extra_id_1>, ...")
        return np.array([numbered[n] for n in range(count)], dtype=np.int64)

    @cached_property
    def ordinary(self) -> np.ndarray:
        """int64, ascending: the ids of text, without special tokens."""
        return np.flatnonzero(self.text)

    @cached_property
    def text(self) -> np.ndarray:
        """bool [vocabulary]: whether an id is a piece of text and not a special token."""
        text = self._marked(lambda piece: True)
        text[[i for i, token in self.tokenizer.added_tokens_decoder.items() if token.special]] = False
        return text

    @cached_property
    def starts(self) -> np.ndarray:
        """bool [vocabulary]: whether a word begins with this piece, in any position.

        In WordPiece these are the pieces without ##; otherwise those that begin with a space, a punctuation mark or a
        symbol. Letters, digits, marks and parts of a character continue a word, except at the start of a document.
        """
        prefix = getattr(self.tokenizer.backend_tokenizer.model, "continuing_subword_prefix", None)
        if prefix:
            return self._marked(lambda piece: not piece.startswith(prefix))
        return self._marked(lambda piece: parting(self._read(piece)[:1]))

    @cached_property
    def stops(self) -> np.ndarray:
        """bool [vocabulary]: whether a sentence can end with this piece: it ends in . ! ? or a line break."""
        return self._marked(lambda piece: self._read(piece).rstrip(" ").endswith(STOPS))

    @cached_property
    def _vocabulary(self) -> dict[str, int]:
        vocabulary: dict[str, int] = self.tokenizer.get_vocab()
        return vocabulary

    @cached_property
    def _spelling(self) -> Spelling:
        return Spelling(self.tokenizer)

    def _read(self, piece: str) -> str:
        """The text of a piece; bytes of incomplete characters become lone surrogates."""
        return self._spelling.read(piece).decode("utf-8", "surrogateescape")

    def _marked(self, holds: Callable[[str], bool]) -> np.ndarray:
        """bool [vocabulary]: the pieces for which ``holds`` is true."""
        marked = np.zeros(1 + max(self._vocabulary.values()), dtype=bool)
        marked[[i for piece, i in self._vocabulary.items() if holds(piece)]] = True
        return marked

    def _required(self, number: int | None, lacks: str) -> int:
        if number is None:
            place = self.tokenizer.name_or_path or "tokenizer"
            fix = "choose a base made for this objective, or set tokenizer.mode to train"
            raise UserError(place, f"has {lacks}", fix)
        return number


def parting(character: str) -> bool:
    """Whether a character separates words: a space, line break, punctuation mark or symbol."""
    category = unicodedata.category(character) if character else "Cn"
    return category[0] in "ZPS" or category == "Cc"
