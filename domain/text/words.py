"""The one split into words: of many texts at once, with where each word stands and a stable 64-bit hash of it."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from hashlib import blake2b

import numpy as np

AT_ONCE = 1 << 17  # characters looked at in one go: what is made of them, 1 MB, stays in the cache
LETTER_PLANES = 0x40000  # code points with a letter, digit or mark among them; what lies above separates words
BLOCK, BLOCKS = 8, 8  # a word is hashed 8 bytes at a time; one of more than 64 by BLAKE2
HASH_MULTIPLIER = 0x9E3779B97F4A7C15  # odd, from the golden ratio
OTHER = 0x80  # stands for a letter that is not ASCII
# Scripts that are written without spaces: each character counts as a word (first and last code point of a block).
UNSPACED = (
    (0x0E00, 0x0EFF), (0x1000, 0x109F), (0x1780, 0x17FF), (0x3005, 0x3007), (0x3040, 0x30FF), (0x31F0, 0x31FF),
    (0x3400, 0x4DBF), (0x4E00, 0x9FFF), (0xF900, 0xFAFF), (0xFF66, 0xFF9F), (0x20000, 0x3FFFF),
)  # fmt: skip
SINGLE = 0xFF  # a word of its own


@dataclass(frozen=True, eq=False)
class Words:
    """The words of one text: runs of letters, digits, underscores and their marks; each character where a script
    has no spaces. ``starts`` and ``ends`` are int64 [words], in characters; ``hashes`` uint64 [words], of the word
    in lower case.
    """

    text: str
    starts: np.ndarray
    ends: np.ndarray
    hashes: np.ndarray

    def __len__(self) -> int:
        return len(self.hashes)

    @cached_property
    def strings(self) -> list[str]:
        """The words in lower case."""
        bounds = zip(self.starts.tolist(), self.ends.tolist(), strict=True)
        text = self.text.lower() if self.text.isascii() else ""
        return [text[s:e] for s, e in bounds] if text else [self.text[s:e].lower() for s, e in bounds]


class Split(Sequence[Words]):
    """The words of many texts in flat arrays: text i has ``offsets[i]`` to ``offsets[i + 1]`` (int64 [texts + 1])."""

    def __init__(self, texts: Sequence[str]) -> None:
        self.texts = texts
        parts = [hashed(chunk) for chunk in chunks(texts)]
        joined = [np.concatenate(column) if parts else np.empty(0, np.int64) for column in zip(*parts, strict=True)]
        counts, self.starts, self.ends, hashes = joined or [np.empty(0, np.int64)] * 4
        self.hashes = hashes.astype(np.uint64, copy=False)
        self.offsets = np.concatenate(([0], np.cumsum(counts))).astype(np.int64)

    @classmethod
    def of(cls, parts: Sequence[Words]) -> Split:
        """The words of texts that were split before, such as those that are left of others."""
        made = cls(())
        made.texts = [part.text for part in parts]
        if parts:
            made.starts = np.concatenate([part.starts for part in parts])
            made.ends = np.concatenate([part.ends for part in parts])
            made.hashes = np.concatenate([part.hashes for part in parts])
        made.offsets = np.concatenate(([0], np.cumsum([len(part) for part in parts]))).astype(np.int64)
        return made

    def __len__(self) -> int:
        return len(self.texts)

    def __getitem__(self, index: int) -> Words:  # type: ignore[override]
        if not -len(self) <= index < len(self):
            raise IndexError(index)
        here = slice(int(self.offsets[index % len(self)]), int(self.offsets[index % len(self) + 1]))
        return Words(self.texts[index], self.starts[here], self.ends[here], self.hashes[here])


def split(text: str) -> Words:
    """The words of one text; for many, ``Split`` is faster."""
    return Split((text,))[0]


def chunks(texts: Sequence[str], limit: int | None = None) -> Iterator[Sequence[str]]:
    """Neighbouring texts of at most this many characters in all (``AT_ONCE``); a longer text alone."""
    limit = limit or AT_ONCE
    begin = size = 0
    for end, text in enumerate(texts):
        if size and size + len(text) > limit:
            yield texts[begin:end]
            begin, size = end, 0
        size += len(text) + 1
    if begin < len(texts):
        yield texts[begin:]


def hashed(texts: Sequence[str]) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """(words of each text, starts, ends, hashes).

    A character is one byte: 0 between words, else itself in lower case, or ``OTHER``. So a word of up to 8 letters is
    one masked number, read at its place, and most words need no more; letters that are not ASCII add their own terms.
    """
    joined = f"\n{chr(10).join(texts)}\n{BLOCK * chr(10)}"  # a word begins and ends within it, and so does its block
    if joined.isascii():
        letters, codes = joined.encode().translate(ascii_table()), None
        singles = others = np.empty(0, np.int64)
    else:
        letters, codes, others, singles = narrowed(joined)
    inside = np.frombuffer(letters, np.uint8).astype(bool)
    edges = np.flatnonzero(inside[1:] != inside[:-1]) + 1
    starts, ends = edges[::2].copy(), edges[1::2].copy()
    if len(singles):
        starts, ends = apart(inside, starts, ends, singles)
    hashes = letter_hashes(letters, starts, ends)
    if codes is not None and len(others):
        word = np.searchsorted(starts, others, side="right") - 1
        terms = mixed(codes[others].astype(np.uint64) + ((others - starts[word]).astype(np.uint64) << np.uint64(20)))
        opens = np.flatnonzero(np.concatenate(([True], word[1:] != word[:-1])))
        hashes[word[opens]] += np.add.reduceat(terms, opens)
    bounds = np.concatenate(([1], 1 + np.cumsum(np.fromiter((len(t) + 1 for t in texts), np.int64, len(texts)))))
    counts = np.diff(np.searchsorted(starts, bounds))
    shift = np.repeat(bounds[:-1], counts)
    return counts, starts - shift, ends - shift, mixed(hashes)


def narrowed(joined: str) -> tuple[bytes, np.ndarray, np.ndarray, np.ndarray]:
    """(a byte for each character, lower-case code points, places of ``OTHER`` letters, of those that are words)."""
    codes = np.frombuffer(joined.encode("utf-32-le", "surrogatepass"), "<u4")
    letters = np.minimum(codes, OTHER).astype(np.uint8)
    letters = np.frombuffer(bytearray(letters.tobytes().translate(ascii_table())), np.uint8)
    places = np.flatnonzero(codes >= OTHER)
    kinds, folded = unicode_tables()
    beyond = np.minimum(codes[places], LETTER_PLANES)
    kind = kinds[beyond]
    letters[places] = np.minimum(kind, OTHER)
    lower = np.zeros(len(codes), np.uint32)
    lower[places] = folded[beyond]
    return letters.tobytes(), lower, places[kind >= OTHER], places[kind == SINGLE]


def apart(
    inside: np.ndarray, starts: np.ndarray, ends: np.ndarray, singles: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """``starts`` and ``ends`` where each of ``singles`` is a word of its own: it ends what stands before it."""
    before, behind = singles[inside[singles - 1]], singles[inside[singles + 1]] + 1
    cuts = np.sort(np.concatenate((before, behind)))
    return once(np.concatenate((starts, cuts))), once(np.concatenate((ends, cuts)))


def once(numbers: np.ndarray) -> np.ndarray:
    """The numbers sorted, each once; numpy's own ``unique`` is 20 times as slow on these, two sorted runs."""
    numbers.sort(kind="stable")
    return numbers[np.concatenate(([True], numbers[1:] != numbers[:-1]))[: len(numbers)]]


