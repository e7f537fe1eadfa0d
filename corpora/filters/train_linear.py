"""Trains a linear model of harm or quality on labelled examples, and measures it on an unseen half."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from corpora.document import clean
from domain.errors import UserError
from domain.jsonlines import read_records
from domain.spec import fingerprint
from domain.text.scorers.linear import BUCKETS, FORMAT, RUNS, WINDOW, Linear, pair_features, word_features
from domain.text.scorers.windows import window_bounds
from domain.text.words import Split

STRENGTH = 0.3  # inverse of the L2 penalty
QUALITY_WINDOW = 256  # words: quality is in how a text runs; of 64, AUC on DCLM's human labels is .02 less
LEAST = 20  # examples of a label: ten to learn from and ten to measure on

LabelledText = tuple[str, str]  # text, label


def train(examples: Sequence[LabelledText], *, safe: str, seed: int = 0, purpose: str = "harm") -> Linear:
    """A model of all examples; ``safe`` is the label of no harm, or of good text.

    Its header tells labels, seed, features, the examples' digest, and ``measured``: precision, recall, F1 and AUC of a
    model trained on one half and asked about the other.

    The order of examples does not matter, and an example that is given twice counts once. Labels weigh alike,
    however many examples each has. Raises ``UserError``.
    """
    ordered = sorted(set(examples))
    check(ordered, safe, purpose)
    labels = [safe, *sorted({label for _, label in ordered} - {safe})]
    header: dict[str, Any] = {
        "format": FORMAT.format(purpose),
        "labels": labels,
        "safe": safe,
        "window": window_of(purpose),
        "features": f"words, pairs of words, {RUNS[0]} to {RUNS[-1]} characters of a word, in {BUCKETS} buckets",
        "method": f"logistic regression, L2, C {STRENGTH}, labels balanced",
        "seed": seed,
        "examples": {label: sum(each == label for _, each in ordered) for label in labels},
        "digest": fingerprint(ordered),
    }
    one, other = halves(ordered, seed)
    header["measured"] = measure(fit(one, header), other)
    return fit(ordered, header)


def window_of(purpose: str) -> int:
    """Words that are judged together."""
    return QUALITY_WINDOW if purpose == "quality" else WINDOW


def check(examples: Sequence[LabelledText], safe: str, purpose: str = "harm") -> None:
    """Raises ``UserError`` where the examples cannot teach a difference."""
    counts: dict[str, int] = {}
    for _, label in examples:
        counts[label] = counts.get(label, 0) + 1
    if safe not in counts:
        problem = f"no example is labelled {safe}; there are {', '.join(sorted(counts)) or 'none'}"
        fix = "say with --safe which label is no harm" if purpose == "harm" else "say with --good which label is good"
        raise UserError(f"{purpose} train", problem, fix)
    if len(counts) < 2:
        what = "harm" if purpose == "harm" else "bad text"
        raise UserError(f"{purpose} train", f"all examples are labelled {safe}", f"add examples of {what}")
    for label, count in sorted(counts.items()):
        if count < LEAST:
            problem = f"label {label} has {count} different examples, and {LEAST} are needed"
            raise UserError(f"{purpose} train", problem, "add examples, or give them another label")


def halves(examples: Sequence[LabelledText], seed: int) -> tuple[list[LabelledText], list[LabelledText]]:
    """Two halves by the hash of the text and the seed: equal texts stay together, and others do not move them."""
    sides: tuple[list[LabelledText], list[LabelledText]] = ([], [])
    for text, label in examples:
        sides[hashlib.sha256(f"{seed} {text}".encode()).digest()[0] & 1].append((text, label))
    return sides


def fit(examples: Sequence[LabelledText], header: dict[str, Any]) -> Linear:
    """Logistic regression over the windows of the examples; the same bytes for any number of threads."""
    from sklearn.linear_model import LogisticRegression
    from threadpoolctl import threadpool_limits

    split = Split([text for text, _ in examples])
    bounds, owner = window_bounds(split.offsets, header["window"])
    matrix = rows(split, bounds)
    labels = header["labels"]
    target = np.array([labels.index(label) for _, label in examples])[owner]
    used = np.unique(matrix.indices)  # the weight of a feature that no example has stays 0
    model = LogisticRegression(C=STRENGTH, class_weight="balanced", max_iter=500, tol=1e-3)
    with threadpool_limits(1):
        model.fit(matrix[:, used], target)
    weights, bias = model.coef_, model.intercept_
    if len(labels) == 2:  # scikit-learn keeps one row for two labels
        weights, bias = np.vstack((-weights / 2, weights / 2)), np.array([-bias[0] / 2, bias[0] / 2])
    spread = np.zeros((len(labels), BUCKETS), dtype=np.float32)
    spread[:, used] = weights
    return Linear(spread, bias.astype(np.float32), header)


def rows(split: Split, bounds: np.ndarray) -> Any:
    """float32 CSR [windows, BUCKETS]: how often each feature occurs, over the root of the window's words."""
    from scipy.sparse import csr_matrix

    _, first, distinct = np.unique(split.hashes, return_index=True, return_inverse=True)
    offsets, buckets = word_features(split, first)
    window = np.repeat(np.arange(len(bounds) - 1), np.diff(bounds))
    counts, begins = np.diff(offsets)[distinct], offsets[:-1][distinct]
    within = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
    columns = np.concatenate((buckets[np.repeat(begins, counts) + within], pair_features(split)))
    places = np.concatenate((np.repeat(window, counts), window))
    scale = (1.0 / np.sqrt(np.maximum(1, np.diff(bounds)))).astype(np.float32)[places]
    there = columns < BUCKETS
    shape = (len(bounds) - 1, BUCKETS)
    matrix = csr_matrix((scale[there], (places[there], columns[there])), shape=shape)
    matrix.sum_duplicates()
    return matrix


