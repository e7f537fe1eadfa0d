"""Exact duplicates: a 128-bit key of the folded text without case and white space; the first document stays."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
import xxhash

from domain.text.fold import fold
from domain.text.words import chunks

SPACE = 0x20
CASE = np.uint8(0x20)  # what a small letter of ASCII is above its capital, and a space above nothing
# What UTF-8 adds to the bits of a character of 2, 3 and 4 bytes, first byte first (RFC 3629, section 3).
UTF8_PREFIXES = ((0xC0, 0x80), (0xE0, 0x80, 0x80), (0xF0, 0x80, 0x80, 0x80))
AT_ONCE = 1 << 20  # characters normalised in one go: less and the calls cost, more and they leave the cache
CASED_PLANES = 0x20000  # no code point above has another case or is white space


def exact_keys(texts: Sequence[str]) -> np.ndarray:
    """uint64 [texts, 2]: XXH3 (128 bits) of each text, folded and normalised."""
    digests = [xxhash.xxh3_128_digest(text) for text in normalised([fold(text).text for text in texts])]
    return np.frombuffer(b"".join(digests), dtype=">u8").astype(np.uint64).reshape(-1, 2)


def normalised(texts: Sequence[str]) -> list[memoryview]:
    """The texts in UTF-8 with each character in its folded case, each run of white space as one space, and trimmed.

    A character folds to ``str.casefold`` where that is one character of as many bytes: ``É`` to ``é``, but ``ß``
    stays. White space is ``str.isspace``; what else is alike is for ``domain.text.fold``. Many texts pass in
    one go, which is ten times as fast as one by one. They hold no NUL: see ``corpora.document.clean``.
    """
    # ASCII apart, as most text is: nothing else is to be folded there, and one wide character would make all wide.
    plain, wide = [text for text in texts if text.isascii()], [text for text in texts if not text.isascii()]
    ready = {
        True: (text for some in chunks(plain, AT_ONCE) for text in folded(encoded(some))),
        False: (text for some in chunks(wide, AT_ONCE) for text in folded(fold_beyond(encoded(some)))),
    }
    return [next(ready[text.isascii()]) for text in texts]


def encoded(texts: Sequence[str]) -> np.ndarray:
    """uint8 [bytes], UTF-8: a NUL before each text and one after the last."""
    return np.frombuffer("\x00".join(["", *texts, ""]).encode(), np.uint8)


def folded(letters: np.ndarray) -> list[memoryview]:
    """The texts that are so encoded, what is ASCII of them folded in few passes that stay in the cache."""
    spaces = letters - 9 < 5  # what is below wraps around
    spaces |= letters - 28 < 5  # with the five before, what is ``str.isspace`` of ASCII
    capitals = letters - 65 < 26
    capitals |= spaces
    letters = letters * (~spaces).view(np.uint8)
    letters += capitals.view(np.uint8) * CASE
    letters = chosen(letters[1:], ~(spaces[1:] & spaces[:-1]))
    stops = np.flatnonzero(letters == 0)
    starts = np.concatenate(([0], stops[:-1] + 1))
    starts += letters[starts] == SPACE
    stops -= (letters[stops - 1] == SPACE) & (stops > starts)
    view = letters.data
    return [view[start:stop] for start, stop in zip(starts.tolist(), stops.tolist(), strict=True)]


def chosen(letters: np.ndarray, which: np.ndarray) -> np.ndarray:
    """``letters[which]``, by Arrow: where all of 64 are chosen it copies them in one go, numpy a byte at a time."""
    import pyarrow as pa
    import pyarrow.compute as pc

    buffers = pa.py_buffer(letters), pa.py_buffer(np.packbits(which, bitorder="little"))
    kinds = zip((pa.uint8(), pa.bool_()), buffers, strict=True)
    source, mask = (pa.Array.from_buffers(kind, len(letters), [None, buffer]) for kind, buffer in kinds)
    values = pc.array_filter(source, mask)
    return np.frombuffer(values.buffers()[1], np.uint8, len(values))


def fold_beyond(letters: np.ndarray) -> np.ndarray:
    """A copy (uint8 [bytes]) with all that is not ASCII folded; white space becomes as many spaces."""
    letters, folds = letters.copy(), unicode_folds()
    leads = np.flatnonzero(letters >= UTF8_PREFIXES[0][0])
    first = letters[leads]
    for form, end in zip(UTF8_PREFIXES, (0xE0, 0xF0, 0x100), strict=True):
        places = leads[(first >= form[0]) & (first < end)]
        if not len(places):
            continue
        codes = np.zeros(len(places), np.uint32)
        for byte, marker in enumerate(form):
            codes <<= 6
            codes |= letters[places + byte] - np.uint8(marker)
        planes = np.minimum(codes, CASED_PLANES)  # of which the last stands for all above, and stays
        changed = np.flatnonzero(folds[planes] != planes)
        places, went = places[changed], folds[codes[changed]]
        for byte, marker in enumerate(form):
            bits = (went >> 6 * (len(form) - 1 - byte)) & 0x3F | marker
            letters[places + byte] = np.where(went == SPACE, SPACE, bits)
    return letters


@lru_cache(maxsize=1)
def unicode_folds() -> np.ndarray:
    """uint32: what each code point becomes."""
    return np.array([ord(letter_fold(chr(code))) for code in range(CASED_PLANES + 1)], np.uint32)


def letter_fold(letter: str) -> str:
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
