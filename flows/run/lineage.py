"""The corpora that each recipe had in a work folder, day by day: what its last one was, and how it held out."""

from __future__ import annotations

import os
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

from corpora.curate import LAST_CORPUS
from domain.artifacts import Artifact
from domain.errors import UserError
from domain.jsonlines import line, parse_line

if TYPE_CHECKING:
    from flows.recipe.recipe import Recipe

FILE = "corpora.jsonl"
HELD_OUT = ("validation", "test")
COLUMNS = ("recipe", "as_of", "corpus", "earlier", *HELD_OUT)


def lineage(work: Path, recipe: str) -> list[dict[str, Any]]:
    """The rows of a recipe in the order of its runs; raises ``UserError`` where they cannot be read.

    ``corpus`` and ``earlier`` are folders, relative to the work folder; a last line that a crash cut off never was.
    """
    path = work / FILE
    try:
        rows = [parse_line(text) for text in path.read_bytes().split(b"\n")[:-1]]
        columns = [{name: row[name] for name in COLUMNS} for row in rows]
        return [row for row in columns if row["recipe"] == recipe]
    except FileNotFoundError:
        return []
    except (OSError, ValueError, KeyError, TypeError) as error:
        problem = f"does not say any more which corpora were made ({error})"
        raise UserError(str(path), problem, f"remove the broken line; each states {', '.join(COLUMNS)}") from None


def note(work: Path, recipe: Mapping[str, Any], as_of: str, corpus: Artifact, earlier: str | None) -> None:
    """Record that a recipe (as in its run's record) has this corpus on that day; once."""
    shares = recipe["corpus"]["holdout"]
    row = {
        "recipe": recipe["name"],
        "as_of": as_of,
        "corpus": os.path.relpath(corpus.path.resolve(), work.resolve()),
        "earlier": None if earlier is None else os.path.relpath(Path(earlier).resolve(), work.resolve()),
        **{name: shares[name] for name in HELD_OUT},
    }
    if row in lineage(work, recipe["name"])[-1:]:
        return
    path = work / FILE
    content = path.read_bytes() if path.exists() else b""
    with path.open("ab") as file:
        file.truncate(content.rfind(b"\n") + 1)  # of a line that a crash cut off
        file.write(line(row))
        file.flush()
        os.fsync(file.fileno())


def with_earlier(recipe: Recipe, as_of: date, work: Path) -> Recipe:
    """The recipe with the folder that ``earlier: last`` stands for: its last corpus of an earlier day, or none.

    A day's first corpus settles it, so that the same command on the same day asks for the same thing.
    """
    if recipe.corpus.earlier != LAST_CORPUS:
        return recipe
    day, rows = as_of.isoformat(), lineage(work, recipe.name)
    settled = [row["earlier"] for row in rows if row["as_of"] == day]
    before = [row["corpus"] for row in rows if row["as_of"] < day]
    folder = settled[0] if settled else (before[-1] if before else None)
    return recipe.replace(corpus=recipe.corpus.replace(earlier=None if folder is None else str(work / folder)))


def refuse_changed(recipe: Recipe, work: Path) -> None:
    """Raise ``UserError`` where the shares that are held out are not those of the recipe's last corpus, unnamed."""
    rows, holdout = lineage(work, recipe.name), recipe.corpus.holdout
    if not rows or holdout.changed:
        return
    before, now = ({name: shares[name] for name in HELD_OUT} for shares in (rows[-1], holdout.shares()))
    if before != now:
        changes = " and ".join(
            f"{name} {now[name]:g} (before: {before[name]:g})" for name in HELD_OUT if before[name] != now[name]
        )
        problem = f"asks for {changes}, and the last corpus of {recipe.name} in this work folder was held out otherwise"
        fix = "restore it, or set changed: true in it; what was held out stays so"
        raise UserError("corpus.holdout", problem, fix)
