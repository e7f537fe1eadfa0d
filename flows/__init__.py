"""Recipes, runs and the command ``shoptalk``: stages are ordered, cached, launched, retried and tracked."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from flows.recipe.recipe import Recipe, load_recipe
    from flows.run.result import RunResult
    from flows.run.run import run_recipe

__all__ = ["Recipe", "RunResult", "load_recipe", "run_recipe"]

# Imported when first asked for, so that the command's --help answers at once.
_HOME = {
    "Recipe": "flows.recipe.recipe",
    "RunResult": "flows.run.result",
    "load_recipe": "flows.recipe.recipe",
    "run_recipe": "flows.run.run",
}


def __getattr__(name: str) -> Any:
    if name in _HOME:
        return getattr(importlib.import_module(_HOME[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
