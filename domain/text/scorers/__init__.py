"""What judges a text by a score from 0 to 1: a linear model, fastText's or a transformer, behind one interface."""

from domain.text.scorers.scores import (
    FalsePositives,
    Scorer,
    Scores,
    calibrated,
    false_positives,
    score_all,
    surely_calibrated,
)

__all__ = ["FalsePositives", "Scorer", "Scores", "calibrated", "false_positives", "score_all", "surely_calibrated"]
