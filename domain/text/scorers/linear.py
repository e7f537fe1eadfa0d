"""A linear classifier as a scorer: logistic regression over hashed words, pairs of words and runs of characters."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from domain.errors import UserError, first_line
from domain.pretrained.safetensors_header import tensor_shapes
from domain.text.lexicon import text_of
from domain.text.ngrams import ngram_hashes
from domain.text.scorers.scores import Scores, chosen
from domain.text.scorers.windows import window_bounds, window_means
from domain.text.words import Split

BUCKETS = 1 << 18
SLOTS = 1 << 18
WINDOW = 64  # words: a document is judged in stretches of about the size of a post, as the examples are
LONGEST_WINDOW_WORDS = 1_000_000
RUNS = (3, 4, 5)  # characters, the word's beginning and end among them: they know "sh1t" by its neighbours
FORMAT = "shoptalk {} linear 1"  # with what it was trained for: harm or quality
_PAIR, _RUN = np.uint64(0xA24BAED4963EE407), np.uint64(0x9FB21C651E98DF25)  # so that kinds of feature do not coincide


def word_features(split: Split, places: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(offsets, buckets), int64: word ``places[i]`` of the split has ``buckets[offsets[i]:offsets[i + 1]]``.

    They are the word itself and its runs of characters, hashed into 2^18 buckets (the hashing trick: Weinberger et
    al., arXiv 0902.2206; runs of characters as in fastText: Bojanowski et al., arXiv 1607.04606), without signs.
    """
    spans = zip(
        text_of(split, places).tolist(), split.starts[places].tolist(), split.ends[places].tolist(), strict=True
    )
    # Each word between two marks that no word contains.
    marked = "".join(f"\x02{split.texts[t][s:e].lower()}\x03" for t, s, e in spans)
    codes = np.frombuffer(marked.encode("utf-32-le", "surrogatepass"), dtype="<u4").astype(np.uint64)
    word = np.cumsum(codes == 2) - 1
    owners, buckets = [np.arange(len(places))], [bucket(split.hashes[places])]
    for n in RUNS:
        grams = ngram_hashes((codes + np.uint64(n)) * _RUN, n)
        whole = word[: len(grams)] == word[len(word) - len(grams) :]
        owners.append(word[: len(grams)][whole])
        buckets.append(bucket(grams[whole]))
    owner = np.concatenate(owners)
    counts = np.bincount(owner, minlength=len(places))
    offsets = np.concatenate(([0], np.cumsum(counts)))
    return offsets, np.concatenate(buckets)[np.argsort(owner, kind="stable")]


def pair_features(split: Split) -> np.ndarray:
    """int64 [words]: the bucket of each word with its successor; ``BUCKETS`` at the end of a text."""
    pairs = np.full(len(split.hashes), BUCKETS, dtype=np.int64)
    pairs[:-1] = bucket(ngram_hashes(split.hashes, 2) * _PAIR)
    ends = split.offsets[1:] - 1
    pairs[ends[ends >= 0]] = BUCKETS
    return pairs


def bucket(hashes: np.ndarray) -> np.ndarray:
    """int64, below ``BUCKETS``: the top bits of the hash, multiplied once more."""
    return np.asarray((hashes * np.uint64(0xD6E8FEB86659FD93)) >> np.uint64(64 - 18)).astype(np.int64)