def letter_hashes(letters: bytes, starts: np.ndarray, ends: np.ndarray) -> np.ndarray:
    """uint64 [words], not yet mixed: a polynomial in the words' blocks of 8 bytes, or BLAKE2 of a long one."""
    blocks: np.ndarray = np.ndarray((len(letters) - BLOCK + 1,), "<u8", letters, strides=(1,))
    masks = np.array([(1 << 8 * size) - 1 for size in range(BLOCK + 1)], np.uint64)
    lengths = ends - starts
    hashes: np.ndarray = blocks[starts] & masks[np.minimum(lengths, BLOCK)]
    longer = np.flatnonzero(lengths > BLOCK)
    for block in range(1, BLOCKS):
        if not len(longer):
            return hashes
        left = lengths[longer] - BLOCK * block
        part = blocks[starts[longer] + BLOCK * block] & masks[np.minimum(left, BLOCK)]
        hashes[longer] = mixed(hashes[longer]) + part
        longer = longer[left > BLOCK]
    for word in longer.tolist():
        digest = blake2b(letters[starts[word] : ends[word]], digest_size=8).digest()
        hashes[word] = int.from_bytes(digest, "little")
    return hashes


@lru_cache(maxsize=1)
def ascii_table() -> bytes:
    """For each byte: 0 between words, else the letter in lower case; ``OTHER`` stays."""
    return bytes(
        ord(chr(c).lower()) if c < 128 and (chr(c).isalnum() or c == ord("_")) else c & OTHER for c in range(256)
    )


@lru_cache(maxsize=1)
def unicode_tables() -> tuple[np.ndarray, np.ndarray]:
    """(uint8: 0 between words, an ASCII letter, ``OTHER`` or ``SINGLE``; uint32: the letter in lower case), by code."""
    kinds = np.zeros(LETTER_PLANES + 1, dtype=np.uint8)
    folded = np.arange(LETTER_PLANES + 1, dtype=np.uint32)
    for code in range(OTHER, LETTER_PLANES):
        letter = chr(code)
        if letter.isalnum() or unicodedata.category(letter)[0] == "M":
            folded[code] = ord(letter.lower()[0])
            kinds[code] = min(int(folded[code]), OTHER)  # the Kelvin sign is a k
    for first, last in UNSPACED:
        kinds[first : last + 1] = np.where(kinds[first : last + 1] == OTHER, SINGLE, 0)
    return kinds, folded


def mixed(numbers: np.ndarray) -> np.ndarray:
    """uint64 of the same shape: SplitMix64's finaliser (Steele, Lea and Flood 2014), one to one."""
    value: np.ndarray = numbers + np.uint64(HASH_MULTIPLIER)
    value = (value ^ (value >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    value = (value ^ (value >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    value ^= value >> np.uint64(31)
    return value
