"""Harm scorers on a functional test set, beside Davidson's posts: what a scorer can tell and what it cannot.

    python -m tests.benchmarks.corpora.functional FILE.csv --harmful hateful
    python -m tests.benchmarks.corpora.functional FILE.csv --scorer '{transformer: FOLDER, labels: [hate]}'

FILE has a column of texts, one of labels and one that names the functionality of each text, such as HateCheck's
(arXiv 2012.15606: ``test_case``, ``label_gold``, ``functionality``). Posts of one word list or model score well where
slurs decide; a functional set has polite hate and harmless uses of the same words. One JSON line for each scorer:
accuracy and F1 at 0.5, the area under the curve, the share of harmless texts that are called harmful, and accuracy by
functionality. Davidson's posts (arXiv 1703.04009) need SHOPTALK_TEST_DATA.
"""

from __future__ import annotations

import argparse
import csv
import json
import sys
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from corpora.filters.harm import Scoring, open_scorer
from corpora.filters.train_linear import auc, fit, halves
from domain.text.scorers import Scorer, score_all
from tests.benchmarks.corpora.harm import HEADER, called, posts

COLUMNS = {
    "text": ("text", "test_case"),
    "label": ("label", "label_gold"),
    "functionality": ("functionality", "function"),
}


def read(path: Path, harmful: Sequence[str]) -> tuple[list[str], np.ndarray, list[str]]:
    """(texts, whether each is harmful, the functionality of each) of a CSV file. Raises ``ValueError``."""
    with path.open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    columns = rows[0].keys() if rows else ()
    names = {}
    for what, spellings in COLUMNS.items():
        names[what] = next((name for name in spellings if name in columns), None)
        if names[what] is None:
            raise ValueError(f"{path} has no column {' or '.join(spellings)}; it has {', '.join(columns) or 'none'}")
    labels = {row[names["label"]] for row in rows}
    if missing := set(harmful) - labels:
        raise ValueError(f"{path} has no label {', '.join(sorted(missing))}; it has {', '.join(sorted(labels))}")
    truth = np.array([row[names["label"]] in harmful for row in rows])
    return [row[names["text"]] for row in rows], truth, [row[names["functionality"]] for row in rows]


def figures(scorer: Scorer, texts: Sequence[str], truth: np.ndarray, kinds: Sequence[str]) -> dict[str, Any]:
    """What a scorer is worth on labelled texts, as a whole and by functionality."""
    scores = score_all(scorer, texts).values
    flagged = scores > 0.5
    right = flagged == truth
    hits = int((flagged & truth).sum())
    by_kind: dict[str, list[bool]] = defaultdict(list)
    for kind, well in zip(kinds, right.tolist(), strict=True):
        by_kind[kind].append(well)
    return {
        "texts": len(texts),
        "accuracy": round(float(right.mean()), 4),
        "f1": round(2 * hits / max(1, int(flagged.sum()) + int(truth.sum())), 4),
        "area": round(auc(scores, truth), 4),
        "false_positives": round(float(flagged[~truth].mean()), 4) if (~truth).any() else None,
        "all_harmful": round(float(truth.mean()), 4),  # the accuracy of calling everything harmful
        "by_functionality": {kind: round(float(np.mean(wells)), 3) for kind, wells in sorted(by_kind.items())},
    }


def main() -> int:
    """Print a line for each scorer."""
    options = argparse.ArgumentParser(prog="functional")
    options.add_argument("file", type=Path, help="CSV of text, label and functionality")
    options.add_argument("--harmful", nargs="+", default=["hateful"], metavar="LABEL")
    options.add_argument(
        "--scorer", nargs="*", default=[], help="as in a recipe, beside the word list and a linear model"
    )
    given = options.parse_args()
    try:
        texts, truth, kinds = read(given.file, given.harmful)
    except (OSError, ValueError) as error:
        sys.exit(f"functional: {error}")
    scorers: dict[str, Scorer] = {"words": open_scorer(Scoring())}
    learn, ask = halves(posts(), 0)
    if learn:
        scorers["linear"] = fit(sorted(learn), HEADER)
    for each in given.scorer:
        scorers[each] = open_scorer(Scoring.model_validate(yaml.safe_load(each)))
    for name, scorer in scorers.items():
        row = {"scorer": name, **figures(scorer, texts, truth, kinds), "davidson": called(scorer, ask) if ask else None}
        print(json.dumps(row), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
