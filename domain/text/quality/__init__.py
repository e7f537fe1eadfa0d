"""Whether a text reads like text: the rules of Gopher, FineWeb and C4, each group with its own thresholds."""

from domain.text.quality.broken import Broken
from domain.text.quality.c4 import Lines
from domain.text.quality.rules import QualityRules, judge

__all__ = ["Broken", "Lines", "QualityRules", "judge"]
