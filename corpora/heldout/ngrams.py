"""Word n-grams by which an edited text is recognised: samples of held-out texts', looked up in other texts.

Near-duplicate bands miss a short text of which two words were changed, and a long one of which half was. Containment
does not (Broder 1997, section 2): the share of a held-out text's n-grams that stand in another text.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from domain.text.ngrams import Bits, ngram_hashes
from domain.text.words import Split, mixed

SHORT, LONG = (
    3,
    5,
)  # words of an n-gram: two changed words leave 10 of 16 of the 3-grams of 18 words, 6 of 14 of their 5-grams
LONG_FROM = 60  # words from which a text is compared by the longer ones, which other texts share by chance less often
FEWEST_WORDS = 8  # a shorter text is compared as a whole
SAMPLE_SIZE = 128  # n-grams of a text: the share of them is off by 4 points (standard deviation)
FEWEST_GRAMS = 4  # n-grams that must be shared, whatever their share
SHARE = 0.3  # of a text's n-grams that an edited one has at least
QUOTED = 0.8  # likewise of a text that is a small part of the other
AT_ONCE = 1 << 20  # hashes that are looked up together
LONGER = 4  # times as long is the other, then
WHOLE = 0.9  # of all n-grams of a text that has hardly any of its own, in a text of at most twice its length
TWICE = 2


def gram_words(words: int) -> int:
    """How many words the n-grams have by which a text of so many words is compared."""
    return LONG if words >= LONG_FROM else SHORT


def sampled(split: Split) -> list[np.ndarray]:
    """uint64 [n-grams], sorted, of each text: distinct ones, drawn by their hashes, twice as many as are to stay."""
    samples = []
    for begin, end in zip(split.offsets[:-1].tolist(), split.offsets[1:].tolist(), strict=True):
        words = end - begin
        grams = np.unique(ngram_hashes(split.hashes[begin:end], gram_words(words)))
        if words < FEWEST_WORDS:
            grams = grams[:0]
        samples.append(np.sort(grams[np.argsort(mixed(grams))[: 2 * SAMPLE_SIZE]]))
    return samples


def distinctive(sample: np.ndarray, common: np.ndarray) -> np.ndarray:
    """The part of a text's sample that tells it apart: without what is ``common`` (uint64, sorted) to training texts.

    Empty where too few are left to recognise it by.
    """
    left = sample[~among(common, sample)]
    left = np.sort(left[np.argsort(mixed(left))[:SAMPLE_SIZE]])
    return left if len(left) >= FEWEST_GRAMS else left[:0]


def recorded(sample: np.ndarray, common: np.ndarray) -> tuple[np.ndarray, int]:
    """(uint64 [n-grams], sorted, by which a text is known again; how many they are, negative where they are not its
    own).

    A notice in the words of all others has too few of its own: all that were drawn are recorded then.
    """
    left = distinctive(sample, common)
    if len(left):
        return left, len(left)
    left = np.sort(sample[np.argsort(mixed(sample))[:SAMPLE_SIZE]])
    return left, -len(left)


def shared(split: Split, tables: Sequence[np.ndarray], bits: Bits) -> list[np.ndarray]:
    """uint64 [n-grams], sorted, of each text: those of either length that a table (uint64, sorted) has; ``bits`` holds
    all of them."""
    matches = []
    for begin, end in zip(split.offsets[:-1].tolist(), split.offsets[1:].tolist(), strict=True):
        hashes = split.hashes[begin:end]
        grams = np.concatenate([ngram_hashes(hashes, n) for n in (SHORT, LONG)])
        grams = np.unique(grams[bits.hold(grams) > 0])
        there = np.zeros(len(grams), bool)
        for table in tables:
            there |= among(table, grams)
        matches.append(grams[there])
    return matches


def among(column: np.ndarray, hashes: np.ndarray) -> np.ndarray:
    """bool: whether each hash is in a sorted column (uint64)."""
    there = np.zeros(len(hashes), bool)
    for begin in range(0, len(hashes), AT_ONCE) if len(column) else ():
        some = hashes[begin : begin + AT_ONCE]
        there[begin : begin + AT_ONCE] = column[np.minimum(np.searchsorted(column, some), len(column) - 1)] == some
    return there


def needed(sizes: np.ndarray, words: np.ndarray, other_words: np.ndarray) -> np.ndarray:
    """int64: how many of the ``sizes`` n-grams of texts of ``words`` words others of ``other_words`` must share.

    Sizes are those of ``recorded``. One more than there are where no number is enough.
    """
    shares = np.where(other_words > LONGER * words, QUOTED, SHARE)
    shares = np.where(sizes < 0, WHOLE, shares)
    numbers: np.ndarray = np.maximum(np.ceil(shares * abs(sizes) - 1e-9).astype(np.int64), FEWEST_GRAMS)
    return np.where((sizes < 0) & (other_words > TWICE * words), 1 - sizes, numbers)
