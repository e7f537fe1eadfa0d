"""Every number of a recipe, a machine profile and a task has two bounds, and none is a boolean."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any, get_args

import pytest
from pydantic import BaseModel, TypeAdapter, ValidationError

from domain.machine import Machine
from evals.tasks import Task
from flows.recipe.recipe import Recipe

EXTREME = (10**20, -(10**20), 1e20, -1e20, 10**400)


def specs(annotation: object, visited: set[type[BaseModel]]) -> Iterator[type[BaseModel]]:
    """Every spec that an annotation may hold, those of shipped kinds included, each once."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel) and annotation not in visited:
        visited.add(annotation)
        yield annotation
        for field in annotation.model_fields.values():
            for part in (field.annotation, *field.metadata):
                yield from specs(part, visited)
    for argument in (*get_args(annotation), *getattr(annotation, "__metadata__", ())):
        yield from specs(argument, visited)
    for shipped in getattr(annotation, "shipped", {}).values():
        yield from specs(shipped, visited)


FIELDS = [
    (f"{spec.__module__}.{spec.__name__}.{name}", Annotated[(field.annotation, *(field.metadata or [None]))])
    for top in (Recipe, Machine, Task)
    for spec in specs(top, set())
    for name, field in spec.model_fields.items()
]


def accepts(annotation: Any, value: object) -> bool:
    """Whether a field takes a value, alone, in a list or in a mapping."""
    adapter = TypeAdapter(annotation)
    for shape in (value, [value], {"en": value}):
        try:
            adapter.validate_python(shape, strict=None)
            return True
        except ValidationError:
            pass
    return False


def numeric(annotation: object) -> bool:
    """Whether a number is somewhere in the annotation, outside of specs of its own."""
    return annotation in (int, float) or any(numeric(each) for each in get_args(annotation))


@pytest.mark.parametrize(("name", "annotation"), [field for field in FIELDS if numeric(field[1])])
def test_a_number_has_two_bounds(name: str, annotation: Any) -> None:
    assert not [value for value in EXTREME if accepts(annotation, value)]


def test_what_was_looked_at() -> None:
    names = [name for name, annotation in FIELDS if numeric(annotation)]
    assert len(names) > 90
    for name in (
        "Machine.workers",
        "Slurm.memory_gb",
        "Scratch.width",
        "GopherRules.symbols",
        "Mixture.weights",
        "Item.answer",
    ):
        assert any(each.endswith(name) for each in names), name