def measure(model: Linear, examples: Sequence[LabelledText]) -> dict[str, Any]:
    """Precision, recall and F1 of "harm" (or "bad") at 0.5, AUC, and by label the share that is called so."""
    scores = model.score(Split([text for text, _ in examples])).values
    values = scores > 0.5
    labels = np.array([label for _, label in examples])
    harm = labels != model.header["safe"]
    hits = int((values & harm).sum())
    precision, recall = hits / max(1, int(values.sum())), hits / max(1, int(harm.sum()))
    return {
        "examples": len(examples),
        "threshold": 0.5,
        "precision": round(precision, 4),
        "recall": round(recall, 4),
        "f1": round(2 * precision * recall / max(1e-9, precision + recall), 4),
        "auc": round(auc(scores, harm), 4),
        "called_harm": {
            label: round(float(values[labels == label].mean()), 4) for label in sorted(set(labels.tolist()))
        },
    }


def auc(scores: np.ndarray, positive: np.ndarray) -> float:
    """The chance that a positive has a higher score than a negative, equal ones counting half (Mann and Whitney)."""
    from scipy.stats import rankdata

    ones, zeros = int(positive.sum()), int((~positive).sum())
    if not ones or not zeros:
        return 0.5
    return float((rankdata(scores)[positive].sum() - ones * (ones + 1) / 2) / (ones * zeros))


def passages(texts: Sequence[str], limit: int, seed: int = 0, window: int = WINDOW) -> list[str]:
    """Up to ``limit`` stretches of a window's length, drawn from all of ``texts`` by hash: the same in any order."""
    split = Split(texts)
    bounds, owner = window_bounds(split.offsets, window)
    stretches = {
        texts[text][split.starts[begin] : split.ends[end - 1]]
        for text, begin, end in zip(owner.tolist(), bounds[:-1].tolist(), bounds[1:].tolist(), strict=True)
        if end > begin
    }
    return sorted(stretches, key=lambda text: hashlib.sha256(f"{seed} {text}".encode()).digest())[:limit]


def read_rows(path: Path, columns: Sequence[str]) -> Iterator[tuple[str, ...]]:
    """The named columns of each record of a JSON Lines file (``.gz`` too), those whose first one is empty left out.

    Raises ``UserError`` that names the line.
    """
    for number, record in read_records(path):
        values = [record.get(name) for name in columns]
        if None in values:
            problem = f"has no {columns[values.index(None)]}"
            raise UserError(f"{path}:{number}", problem, "name the columns with --text and --label")
        row = tuple(clean(str(value)) for value in values)
        if row[0]:
            yield row
