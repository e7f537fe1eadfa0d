"""Train a Unigram model (Kudo 2018, arXiv 1804.10959) on counted words: expectation, maximisation, pruning."""

from __future__ import annotations

import json
import zlib
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

import numpy as np

from domain.tokenizer.counts import count_words
from domain.tokenizer.encoding.ranks import byte_alphabet
from domain.tokenizer.lattice import Lattice, Trie

if TYPE_CHECKING:
    import tokenizers

MOST = 4_000_000  # bytes of distinct words that are learned from: some 400,000 words
LONGEST_PIECE = 24  # bytes of a piece
LONGEST_WORD = 64  # bytes; longer ones are learned in parts
SEEDS = 10  # candidates at the beginning, for each piece asked for
WIDE = 10  # candidates of one length, for each piece asked for
SURVIVING = 0.75  # share of candidates that outlive a round, as in SentencePiece
LEAST = 2  # what occurs once says nothing about the next text
UNSEEN = -30.0  # log probability of a special token, which stands in no word
WEAKEST = -20.0  # log probability at least of each of the 256 bytes


def learn_unigram(
    texts: Iterator[str],
    pre_tokenizer: tokenizers.pre_tokenizers.PreTokenizer,
    pieces: int,
    special: tuple[str, ...],
    *,
    multiword: bool = False,
) -> tokenizers.Tokenizer:
    """A byte-level Unigram tokenizer with at most this many ids; ``multiword`` where words end at no space.

    The trainer of ``tokenizers`` is not used. It takes its candidates from the distinct words without their counts, so
    a word whose letters stand in no other word is never one: its pieces hold 15% fewer bytes of English than a BPE's.
    It also adds in the order of a hash map, so two runs differ. This one counts, and equal text gives equal pieces.
    """
    from tokenizers import Tokenizer, decoders, models

    fast = Tokenizer(models.Unigram())
    fast.pre_tokenizer, fast.decoder = pre_tokenizer, decoders.ByteLevel()
    if multiword:
        counts: Mapping[str, int] = count_clauses(texts, pre_tokenizer)
    else:
        counts, _ = count_words(json.loads(fast.to_str()), texts)
    learned = unigram(counts, pieces - len(special))
    fast.model = models.Unigram([(token, UNSEEN) for token in special] + learned)
    return fast


def unigram(counts: Mapping[str, int], pieces: int) -> list[tuple[str, float]]:
    """Pieces and log probabilities, the likeliest first; all 256 bytes are among them.

    counts: of words in GPT-2's alphabet of bytes. Fewer than ``pieces`` where fewer candidates occur twice.
    """
    alphabet = byte_alphabet()
    bytes_of = {ord(letter): byte for byte, letter in alphabet.items()}
    words, times = chosen(counts, MOST)
    spelled = [word.translate(bytes_of).encode("latin-1") for word in words]

    trie = Trie.frequent(spelled, times, longest=LONGEST_PIECE, at_least=LEAST, limit=WIDE * pieces)
    gain = trie.counts * trie.lengths
    gain[:256] = np.inf  # bytes stay, always
    seeds = np.sort(np.argsort(-gain, kind="stable")[: max(256, SEEDS * pieces)])
    texts, begin = trie.spell(seeds), trie.counts[seeds] * trie.lengths[seeds] + 1.0
    log = np.log(begin / begin.sum())
    lattice, within = Lattice(trie, spelled, seeds), Lattice(trie, texts, seeds, whole=False)

    row = np.arange(len(texts))  # of a piece in ``within``
    while True:
        for _ in range(2):
            used = lattice.expected(log, times)
            log = likelihoods(used)
        if len(texts) <= pieces:
            break
        # What the text loses where a piece is spelled by the best others: Kudo 2018, section 3.2, step 3 b.
        lost = used * (log - within.best(log)[row])
        lost[:256] = np.inf
        size = max(pieces, round(SURVIVING * len(texts)))
        stay = np.sort(np.argsort(-lost, kind="stable")[:size])
        texts, log, row = [texts[each] for each in stay], log[stay], row[stay]
        lattice.keep(stay)
        within.keep(stay)
    order = np.argsort(-log, kind="stable")
    letters = ["".join(alphabet[byte] for byte in texts[each]) for each in order]
    return list(zip(letters, log[order].tolist(), strict=True))


def chosen(counts: Mapping[str, int], limit: int) -> tuple[list[str], np.ndarray]:
    """The most frequent words, ``limit`` bytes together, and how often each stands for one.

    Where not all fit, those of the lowest count stand for all that are left out; which ones is drawn by a hash.
    """
    parts: Counter[str] = Counter()
    for word, count in counts.items():
        for start in range(0, len(word), LONGEST_WORD):
            parts[word[start : start + LONGEST_WORD]] += count
    words = sorted(parts, key=lambda word: (-parts[word], zlib.crc32(word.encode()), word))
    times = np.array([parts[word] for word in words], np.float64)
    fits = max(1, int(np.searchsorted(np.cumsum(np.fromiter(map(len, words), np.int64, len(words))), limit, "right")))
    if fits < len(words):
        last = times == times[fits - 1]
        last[fits:] = False
        times[last] += times[fits:].sum() / last.sum()
    return words[:fits], times[:fits]


def count_clauses(texts: Iterator[str], pre_tokenizer: tokenizers.pre_tokenizers.PreTokenizer) -> dict[str, int]:
    """How often each clause occurs; nearly all of the text is held."""
    from tokenizers import Tokenizer, models, trainers

    counting = Tokenizer(models.WordLevel())
    counting.pre_tokenizer = pre_tokenizer
    trainer = trainers.WordLevelTrainer(vocab_size=1, show_progress=False, special_tokens=[])
    counting.train_from_iterator(texts, trainer)
    (state,) = json.loads(trainer.__getstate__()).values()  # a trainer that is pickled shows its counts
    return dict(state["words"])


def likelihoods(used: np.ndarray) -> np.ndarray:
    """Log probabilities from expected uses, rare ones damped by a sparse prior: digamma(use) - digamma(sum)."""
    log = digamma(np.maximum(used, 1e-3)) - digamma(np.array([max(1.0, used.sum())]))
    floor = np.full(len(log), UNSEEN)
    floor[:256] = WEAKEST
    return np.asarray(np.maximum(log, floor))


def digamma(x: np.ndarray) -> np.ndarray:
    """The digamma function, to 1e-7, by its recurrence and its asymptotic series (Abramowitz and Stegun 6.3.18)."""
    shift = np.zeros_like(x)
    for _ in range(6):
        small = x < 6.0
        shift -= np.where(small, 1.0 / x, 0.0)
        x = np.where(small, x + 1.0, x)
    square = 1.0 / (x * x)
    return np.asarray(shift + np.log(x) - 0.5 / x - square * (1 / 12 - square * (1 / 120 - square / 252)))
