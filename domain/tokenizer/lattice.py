"""All segmentations of counted words as arrays: expected piece counts and best scores for Unigram training."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np


@dataclass
class WordColumns:
    """Words as columns, the longest first: byte t of all words that have one lies together.

    ``order[c]`` is the number of the word in column c; words of at least t bytes are the first ``tall[t]`` columns.
    """

    order: np.ndarray
    tall: np.ndarray
    starts: list[np.ndarray]  # by t: byte t of the first tall[t + 1] columns

    @classmethod
    def of(cls, words: Sequence[bytes]) -> Self:
        """Arrange ``words``."""
        lengths = np.fromiter(map(len, words), np.int64, len(words))
        order = np.argsort(-lengths, kind="stable")
        longest = int(lengths.max(initial=0))
        tall = np.searchsorted(-lengths[order], -np.arange(longest + 1), side="right")
        flat = np.frombuffer(b"".join(words), np.uint8)
        begin = (np.cumsum(lengths) - lengths)[order]
        return cls(order, tall, [flat[begin[: tall[t + 1]] + t] for t in range(longest)])


@dataclass
class Trie:
    """Substrings by number: level n holds those of n + 1 bytes, each as ``parent << 8 | byte``, sorted.

    The 256 bytes are numbers 0 to 255. ``counts`` says how often each occurs.
    """

    levels: list[np.ndarray]
    counts: np.ndarray

    @classmethod
    def frequent(cls, words: Sequence[bytes], times: np.ndarray, *, longest: int, at_least: float, limit: int) -> Self:
        """Every byte, and about ``limit`` substrings of each length up to ``longest`` bytes.

        Each occurs ``at_least`` times. A substring occurs no more often than its own beginning, so each level only
        looks at what the last one kept.
        """
        columns = WordColumns.of(words)
        weights = times[columns.order]
        trie = cls([np.arange(256)], np.zeros(256))
        number = [each.astype(np.int64) for each in columns.starts]
        column = [np.arange(len(each)) for each in columns.starts]
        for each, where in zip(number, column, strict=True):
            trie.counts += np.bincount(each, weights[where], 256)
        for length in range(2, longest + 1):
            ahead = range(len(columns.starts) - length + 1)
            fits = [np.searchsorted(column[t], columns.tall[t + length]) for t in ahead]
            column = [column[t][: fits[t]] for t in ahead]
            codes = [number[t][: fits[t]] << 8 | columns.starts[t + length - 1][column[t]] for t in ahead]
            if not sum(map(len, codes)):
                break
            unique, inverse = np.unique(np.concatenate(codes), return_inverse=True)
            occurrences = np.bincount(inverse, weights[np.concatenate(column)], len(unique))
            threshold = np.partition(occurrences, -limit)[-limit] if len(occurrences) > limit else at_least
            stays = occurrences >= max(at_least, threshold)
            if stays.sum() > 2 * limit:  # many are as rare as the last one
                stays = occurrences > threshold
            first = len(trie.counts)
            again = np.where(stays, np.cumsum(stays) + (first - 1), -1)[inverse]
            trie.levels.append(unique[stays])
            trie.counts = np.concatenate([trie.counts, occurrences[stays]])
            parts = np.split(again, np.cumsum([len(each) for each in codes])[:-1])
            alive = [part >= 0 for part in parts]
            number = [part[live] for part, live in zip(parts, alive, strict=True)]
            column = [where[live] for where, live in zip(column, alive, strict=True)]
        return trie

    @property
    def lengths(self) -> np.ndarray:
        """Bytes of each substring."""
        return np.repeat(np.arange(len(self.levels)) + 1, [len(level) for level in self.levels])

    def spell(self, numbers: np.ndarray) -> list[bytes]:
        """What these substrings are."""
        codes = np.concatenate(self.levels).tolist()
        texts = []
        for number in numbers.tolist():
            text = bytearray()
            while number > 255:
                text.append(codes[number] & 255)
                number = codes[number] >> 8
            texts.append(bytes([*text, number])[::-1])
        return texts

    def find(self, level: int, codes: np.ndarray) -> np.ndarray:
        """The numbers of substrings of ``level + 1`` bytes, given as codes; -1 for those that are not here."""
        substrings = self.levels[level]
        first = sum(map(len, self.levels[:level]))
        place = np.minimum(np.searchsorted(substrings, codes), len(substrings) - 1)
        return (
            np.asarray(np.where(substrings[place] == codes, first + place, -1))
            if len(substrings)
            else np.full(len(codes), -1)
        )


class Lattice:
    """The edges of words: ``edges[t, n]`` has columns, and the pieces that span the n bytes of each up to byte t.

    With ``whole=False`` no edge spans a whole word, so a word is never its own piece (a byte apart).
    """

    def __init__(self, trie: Trie, words: Sequence[bytes], pieces: np.ndarray, *, whole: bool = True) -> None:
        self.columns = WordColumns.of(words)
        self.edges: dict[tuple[int, int], tuple[np.ndarray, np.ndarray]] = {}
        renamed = np.full(len(trie.counts) + 1, -1, np.int32)  # the last one answers for "not here"
        renamed[pieces] = np.arange(len(pieces))
        lengths = np.fromiter(map(len, words), np.int64, len(words))[self.columns.order]
        for start in range(len(self.columns.starts)):
            number = self.columns.starts[start].astype(np.int64)
            column = np.arange(len(number), dtype=np.int32)
            for length in range(1, len(trie.levels) + 1):
                end = start + length
                if length > 1:
                    if end >= len(self.columns.tall):
                        break
                    fits = np.searchsorted(column, self.columns.tall[end])
                    column = column[:fits]
                    codes = number[:fits] << 8 | self.columns.starts[end - 1][column]
                    number = trie.find(length - 1, codes)
                    column, number = column[number >= 0], number[number >= 0]
                piece = renamed[number]
                good = piece >= 0
                if not whole and start == 0 and length > 1:
                    good &= lengths[column] != length
                if good.any():
                    self.edges[end, length] = column[good], piece[good]

    def keep(self, stay: np.ndarray) -> None:
        """Only these pieces, given in rising order, are left; they are renumbered in it."""
        renamed = np.full(int(stay[-1]) + 2, -1, np.int32)  # its last entry answers for all that are above
        renamed[stay] = np.arange(len(stay), dtype=np.int32)
        for key, (column, piece) in list(self.edges.items()):
            piece = renamed[np.minimum(piece, len(renamed) - 1)]
            good = piece >= 0
            self.edges[key] = column[good], piece[good]

    def expected(self, log: np.ndarray, times: np.ndarray) -> np.ndarray:
        """Expected uses of each piece: forward and backward over all ways to split, words weighted by ``times``.

        Probabilities are multiplied by e**2 for each byte. That leaves the ratio of two ways as it is, and keeps words
        of 64 bytes inside of what a float64 can hold; one outside, of bytes that hardly occur, is passed over.
        """
        tall, order = self.columns.tall, self.columns.order
        ahead, back = [np.zeros(size) for size in tall], [np.zeros(size) for size in tall]
        ahead[0][:] = 1.0
        odds = np.exp(log)
        steps = sorted(self.edges)
        for end, length in steps:
            column, piece = self.edges[end, length]
            ahead[end][column] += ahead[end - length][column] * odds[piece] * np.exp(2.0 * length)
        for end, whole in enumerate(ahead):
            here = slice(tall[end + 1] if end + 1 < len(tall) else 0, tall[end])  # words that end here
            np.divide(times[order[here]], whole[here], out=back[end][here], where=whole[here] > 1e-280)
        used = np.zeros(len(log))
        for end in range(len(tall) - 1, 0, -1):
            pieces, shares = [], []
            for length in range(1, end + 1):
                if (end, length) not in self.edges:
                    continue
                column, piece = self.edges[end, length]
                share = back[end][column] * odds[piece] * np.exp(2.0 * length)
                back[end - length][column] += share
                pieces.append(piece)
                shares.append(share * ahead[end - length][column])
            if pieces:
                used += np.bincount(np.concatenate(pieces), np.concatenate(shares), len(log))
        return used

    def best(self, log: np.ndarray) -> np.ndarray:
        """The log probability of the best way to split each word."""
        tall, order = self.columns.tall, self.columns.order
        scores = [np.full(size, -np.inf) for size in tall]
        scores[0][:] = 0.0
        for end, length in sorted(self.edges):
            column, piece = self.edges[end, length]
            scores[end][column] = np.maximum(scores[end][column], scores[end - length][column] + log[piece])
        result = np.empty(len(order))
        for end, all_ in enumerate(scores):
            here = slice(tall[end + 1] if end + 1 < len(tall) else 0, tall[end])
            result[order[here]] = all_[here]
        return result
