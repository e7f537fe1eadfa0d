"""The texts that corpora must not contain: every question that the evals will ask."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field, ValidationInfo, field_validator

from domain.artifacts import Protected
from domain.jsonlines import write_lines
from domain.machine import Machine
from domain.spec import Spec, fingerprint
from domain.stage import stage
from evals.tasks import load_task, shipped


class Protection(Spec):
    """Which tasks are protected, by the name of one that ships or the path of a YAML file."""

    domain: Annotated[tuple[str, ...], Field(description="tasks of the field")] = ()
    general: Annotated[tuple[str, ...], Field(description="tasks of general ability")] = ()

    @field_validator("domain", "general")
    @classmethod
    def _from_recipe(cls, names: tuple[str, ...], info: ValidationInfo) -> tuple[str, ...]:
        """Paths are meant from the recipe's folder."""
        folder = (info.context or {}).get("folder")
        if not folder:
            return names
        return tuple(name if name in shipped() else str(found_beside(Path(folder), name)) for name in names)

    def identity_key(self) -> dict[str, Any]:
        """The tasks by their content, wherever their files lie; all else as it is written."""
        tasks = {
            part: [fingerprint(load_task(name).model_dump(mode="json")) for name in getattr(self, part)]
            for part in ("domain", "general")
        }
        return {**super().identity_key(), **tasks}


def found_beside(folder: Path, name: str) -> Path:
    """The task's file from the recipe's folder; the name as it is where there is none, for the error to show."""
    beside = folder / Path(name).expanduser()
    return beside if beside.is_file() else Path(name)


@stage("protect", makes=Protected, version=2)
def protect(spec: Protection, *, out: Path, machine: Machine) -> dict[str, Any]:
    """Tasks -> Protected: a line for each question, and one for it with each of its choices.

    facts: ``texts`` by task.
    """
    tasks = [load_task(name) for name in dict.fromkeys((*spec.domain, *spec.general))]
    rows = [
        {"task": task.name, "text": text}
        for task in tasks
        for item in task.items
        for text in (item.question, *(f"{item.question} {choice}" for choice in item.choices))
    ]
    write_lines(out / "texts.jsonl", rows)
    return {"texts": dict(Counter(row["task"] for row in rows))}
