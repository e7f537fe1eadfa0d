"""Whether a text reads like text: the rules of Gopher, FineWeb and C4, each group with its own thresholds."""

from domain.text.quality.c4 import KeptLines
from domain.text.quality.rules import QualityRules, TextLanguage, judge
from domain.text.quality.violation import Violation

__all__ = ["KeptLines", "QualityRules", "TextLanguage", "Violation", "judge"]
