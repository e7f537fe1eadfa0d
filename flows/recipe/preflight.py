"""Whether what a recipe names is there: its text, its base, its tasks and its orders; of these alone all is read."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from corpora.sources.files import Files
from corpora.sources.hub import Hub
from corpora.sources.packages import Packages, version
from domain.errors import UserError
from domain.machine import Machine
from domain.model.chat_base import confirmed
from domain.units import size
from domain.weights import is_local, weight_files
from evals.tasks import load_task
from flows.recipe.recipe import Recipe


def named(recipe: Recipe, machine: Machine) -> Iterator[tuple[bool, str]]:
    """(whether it is there, what was found) for each source, the base, each task and the orders."""
    for part, source in recipe.corpus.sources():
        try:
            yield True, f"{part} text: {there(source, machine)}"
        except UserError as refusal:
            yield False, str(refusal)
    try:
        yield True, f"base: {base(recipe)}"
    except UserError as refusal:
        yield False, str(refusal)
    for name in (*recipe.evaluation.domain, *recipe.evaluation.general):
        try:
            yield True, f"task {name}: {len(load_task(name).items)} items"
        except UserError as refusal:
            yield False, str(refusal)
    if recipe.instruction_tuning:
        try:
            yield True, f"orders: {recipe.instruction_tuning.path}, {recipe.instruction_tuning.check():,} of them"
        except UserError as refusal:
            yield False, str(refusal)


def there(source: Any, machine: Machine) -> str:
    """What a source holds, as far as that is known without reading it; raises ``UserError`` where it is not there."""
    if isinstance(source, Files):
        system, _, paths = source.locate(machine)
        return f"{source.title}, {len(paths)} files, {size(sum(system.size(path) or 0 for path in paths))}"
    if isinstance(source, Packages):
        for name in source.distributions:
            version(name)
        return f"{source.title}, {len(source.distributions)} distributions installed"
    if isinstance(source, Hub):
        if source.local:
            return f"{source.title}, local"
        return f"{source.title}, pinned at {str(source.revision)[:12]}; it is read when the recipe is run"
    return f"{source.title}, of kind {source.kind}; it is asked when the recipe is run"


def base(recipe: Recipe) -> str:
    """What the base is; raises ``UserError`` where given weights are not there. Nothing is downloaded."""
    scratch, weights = recipe.base.scratch, recipe.base.weights
    confirmed(recipe.base, fetch=False)
    if scratch is not None:
        return f"{scratch.architecture} of {scratch.layers} layers and width {scratch.width}, from scratch"
    if is_local(weights):
        files = weight_files(weights)
        return f"{weights}, {size(sum(Path(file).stat().st_size for file in files))}"
    name, _, revision = weights.partition("@")
    if not revision:
        problem = f"{name} is no folder here, and as a model on the hub it names no revision"
        raise UserError("base", problem, f"correct the path, or write {name}@<commit>")
    return f"{name}, pinned at {revision[:12]}; it is downloaded when the recipe is run"
