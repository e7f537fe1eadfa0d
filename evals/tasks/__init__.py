"""A benchmark is data: one YAML per task, its items inside or in a file beside it."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationError, model_validator

from domain.errors import Refusal
from domain.spec import Spec
from domain.yamlfile import read_yaml

HERE = Path(__file__).resolve().parent


class Item(Spec):
    """A question, the answers to choose from, and which is right (from 0)."""

    question: Annotated[str, Field(min_length=1)]
    choices: tuple[str, ...] = ()
    answer: Annotated[int | None, Field(ge=0)] = None

    @model_validator(mode="after")
    def _answerable(self) -> Item:
        if self.answer is not None and self.answer >= len(self.choices):
            raise ValueError(f"answer {self.answer} of {len(self.choices)} choices; count from 0")
        return self


class Task(Spec):
    """What a task's YAML says. With ``path``, items are the lines of a jsonl(.gz) file, read by ``columns``."""

    name: str
    description: str
    licence: str
    source: str
    kind: Literal["multiple_choice", "text"] = "multiple_choice"
    items: tuple[Item, ...] = ()
    path: str = ""
    columns: Annotated[
        dict[str, str], Field(description="which column is question, choices, answer", default_factory=dict)
    ]

    @model_validator(mode="after")
    def _one_place(self) -> Task:
        if bool(self.items) == bool(self.path):
            raise ValueError("give items, or the path of a file with them: one of the two")
        return self


def shipped() -> dict[str, Path]:
    """The tasks that come with Shoptalk, by name."""
    return {path.stem: path for path in sorted(HERE.glob("*.yaml"))}


def load_task(name: str) -> Task:
    """The task of that name, or in that YAML file, its items read; raises ``Refusal``."""
    path = shipped().get(name, Path(name))
    if not path.is_file():
        near = get_close_matches(name, shipped(), 1)
        hint = f"did you mean {near[0]}? " if near else ""
        mend = f"{hint}name one that ships ({', '.join(shipped())}) or a YAML file"
        raise Refusal("evaluation", f"there is no task {name}", mend)
    try:
        task = Task.model_validate(read_yaml(path))
        return task.but(items=tuple(from_file(task, path.parent)), path="") if task.path else task
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"])) or "task"
        raise Refusal(f"{path}: {place}", first["msg"].removeprefix("Value error, "), "correct the task") from None


def from_file(task: Task, folder: Path) -> Iterator[Item]:
    """The items in a task's file; a line that is none is named by its number."""
    path = folder / task.path
    names = {"question": "question", "choices": "choices", "answer": "answer", **task.columns}
    try:
        with gzip.open(path, "rt", encoding="utf-8") if path.suffix == ".gz" else path.open(encoding="utf-8") as lines:
            for number, line in enumerate(lines, 1):
                try:
                    record: dict[str, Any] = json.loads(line)
                    fields = {field: record[column] for field, column in names.items() if column in record}
                    yield Item.model_validate({k: fields[k] for k in ("question", "choices", "answer") if k in fields})
                except (ValueError, AttributeError, TypeError) as error:
                    reason = str(error).splitlines()[0]
                    raise Refusal(
                        f"{path}:{number}", f"is no item ({reason})", "correct the line, or columns"
                    ) from None
    except OSError as error:
        raise Refusal(str(path), f"cannot be read ({error.strerror or error})", "correct path in the task") from None
