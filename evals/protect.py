"""Benchmark texts that corpora must not contain."""

from __future__ import annotations

import os
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
    """Protected tasks: names of shipped ones or paths of YAML files."""

    domain: Annotated[tuple[str, ...], Field(description="tasks of the field")] = ()
    general: Annotated[tuple[str, ...], Field(description="tasks of general ability")] = ()

    @field_validator("domain", "general")
    @classmethod
    def _from_recipe(cls, names: tuple[str, ...], info: ValidationInfo) -> tuple[str, ...]:
        """Resolve paths relative to the recipe's folder."""
        folder = (info.context or {}).get("folder")
        if not folder:
            return names
        return tuple(name if name in shipped() else str(resolved(Path(folder), name)) for name in names)

    def identity_key(self) -> dict[str, Any]:
        """The tasks by content rather than path; other fields unchanged."""
        tasks = {
            part: [fingerprint(load_task(name).model_dump(mode="json")) for name in getattr(self, part)]
            for part in ("domain", "general")
        }
        return {**super().identity_key(), **tasks}


def resolved(folder: Path, name: str) -> Path:
    """The path of a task relative to a folder; the name unchanged if there is no such file, for the error message."""
    beside = folder / os.path.expanduser(name)
    return beside if os.path.isfile(beside) else Path(name)


@stage("protect", makes=Protected, version=2)
def protect(spec: Protection, *, out: Path, machine: Machine) -> dict[str, Any]:
    """Tasks -> Protected: a line for each question, alone and followed by each of its choices.

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
