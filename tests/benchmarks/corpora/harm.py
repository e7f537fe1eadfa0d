"""Harm scorers: speed against one regular expression of all words, and what they catch and wrongly call harm.

The word list's peer is the way of C4BadWordsFilter: one alternation of the same terms, searched in each text. Ours
pays for its split. The linear model is trained on half of Davidson's posts (arXiv 1703.04009; needs
SHOPTALK_TEST_DATA) and on stretches of every second text given; figures are from the other half of each.
"""

from __future__ import annotations

import csv
import os
import random
import re
import resource
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from statistics import median
from typing import Any

from corpora.filters.train_linear import LabelledText, fit, halves, measure, passages
from domain.text.profanity import built_in
from domain.text.scorers import Scorer, calibrated, false_positives, score_all
from domain.text.scorers.linear import WINDOW

SAMPLE = 4_000_000  # bytes timed in a round
LABELS = ("hate", "offensive", "neither")
GATES = {"words": {"f1": 0.93, "false_positives": 0.001}, "linear": {"f1": 0.96, "false_positives": 0.001}}
HEADER = {"labels": ["neither", "hate", "offensive"], "safe": "neither", "window": WINDOW}


def posts() -> list[LabelledText]:
    """Davidson's posts with their labels; none where they are not at hand."""
    origin = os.environ.get("SHOPTALK_TEST_DATA")
    if not origin:
        return []
    with (Path(origin) / "hate_davidson" / "labeled_data.csv").open(encoding="utf-8", newline="") as file:
        return sorted({(row["tweet"], LABELS[int(row["class"])]) for row in csv.DictReader(file)})


def called(scorer: Scorer, examples: Sequence[LabelledText]) -> dict[str, float]:
    """Precision, recall and F1 of "hate or offensive" at 0.5."""
    flagged = score_all(scorer, [text for text, _ in examples]).values > 0.5
    harm = [label != "neither" for _, label in examples]
    hits = sum(f and h for f, h in zip(flagged.tolist(), harm, strict=True))
    precision, recall = hits / max(1, int(flagged.sum())), hits / max(1, sum(harm))
    f1 = 2 * precision * recall / max(1e-9, precision + recall)
    return {"precision": round(precision, 4), "recall": round(recall, 4), "f1": round(f1, 4)}


def timed(work: Callable[[], object]) -> float:
    """Seconds of one call."""
    begin = time.perf_counter()
    work()
    return time.perf_counter() - begin


def row(name: str, scorer: Scorer, examples: list[LabelledText], good: list[str], mine: list[float], size: float,
        peer: list[float]) -> dict[str, Any]:  # fmt: skip
    """The figures of one scorer; ``mine`` and ``peer`` are seconds, round by round, for ``size`` MB."""
    scores = score_all(scorer, good)
    found, gate = false_positives(scores, 0.5), GATES[name]
    quality = called(scorer, examples) if examples else {}
    ratios = [slow / fast for fast, slow in zip(mine, peer, strict=True)]
    holds = found.rate <= gate["false_positives"] and quality.get("f1", 1.0) >= gate["f1"]
    return {
        "stage": f"harm: {name}",
        "ratio": round(median(ratios), 2),
        "spread": [round(min(ratios), 2), round(max(ratios), 2)],
        "goal": 1.0,
        "gate": gate,
        "passed": holds and median(ratios) >= 1.0,
        **quality,
        "false_positives": round(found.rate, 6),
        "false_positives_most": round(found.upper_bound, 6),
        "good_texts": found.texts,
        "threshold_for_0.001": calibrated(scores, 0.001),
        "seconds": round(median(mine), 3),
        "mb_per_s": round(size / median(mine), 1),
        "peer_mb_per_s": round(size / median(peer), 1),
        "resident_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
    }


def rows(texts: list[str], seed: int, rounds: int) -> Iterator[dict[str, Any]]:
    """One row for the word list, one for a linear model where there are posts to train on."""
    words = built_in()
    alternation = re.compile(rf"(?<!\w)(?:{'|'.join(map(re.escape, words.lexicon.terms))})(?!\w)", re.IGNORECASE)
    sample: list[str] = []
    for text in random.Random(seed).sample(texts, len(texts)):
        if sum(map(len, sample)) + len(text) < SAMPLE:
            sample.append(text)
        if len(sample) >= 2_000:
            break
    size = sum(len(text.encode()) for text in sample) / 1e6
    peer = [timed(lambda: [alternation.findall(text) for text in sample]) for _ in range(rounds)]
    learn, ask = halves(posts(), seed)
    scorers: dict[str, tuple[Scorer, list[str]]] = {"words": (words, texts)}
    if learn:
        stretches = passages(texts[::2], sum(label == "neither" for _, label in learn) // 2, seed)
        model = fit(sorted([*learn, *((text, "neither") for text in stretches)]), HEADER)
        assert measure(model, ask)["f1"] == called(model, ask)["f1"]
        scorers["linear"] = (model, texts[1::2])
    for name, (scorer, good) in scorers.items():
        score_all(scorer, sample[:256])  # what is loaded once
        mine = [timed(lambda: score_all(scorer, sample)) for _ in range(rounds)]  # noqa: B023
        yield row(name, scorer, ask, good, mine, size, peer)
