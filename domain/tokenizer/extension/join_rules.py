"""Which pieces a merge may join, inferred from the pieces that the base already has."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterable
from functools import lru_cache
from itertools import pairwise

from domain.tokenizer.encoding.ranks import byte_alphabet

SPACE, LETTER, DIGIT, MARK, CONTROL = "space", "letter", "digit", "mark", "control"


def borders(pieces: Iterable[str], *, spelled: bool, words: bool) -> Callable[[str, str], bool]:
    """``joins(left, right)``: whether two pieces may be one.

    pieces: the base's, without special tokens and bytes. spelled: whether
    the pieces are in the alphabet of bytes. words: whether the base's pre-tokenizer alone finds the borders.

    A SentencePiece base decides in its training which kinds of characters join (letters with letters, digits with
    none, Kudo and Richardson 2018, arXiv 1808.06226) and keeps no rule, only pieces. So two kinds join where a
    piece of the base has them side by side. Letters join letters and punctuation joins punctuation in any case:
    a small vocabulary may show none. Digits join digits nowhere where no piece of the base has two in a row.
    """
    kind = byte_kind() if spelled else character_kind
    joined_kinds = {(LETTER, LETTER), (MARK, MARK)}
    for piece in pieces:
        kinds = [kind(character) for character in piece]
        joined_kinds.update(pairwise(kinds))

    def joins(left: str, right: str) -> bool:
        pair = kind(left[-1]), kind(right[0])
        if words:
            return pair != (DIGIT, DIGIT) or pair in joined_kinds
        # A space begins a piece, or all of the piece is spaces.
        inner = pair[1] == SPACE and any(kind(character) != SPACE for character in left + right)
        return pair in joined_kinds and not inner

    return joins


@lru_cache(maxsize=1 << 16)
def character_kind(character: str) -> str:
    """Of a character, as SentencePiece writes it."""
    category = unicodedata.category(character)
    if character == "▁":
        return SPACE
    if character.isspace() or category == "Cc":
        return CONTROL
    if category[0] in "LM":
        return LETTER
    return DIGIT if category[0] == "N" else MARK


def byte_kind() -> Callable[[str], str]:
    """Of a byte, as GPT-2 writes it: those of a longer character count as letters."""
    kinds = {
        letter: SPACE if byte == 0x20 else character_kind(chr(byte)) if byte < 0x80 else LETTER
        for byte, letter in byte_alphabet().items()
    }
    return lambda character: kinds.get(character, LETTER)
