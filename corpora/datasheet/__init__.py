"""The data sheet: what a model reads and what was left out, counted once and told as a page and as JSON."""

from corpora.datasheet.describe import Description, describe

__all__ = ["Description", "describe"]
