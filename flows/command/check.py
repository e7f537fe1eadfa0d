"""Whether this installation can run, and a recipe with it: packages, versions, room, sources, base."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator
from importlib import metadata, util
from pathlib import Path

from domain.errors import UserError
from domain.machine import Machine
from flows.recipe.preflight import named
from flows.recipe.recipe import load_recipe

NAMES = ("flows", "domain", "corpora", "evals")
ENGINES = ("torch", "transformers", "tokenizers", "datasets", "datatrove", "prefect", "mlflow")


def checks(machine: Machine, recipe: str | None) -> Iterator[tuple[bool, str]]:
    """(whether it is well, what was found) for each thing that is checked."""
    good = sys.version_info >= (3, 11)
    yield good, f"Python {sys.version.split()[0]}" + ("" if good else ": install Python 3.11 or newer")
    yield from owners()
    for name in ENGINES:
        try:
            yield True, f"{name} {metadata.version(name)}"
        except metadata.PackageNotFoundError:
            yield False, f"{name} is not installed: pip install shoptalk"
    here = machine.work if machine.work.exists() else Path()
    free = shutil.disk_usage(here).free / 1e9
    yield free > 5, f"{free:.0f} GB free for {machine.work}" + ("" if free > 5 else ": a small run needs 5; set --work")
    yield True, f"{machine.worker_count} workers, {machine.thread_count} threads"
    if recipe is not None:
        try:
            loaded = load_recipe(recipe)
            yield True, f"recipe {loaded.name}"
            yield from named(loaded, machine)
        except UserError as refusal:
            yield False, str(refusal)
        except ExceptionGroup as group:
            yield from ((False, str(error)) for error in group.exceptions)


def owners() -> Iterator[tuple[bool, str]]:
    """For each of the four import names: whether Shoptalk alone owns it, and is what Python would import."""
    home = Path(__file__).resolve().parent.parent.parent
    owned = metadata.packages_distributions()
    for name in NAMES:
        others = sorted({owner for owner in owned.get(name, []) if owner.lower() != "shoptalk"})
        spec = util.find_spec(name)
        origin = Path(spec.origin).resolve().parent if spec and spec.origin else None
        if others:
            yield (
                False,
                f"package {name} also belongs to {', '.join(others)}: uninstall one, or use an environment of its own",
            )
        elif origin != home / name:
            yield False, f"package {name} is imported from {origin}, not from {home / name}: run from another folder"
        else:
            yield True, f"package {name} is Shoptalk's own"
