"""Check the installation and, if named, a recipe: sources, base, tasks, instruction examples."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from flows.command.options import add_machine, machine_of, public, recipe_of

if TYPE_CHECKING:
    from domain.machine import Machine

Result = tuple[bool, str]  # whether it passes, and what was found
PACKAGES = ("flows", "domain", "corpora", "evals")
REQUIRED = ("torch", "transformers", "tokenizers", "datasets", "datatrove", "prefect", "mlflow")
LEAST_GB = 5  # free on the disk of the work folder; what the quickstart takes, with room to spare


def add(command: argparse.ArgumentParser) -> None:
    """The options of the command."""
    command.add_argument("recipe", nargs="?", help="a recipe file, or the name of one that ships")
    command.add_argument(
        "--set", action="append", default=[], type=public, metavar="A.B=C", help="override one value of the recipe"
    )
    add_machine(command)


def run(options: argparse.Namespace) -> int:
    """Print a line for each check; 1 if any fails. Raises ``UserError`` for a work folder that is not safe."""
    from flows.run.work_folder import private, refuse_unsafe

    machine = machine_of(options)
    refuse_unsafe(machine.work, machine.shared)
    name = recipe_of(options, machine) if options.recipe is not None else None
    failed = 0
    with private(machine.shared):  # sources keep in the work folder what they fetch
        for passes, line in (*installation(machine), *recipe_checks(name, options.set, machine)):
            print(f"{'ok  ' if passes else 'FAIL'}  {line}")
            failed += not passes
    return 1 if failed else 0


def installation(machine: Machine) -> Iterator[Result]:
    """Python, the packages, the libraries, and room on the disk."""
    import shutil
    import sys
    from importlib import metadata

    recent = sys.version_info >= (3, 11)
    yield recent, f"Python {sys.version.split()[0]}" + ("" if recent else ": install Python 3.11 or newer")
    yield from owners()
    for name in REQUIRED:
        try:
            yield True, f"{name} {metadata.version(name)}"
        except metadata.PackageNotFoundError:
            yield False, f"{name} is not installed: pip install shoptalk"
    free = shutil.disk_usage(machine.work if machine.work.exists() else Path()).free / 1e9
    enough = free > LEAST_GB
    yield enough, f"{free:.0f} GB free for {machine.work}" + ("" if enough else ": a small run needs 5; set --work")
    yield True, f"{machine.worker_count} workers, {machine.thread_count} threads"


def owners() -> Iterator[Result]:
    """For each of the four import names: whether Shoptalk alone owns it, and is what Python would import."""
    from importlib import metadata, util

    home = Path(__file__).resolve().parent.parent.parent
    distributions = metadata.packages_distributions()
    for name in PACKAGES:
        others = sorted({owner for owner in distributions.get(name, []) if owner.lower() != "shoptalk"})
        spec = util.find_spec(name)
        origin = Path(spec.origin).resolve().parent if spec and spec.origin else None
        if others:
            fix = "uninstall one, or use an environment of its own"
            yield False, f"package {name} also belongs to {', '.join(others)}: {fix}"
        elif origin != home / name:
            yield False, f"package {name} is imported from {origin}, not from {home / name}: run from another folder"
        else:
            yield True, f"package {name} is Shoptalk's own"


def recipe_checks(name: str | None, overrides: list[str], machine: Machine) -> Iterator[Result]:
    """What a recipe names; nothing without one."""
    from domain.errors import UserError
    from flows.recipe.preflight import named
    from flows.recipe.recipe import load_recipe
    from flows.run.lineage import refuse_changed

    if name is None:
        return
    try:
        recipe = load_recipe(name, overrides, machine)
    except (UserError, ExceptionGroup) as error:
        errors = error.exceptions if isinstance(error, ExceptionGroup) else [error]
        yield from ((False, str(each)) for each in errors)
        return
    yield True, f"recipe {recipe.name}"
    try:
        refuse_changed(recipe, machine.work)
    except UserError as error:
        yield False, str(error)
    yield from named(recipe, machine)
