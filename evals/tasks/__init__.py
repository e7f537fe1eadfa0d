"""Benchmark tasks as data: one YAML a task, with items inside or in a file beside it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationError, model_validator

from domain.advice import refused
from domain.errors import UserError
from domain.jsonlines import read_records
from domain.spec import Spec
from domain.yamlfile import read_yaml

HERE = Path(__file__).resolve().parent
FIELDS = ("question", "choices", "answer")


class Item(Spec):
    """A question, its choices, and the index of the right one (from 0)."""

    question: Annotated[str, Field(min_length=1, max_length=1_000_000)]
    choices: Annotated[tuple[Annotated[str, Field(max_length=100_000)], ...], Field(max_length=1_000)] = ()
    answer: Annotated[int | None, Field(ge=0, lt=1_000)] = None

    @model_validator(mode="after")
    def _answerable(self) -> Item:
        if self.answer is not None and self.answer >= len(self.choices):
            raise ValueError(f"answer {self.answer} of {len(self.choices)} choices; count from 0")
        return self


class Task(Spec):
    """A task's YAML. With ``path``, items are the lines of a jsonl(.gz) file, read by ``columns``.

    An item of ``multiple_choice`` has at least two choices and an answer; one of ``text`` is only protected.
    """

    name: str
    description: str
    licence: str
    source: str
    kind: Literal["multiple_choice", "text"] = "multiple_choice"
    items: Annotated[tuple[Item, ...], Field(max_length=1_000_000)] = ()
    path: Annotated[str, Field(description="a file of items, from the YAML's folder")] = ""
    columns: Annotated[
        dict[Literal["question", "choices", "answer"], str],
        Field(description="which column of the file is question, choices, answer", default_factory=dict),
    ]

    @model_validator(mode="after")
    def _one_place(self) -> Task:
        if bool(self.items) == bool(self.path):
            raise ValueError("give items, or the path of a file with them: one of the two")
        for number, item in enumerate(self.items):
            if self.kind == "multiple_choice" and (len(item.choices) < 2 or item.answer is None):
                raise ValueError(f"item {number} (from 0) has no choices with an answer, as multiple_choice asks")
        return self


def shipped() -> dict[str, Path]:
    """The tasks that come with Shoptalk, by name."""
    return {path.stem: path for path in sorted(HERE.glob("*.yaml"))}


def load_task(name: str) -> Task:
    """The task of that name, or in that YAML file, its items read; raises ``UserError``."""
    path = shipped().get(name, Path(name))
    if not os.path.isfile(path):
        near = get_close_matches(name[:100], shipped(), 1)
        hint = f"did you mean {near[0]}? " if near else ""
        fix = f"{hint}name one that ships ({', '.join(shipped())}) or a YAML file"
        raise UserError("evaluation", f"there is no task {name}", fix)
    try:
        task = Task.model_validate(read_yaml(path))
        return task.replace(items=tuple(from_file(task, path.parent)), path="", columns={}) if task.path else task
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"])) or "task"
        raise refused(f"{path}: {place}", first, "correct the task") from None


def from_file(task: Task, folder: Path) -> Iterator[Item]:
    """The items of a task's file; empty lines are skipped, and errors name the line."""
    path = folder / task.path
    for number, record in read_records(path):
        yield read_item(record, task, f"{path}:{number}")


def read_item(record: dict[str, Any], task: Task, place: str) -> Item:
    """One record of a task's file as an item; columns that the task names must be there."""
    columns = {field: task.columns.get(field, field) for field in FIELDS}  # type: ignore[call-overload]
    for field, column in task.columns.items():
        if column not in record:
            has = ", ".join(record)[:200]
            raise UserError(place, f"has no column {column} for {field}; it has {has}", "correct columns in the task")
    try:
        item = Item.model_validate({field: record[column] for field, column in columns.items() if column in record})
    except ValidationError as error:
        first = error.errors()[0]
        where = f"{place}, {columns[str(first['loc'][0])]}" if first["loc"] else place
        raise refused(where, first, "correct the line, or columns in the task") from None
    if task.kind == "multiple_choice" and (len(item.choices) < 2 or item.answer is None):
        raise UserError(place, "has no choices with an answer, as multiple_choice asks", "correct columns, or the kind")
    return item
