"""The releases of a work folder, by recipe: recorded apart from runs, so that no later run can hide one."""

from __future__ import annotations

from pathlib import Path

from domain.errors import UserError
from flows.adapt import summary
from flows.recipe.recipe import load_recipe
from flows.run.record import RunRecord


def release_folder(work: Path, name: str) -> Path:
    """The folder of a release: a path, or the last release of a recipe that was run in ``work``."""
    if Path(name).is_dir():
        return Path(name)
    path = summary(RunRecord(work, load_recipe(name).name).read()["stages"])["release"]
    if path is None:
        raise UserError(name, "has no release in this work folder", f"shoptalk run {name}, and see its decision")
    return Path(path)
