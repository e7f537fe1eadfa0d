"""Control tokens that a text writes out, such as ``</s>`` in a page about tokenizers: characters like all others."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from domain.tokenizer.encoding.tokenizer_file import encoding_errors

if TYPE_CHECKING:
    import tokenizers


class ControlTokens:
    """The ids of a tokenizer that stand for no text: special tokens, and the bytes of characters that it lacks.

    Switching off that special tokens are recognised is not enough. A Unigram model looks a piece up among all of its
    vocabulary, WordPiece a whole word, and BPE with ``ignore_merges`` too, so ``</s>`` becomes the end of a document.
    """

    def __init__(self, backend: tokenizers.Tokenizer) -> None:
        self.backend, self.model = backend, backend.model
        self.prefix = getattr(self.model, "continuing_subword_prefix", None) or ""
        self.names = {
            number: str(token) for number, token in backend.get_added_tokens_decoder().items() if token.special
        }
        self.unknown = self.unknown_id()
        self.bytes = [self.id_of(f"<0x{value:02X}>") for value in range(256)]
        if all(number is not None for number in self.bytes):
            self.names |= {number: f"<0x{value:02X}>" for value, number in enumerate(self.bytes) if number is not None}
        self.ids = np.array(sorted(self.names), dtype=np.int32)
        unsure = {self.unknown, *self.bytes} & self.names.keys()  # these stand for what the vocabulary lacks, too
        self.unsure = np.array(sorted(number for number in unsure if number is not None), dtype=np.int32)

    def unknown_id(self) -> int | None:
        """The id of what is not in the vocabulary. A Unigram model has one and does not tell: it is asked for it."""
        if hasattr(self.model, "unk_token"):
            return self.id_of(self.model.unk_token)
        try:
            tokens = self.model.tokenize("\U0010fffd")  # the last private character
        except Exception:  # tokenizers' own kind, where there is no unknown token
            return None
        return int(tokens[0].id) if len(tokens) == 1 else None

    def id_of(self, piece: str | None) -> int | None:
        """The id of a piece of the model; None where it has none."""
        number = None if piece is None else self.model.token_to_id(piece)
        return None if number is None else int(number)

    def as_characters(self, text: str, ids: np.ndarray) -> np.ndarray:
        """The int32 ids of ``text`` with the characters of each control token that is written in it for its id."""
        hits = ids[np.isin(ids, self.ids)]
        if not len(hits) or (np.isin(hits, self.unsure).all() and not self.mentions(text, hits)):
            return ids
        with encoding_errors("tokenizer"):
            encoding = self.backend.encode(text, add_special_tokens=False)
        out: list[int] = []
        for number, (start, stop) in zip(encoding.ids, encoding.offsets, strict=True):
            name = self.names.get(number)
            if name is None or (number in self.unsure and self.normalized(text[start:stop]).strip(" \u2581") != name):
                out.append(number)
            else:
                out += self.spelled(name)
        return np.asarray(out, dtype=np.int32)

    def mentions(self, text: str, ids: np.ndarray) -> bool:
        """Whether the name of one of ``ids`` stands in a text."""
        normalized = self.normalized(text)
        return any(self.names[number] in normalized for number in set(ids.tolist()))

    def normalized(self, text: str) -> str:
        """``text`` after the tokenizer's normalizer."""
        return text if self.backend.normalizer is None else str(self.backend.normalizer.normalize_str(text))

    def spelled(self, name: str) -> list[int]:
        """The ids of the characters of a control token; where one is not in the vocabulary, its bytes or unknown."""
        ids: list[int] = []
        for place, character in enumerate(name):
            number = self.id_of(self.prefix + character) if place and self.prefix else None
            number = self.id_of(character) if number is None else number
            if number is not None and self.names.get(number) != name:
                ids.append(number)
            elif None not in self.bytes:
                ids += [self.bytes[value] or 0 for value in character.encode()]
            elif self.prefix:
                return [] if self.unknown is None else [self.unknown]  # WordPiece knows a word or does not
            elif self.unknown is not None:
                ids.append(self.unknown)
        return ids


def makes_control_tokens(backend: tokenizers.Tokenizer, ids: Sequence[int]) -> bool:
    """Whether one of ``ids``, which stand for text, is that of a special token."""
    special = {number for number, token in backend.get_added_tokens_decoder().items() if token.special}
    return not special.isdisjoint(ids)
