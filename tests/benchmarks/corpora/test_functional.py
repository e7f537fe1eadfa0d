"""Figures of a functional test set, by hand."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from domain.text.profanity import WordList
from tests.benchmarks.corpora.functional import figures, read


def test_figures_by_hand() -> None:
    texts = ["vile vile", "they should leave", "a vile day, she said of the weather", "fine"]
    truth = np.array([True, True, False, False])
    scorer = WordList([("list", 1.0, "vile")])
    row = figures(scorer, texts, truth, ["slur", "polite", "quoted", "neutral"])
    # The words find the first, miss the second and take the third for harm: 1 of 8 words is above the half score.
    assert row["by_functionality"] == {"neutral": 1.0, "polite": 0.0, "quoted": 0.0, "slur": 1.0}
    assert (row["accuracy"], row["f1"], row["false_positives"], row["all_harmful"]) == (0.5, 0.5, 0.5, 0.5)
    # Pairs: the first beats both, the second loses to the third and ties with the fourth: 2.5 of 4.
    assert row["area"] == 0.625


def test_columns_of_either_name(tmp_path: Path) -> None:
    path = tmp_path / "set.csv"
    path.write_text('\ufeffid,functionality,test_case,label_gold\n1,slur,"a, b",hateful\n2,neutral,c,non-hateful\n')
    texts, truth, kinds = read(path, ["hateful"])
    assert (texts, truth.tolist(), kinds) == (["a, b", "c"], [True, False], ["slur", "neutral"])
    with pytest.raises(ValueError, match="has no label toxic; it has hateful, non-hateful"):
        read(path, ["toxic"])
    path.write_text("text,label\na,hateful\n")
    with pytest.raises(ValueError, match="has no column functionality or function; it has text, label"):
        read(path, ["hateful"])
