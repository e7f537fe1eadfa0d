"""The data sheet: the text available to a model and what was left out, as JSON and as a page."""

from corpora.datasheet.describe import Description, describe

__all__ = ["Description", "describe"]