class Linear:
    """``weights`` float32 [labels, BUCKETS], ``bias`` float32 [labels]; ``header["safe"]`` is the label of no harm.

    A window's evidence is the sum of its features' weights over the root of its words. A text's score is the
    mean over its windows of the probability of the harmful ``labels``: the share of it that is harmful.
    """

    def __init__(
        self, weights: np.ndarray, bias: np.ndarray, header: dict[str, Any], labels: Sequence[str] = ()
    ) -> None:
        self.header, self.bias = header, bias
        self.weights = np.pad(weights, ((0, 0), (0, 1)))  # no pair weighs nothing
        self.all = tuple(header["labels"])
        self.rows, self.labels = chosen(self.all, header["safe"], labels)
        # What words weigh, remembered by their hash: text repeats its words. One slot a hash, the newest word wins.
        self.slot_hashes = np.zeros(SLOTS, dtype=np.uint64)
        self.slot_hashes[0] = 1  # slot 0 must not take the hash 0 for known
        self.weighed = np.zeros((len(self.all), SLOTS), dtype=np.float32)

    def score(self, split: Split) -> Scores:
        """How harmful each text of the split is."""
        bounds, owner = window_bounds(split.offsets, self.header["window"])
        evidence = self.evidence(split, bounds) + self.bias[:, None]
        likely = np.exp(evidence - evidence.max(axis=0))
        likely /= likely.sum(axis=0)
        by_label = window_means(likely[self.rows].T, owner, len(split))
        by_label[np.diff(split.offsets) == 0] = 0.0  # nothing was said
        return Scores(by_label.sum(axis=1), self.labels, by_label.argmax(axis=1))

    def evidence(self, split: Split, bounds: np.ndarray) -> np.ndarray:
        """float64 [all labels, windows], without the bias."""
        each, pairs = self.of_words(split), pair_features(split)
        words = np.diff(bounds)
        filled = words > 0
        sums = np.zeros((len(self.all), len(words)))
        if filled.any():  # a sum over a window's own words alone: a text's score must not depend on its neighbours
            for row, weights in enumerate(self.weights):
                values = (each[row] + weights[pairs]).astype(np.float64)
                sums[row, filled] = np.add.reduceat(values, bounds[:-1][filled])
        return np.asarray(sums / np.sqrt(np.maximum(1, words)))

    def of_words(self, split: Split) -> np.ndarray:
        """float32 [all labels, words]: what each word weighs with its runs of characters."""
        slots = (split.hashes & np.uint64(SLOTS - 1)).astype(np.int64)
        weighed = self.weighed[:, slots]
        new = np.flatnonzero(self.slot_hashes[slots] != split.hashes)
        if len(new):
            hashes, first, inverse = np.unique(split.hashes[new], return_index=True, return_inverse=True)
            offsets, buckets = word_features(split, new[first])
            sums = np.add.reduceat(self.weights[:, buckets].astype(np.float64), offsets[:-1], axis=1)
            values = sums.astype(np.float32)
            weighed[:, new] = values[:, inverse]
            target = (hashes & np.uint64(SLOTS - 1)).astype(np.int64)
            self.slot_hashes[target] = hashes
            self.weighed[:, target] = values
        return weighed

    def save(self, path: Path) -> None:
        """One safetensors file; its metadata holds the header as JSON."""
        from safetensors.numpy import save

        header = json.dumps(self.header, sort_keys=True, ensure_ascii=False)
        weights = np.ascontiguousarray(self.weights[:, :-1])
        path.write_bytes(save({"weights": weights, "bias": self.bias}, metadata={"header": header}))

    @classmethod
    def load(cls, path: Path, labels: Sequence[str] = (), purpose: str = "harm") -> Linear:
        """What ``save`` wrote, trained for harm or quality; raises ``UserError`` for anything else."""
        from safetensors import SafetensorError, safe_open

        shapes = tensor_shapes(path, str(path))
        try:
            with safe_open(path, framework="np") as file:
                header = json.loads((file.metadata() or {}).get("header", "{}"))
                rows = labels_of(header, purpose)
                if shapes.get("weights") != (rows, BUCKETS) or shapes.get("bias") != (rows,):
                    raise ValueError("its weights are not those of its labels")
                weights, bias = file.get_tensor("weights"), file.get_tensor("bias")
            if not (
                weights.dtype == bias.dtype == np.float32 and np.isfinite(weights).all() and np.isfinite(bias).all()
            ):
                raise ValueError("its weights are not finite numbers")
        except (OSError, SafetensorError, ValueError, RecursionError) as error:
            raise UserError(
                str(path), f"cannot be read ({first_line(error)})", f"make one with shoptalk {purpose} train"
            ) from None
        return cls(weights, bias, header, labels)


def labels_of(header: Any, purpose: str) -> int:
    """How many labels a header has; raises ``ValueError`` for anything but what ``shoptalk harm train`` and the like
    write."""
    if not isinstance(header, dict) or header.get("format") != FORMAT.format(purpose):
        raise ValueError(f"it is not a {purpose} model")
    labels, window = header.get("labels"), header.get("window")
    if not (isinstance(labels, list) and labels and all(isinstance(label, str) for label in labels)):
        raise ValueError("its labels are not names")
    if header.get("safe") not in labels or type(window) is not int or not 1 <= window <= LONGEST_WINDOW_WORDS:
        raise ValueError("it has no safe label, or no window")
    return len(labels)
