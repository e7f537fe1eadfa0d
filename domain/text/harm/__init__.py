"""How harmful a text is: a word list, a linear model, fastText's or a transformer, behind one interface."""

from domain.text.harm.scores import (
    FalsePositives,
    Scorer,
    Scores,
    calibrated,
    false_positives,
    score_all,
    surely_calibrated,
)

__all__ = ["FalsePositives", "Scorer", "Scores", "calibrated", "false_positives", "score_all", "surely_calibrated"]
