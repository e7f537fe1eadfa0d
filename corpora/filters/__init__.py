"""Filters: each answers keep, drop with a reason, or change with a reason."""

from __future__ import annotations

from corpora.filters.presets import AnyFilter, Filters

__all__ = ["AnyFilter", "Filters"]
