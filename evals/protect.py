"""The texts that corpora must not contain: every question that the evals will ask."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field

from domain.artifacts import Protected
from domain.machine import Machine
from domain.spec import Spec, fingerprint
from domain.stage import stage
from evals.tasks import load_task


class Protection(Spec):
    """Which tasks are protected, by the name of one that ships or the path of a YAML file."""

    domain: Annotated[tuple[str, ...], Field(description="tasks of the field")] = ()
    general: Annotated[tuple[str, ...], Field(description="tasks of general ability")] = ()

    def asked(self) -> dict[str, Any]:
        """The tasks by their content, wherever their files lie."""
        return {
            part: [fingerprint(load_task(name).model_dump(mode="json")) for name in getattr(self, part)]
            for part in ("domain", "general")
        }


@stage("protect", makes=Protected, version=1)
def protect(spec: Protection, *, out: Path, machine: Machine) -> dict[str, Any]:
    """Tasks -> Protected: a line for each question, and one for it with each of its choices.

    facts: ``texts`` by task.
    """
    counts: dict[str, int] = {}
    with (out / "texts.jsonl").open("w", encoding="utf-8") as file:
        for name in (*spec.domain, *spec.general):
            task = load_task(name)
            for item in task.items:
                for text in (item.question, *(f"{item.question} {choice}" for choice in item.choices)):
                    file.write(json.dumps({"task": task.name, "text": text}, ensure_ascii=False) + "\n")
                    counts[task.name] = counts.get(task.name, 0) + 1
    return {"texts": counts}
