"""A learned quality filter on text that people have labelled: what its scores tell, and what it takes of good text.

    python -m tests.benchmarks.corpora.learned_quality LABELLED.jsonl --good 1 --own TEXTS.jsonl

LABELLED has a text and a label a line, such as DCLM's human judgements (data/majority_data.jsonl of
github.com/mlfoundations/dclm, 499 pages; arXiv 2406.11794, appendix N). TEXTS are a domain's own. The model is the one
of ``shoptalk quality train``: of 20 random halves it learns one, with stretches of every second own text, and is asked
about the other. The threshold is that of ``shoptalk quality calibrate --most 0.01`` on those own texts; its false
positives are measured on the rest of them. One JSON line.
"""

from __future__ import annotations

import argparse
import json
import random
from pathlib import Path
from statistics import mean, stdev

import numpy as np

from corpora.filters.train_linear import LabelledText, auc, fit, passages, read_rows, window_of
from domain.text.scorers import score_all, surely_calibrated
from domain.text.scorers.linear import FORMAT
from tests.benchmarks.corpora.quality import some

HALVES = 20
OWN = 6_000_000  # characters of own text, drawn at random
GOALS = {"auc": 0.85, "false_positives": 0.01}


def half(rows: list[LabelledText], seed: int) -> tuple[list[LabelledText], list[LabelledText]]:
    """Two random halves."""
    drawn = random.Random(seed).sample(rows, len(rows))
    return sorted(drawn[: len(rows) // 2]), drawn[len(rows) // 2 :]


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("labelled", type=Path)
    parser.add_argument("--good", required=True)
    parser.add_argument("--own", type=Path, nargs="+", required=True)
    options = parser.parse_args()
    rows = sorted({(row[0], row[1]) for row in read_rows(options.labelled, ("text", "label"))})
    own = [row[0] for path in options.own for row in read_rows(path, ("text",))]
    own = some(own, OWN, random.Random(0))
    learned_own, other_own = own[::2], own[1::2]
    labels = [options.good, *sorted({label for _, label in rows} - {options.good})]
    window = window_of("quality")
    header = {"format": FORMAT.format("quality"), "labels": labels, "safe": options.good, "window": window}
    areas, alone, rates, kept = [], [], [], []
    for seed in range(HALVES):
        learn, ask = half(rows, seed)
        count = sum(label == options.good for _, label in learn) // 2
        stretches = [(text, options.good) for text in passages(learned_own, count, seed, window)]
        model = fit(sorted([*learn, *stretches]), header)
        bad = np.array([label != options.good for _, label in ask])
        without = fit(learn, header)
        alone.append(auc(score_all(without, [text for text, _ in ask]).values, bad))
        scores = score_all(model, [text for text, _ in ask]).values
        threshold = surely_calibrated(score_all(model, learned_own), GOALS["false_positives"])
        areas.append(auc(scores, bad))
        rates.append(float((score_all(model, other_own).values > threshold).mean()))
        kept.append(float((scores[bad] > threshold).mean()))
    figures = {"auc": round(mean(areas), 4), "false_positives": round(mean(rates), 4)}
    passed = figures["auc"] >= GOALS["auc"] and figures["false_positives"] <= GOALS["false_positives"]
    more = {
        "auc_without_own": round(mean(alone), 4),
        "auc_spread": round(stdev(areas), 4),
        "bad_text_dropped": round(mean(kept), 4),
        "own_texts": len(other_own),
    }
    print(json.dumps({"stage": "quality, learned", **figures, **more, "goal": GOALS, "passed": passed}))


if __name__ == "__main__":
    main()
