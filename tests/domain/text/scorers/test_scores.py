from __future__ import annotations

import numpy as np
import pytest

from domain.errors import UserError
from domain.text.profanity import built_in
from domain.text.scorers import Scores, calibrated, false_positives, score_all, surely_calibrated
from domain.text.scorers.scores import chosen
from domain.text.scorers.windows import window_bounds, window_means
from domain.text.words import Split


def scores(*values: float) -> Scores:
    return Scores(np.array(values), ("slurs", "sexual"), np.arange(len(values)) % 2)


def test_false_positives_and_the_worst() -> None:
    found = false_positives(scores(0.0, 0.7, 0.5, 0.9, 0.1, 0.2, 0.3), 0.5)
    assert (found.texts, found.flagged, found.rate) == (7, 2, 2 / 7)
    assert found.worst == (
        (3, 0.9, "sexual"),
        (1, 0.7, "sexual"),
        (2, 0.5, "slurs"),
        (6, 0.3, "slurs"),
        (5, 0.2, "sexual"),
    )


def test_none_of_a_thousand_still_allows_some() -> None:
    """Wilson's upper end with no hit is z^2 / (n + z^2): 2.706 / 1002.706."""
    assert false_positives(scores(*[0.0] * 1_000), 0.5).upper_bound == pytest.approx(2.706 / 1002.706, rel=1e-3)
    assert false_positives(scores(), 0.5).upper_bound == 1.0


def test_the_threshold_lets_no_more_pass_than_asked() -> None:
    values = scores(*(i / 1_000 for i in range(1_000)))
    for most in (0.0, 0.001, 0.01, 0.25):
        threshold = calibrated(values, most)
        assert false_positives(values, threshold).flagged == round(most * 1_000)
    assert calibrated(scores(0.12341), 0.0) == 0.1235
    assert calibrated(scores(1.0), 0.0) == 1.0
    assert calibrated(scores(), 0.1) == 0.0


def test_many_texts_are_scored_in_batches() -> None:
    texts = [f"{'fine ' * (i % 7)}damn" for i in range(600)]
    assert score_all(built_in(), texts).values.tolist() == built_in().score(Split(texts)).values.tolist()
    assert len(score_all(built_in(), []).values) == 0


def test_labels_are_checked() -> None:
    assert chosen(["no", "hate", "sex"], "no", []) == ([1, 2], ("hate", "sex"))
    assert chosen(["no", "hate", "sex"], "no", ["sex"]) == ([2], ("sex",))
    with pytest.raises(UserError, match="no label toxic"):
        chosen(["no", "hate"], "no", ["toxic"])


def test_windows_are_equal_and_their_means_are_of_their_text() -> None:
    bounds, owner = window_bounds(np.array([0, 3, 3, 13]), 4)
    assert bounds.tolist() == [0, 3, 3, 6, 9, 13]
    assert owner.tolist() == [0, 1, 2, 2, 2]
    assert window_means(np.array([[1.0], [2.0], [3.0], [4.0], [8.0]]), owner, 3).tolist() == [[1.0], [2.0], [5.0]]


def test_a_threshold_that_holds_for_other_texts_too() -> None:
    """Of 1,000 texts, with confidence 0.95: four above it allow 0.0089, five 0.0102; of 200, none allows 0.0133."""
    many = Scores(np.arange(1_000) / 1_000, ("bad",), np.zeros(1_000, np.int64))
    assert surely_calibrated(many, 0.01) == 0.995
    few = Scores(np.arange(200) / 1_000, ("bad",), np.zeros(200, np.int64))
    assert surely_calibrated(few, 0.01) == 0.199
    assert surely_calibrated(Scores(np.zeros(0), ("bad",), np.zeros(0, np.int64)), 0.01) == 1.0
