"""Equal texts: a 128-bit key of the text with case and white space folded; the first one stays."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
import xxhash

from domain.text.words import chunks

SPACE = 0x20
# What UTF-8 adds to the bits of a character of 2, 3 and 4 bytes, first byte first (RFC 3629, section 3).
FORMS = ((0xC0, 0x80), (0xE0, 0x80, 0x80), (0xF0, 0x80, 0x80, 0x80))
AT_ONCE = 1 << 19  # characters normalised in one go: half as fast in larger pieces, which leave the cache
PLANES = 0x20000  # no code point above has another case or is white space


def exact_keys(texts: Sequence[str]) -> np.ndarray:
    """uint64 [texts, 2]: XXH3 (128 bits) of each text, normalised."""
    digests = [xxhash.xxh3_128_digest(text) for text in normalised(texts)]
    return np.frombuffer(b"".join(digests), dtype=">u8").astype(np.uint64).reshape(-1, 2)


def normalised(texts: Sequence[str]) -> list[memoryview]:
    """The texts in UTF-8 with each character in its folded case, each run of white space as one space, and trimmed.

    A character folds to ``str.casefold`` where that is one character of as many bytes: ``É`` to ``é``, but ``ß``
    stays. White space is ``str.isspace``. Nothing else is folded: no Unicode normal form, no sign. Many texts pass in
    one go, which is ten times as fast as one by one. They hold no NUL: see ``corpora.document.clean``.
    """
    # ASCII apart, as most text is: nothing else is to be folded there, and one wide character would make all wide.
    plain, wide = [text for text in texts if text.isascii()], [text for text in texts if not text.isascii()]
    ready = {
        True: (text for some in chunks(plain, AT_ONCE) for text in folded(some, beyond=False)),
        False: (text for some in chunks(wide, AT_ONCE) for text in folded(some, beyond=True)),
    }
    return [next(ready[text.isascii()]) for text in texts]


def folded(texts: Sequence[str], *, beyond: bool) -> list[memoryview]:
    """The texts, folded in one go."""
    data = b"\x00".join([*map(str.encode, texts), b""]).translate(ascii_folds())
    letters = np.frombuffer(bytearray(data) if beyond else data, np.uint8)
    if beyond:
        fold_beyond(letters)
    spaces = letters == SPACE
    once = np.ones(len(letters), dtype=bool)
    np.logical_not(spaces[1:] & spaces[:-1], out=once[1:])
    letters = letters[once]
    stops = np.flatnonzero(letters == 0)
    starts = np.concatenate(([0], stops[:-1] + 1))
    starts += letters[starts] == SPACE
    stops -= (letters[stops - 1] == SPACE) & (stops > starts)
    view = letters.data
    return [view[start:stop] for start, stop in zip(starts.tolist(), stops.tolist(), strict=True)]


def fold_beyond(letters: np.ndarray) -> None:
    """Fold, in place, what is not ASCII in UTF-8 (uint8 [bytes]); white space becomes as many spaces."""
    leads = np.flatnonzero(letters >= FORMS[0][0])
    folds = unicode_folds()
    for form, end in zip(FORMS, (0xE0, 0xF0, 0x100), strict=True):
        places = leads[(letters[leads] >= form[0]) & (letters[leads] < end)]
        codes = np.zeros(len(places), np.uint32)
        for byte, marker in enumerate(form):
            codes = (codes << np.uint32(6)) | (letters[places + byte] - np.uint8(marker))
        went = folds[np.minimum(codes, PLANES)]
        changed = (went != codes) & (codes < PLANES)
        places, went = places[changed], went[changed]
        for byte, marker in enumerate(form):
            bits = (went >> np.uint32(6 * (len(form) - 1 - byte))) & np.uint32(0x3F)
            letters[places + byte] = np.where(went == SPACE, SPACE, bits | np.uint32(marker))


@lru_cache(maxsize=1)
def ascii_folds() -> bytes:
    """What each byte becomes; those of longer characters stay."""
    return bytes(ord(fold(chr(byte))) if byte < 0x80 else byte for byte in range(256))


@lru_cache(maxsize=1)
def unicode_folds() -> np.ndarray:
    """uint32: what each code point becomes."""
    return np.array([ord(fold(chr(code))) for code in range(PLANES + 1)], np.uint32)


def fold(letter: str) -> str:
    """One character for one, of as many bytes in UTF-8, or a space."""
    if letter.isspace():
        return " "
    folded = letter.casefold()
    if folded == letter:
        return letter
    lengths = {len(each.encode("utf-8", "surrogatepass")) for each in (letter, folded)}
    return folded if len(folded) == 1 and len(lengths) == 1 else letter


def first_of_equals(keys: np.ndarray, order: np.ndarray) -> np.ndarray:
    """int64 [texts]: the earliest text by ``order`` with the same key (uint64 [texts, 2]); itself where it is that."""
    places = np.lexsort((order, keys[:, 1], keys[:, 0]))
    ranked = keys[places]
    opens = np.concatenate(([True], (ranked[1:] != ranked[:-1]).any(axis=1)))[: len(keys)]
    first = np.empty(len(keys), dtype=np.int64)
    first[places] = places[np.flatnonzero(opens)[np.cumsum(opens) - 1]]
    return first
