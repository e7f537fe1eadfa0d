"""Benchmark texts that corpora must not contain."""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field, ValidationInfo, field_validator

from domain.artifacts import Protected
from domain.jsonlines import write_lines
from domain.machine import Machine
from domain.spec import Spec, fingerprint
from domain.stage import stage
from evals.tasks import Item, load_task, shipped

SENTENCE = re.compile(r".*?(?:[.!?؟]+[\"')\]’”]*(?=\s|\Z)|[。！？]|\n|\Z)", re.DOTALL)
ASKS, CLOSING = ("?", "？", "؟"), "\"')]’”"
QUESTION_LABEL = re.compile(
    r"^\W*(?:question|problem|q)\s*\d*\s*:\s*", re.IGNORECASE | re.MULTILINE
)  # words that introduce a question
ANSWER_LABEL = re.compile(r"\s*^\W*(?:answer|a)\s*:\s*\Z", re.IGNORECASE | re.MULTILINE)
CHOICES = re.compile(
    r"^\W*(?:(?:answer )?(?:choices|options)\s*:|[aA1]\W?[.)]|\(?[aA1]\))\s", re.MULTILINE | re.IGNORECASE
)


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


@stage("protect", makes=Protected, version=3)
def protect(spec: Protection, *, out: Path, machine: Machine) -> dict[str, Any]:
    """Tasks -> Protected: a line for each question, alone, followed by each of its choices, and without its context.

    facts: ``texts`` by task.
    """
    tasks = [load_task(name) for name in dict.fromkeys((*spec.domain, *spec.general))]
    rows = [
        {"task": task.name, "item": number, "text": text}
        for task in tasks
        for number, item in enumerate(task.items)
        for text in texts_of(item)
    ]
    write_lines(out / "texts.jsonl", rows)
    return {"texts": dict(Counter(row["task"] for row in rows))}


def texts_of(item: Item) -> Iterator[str]:
    """The texts that a document may hold of an item; its question first."""
    yield item.question
    for choice in item.choices:
        yield f"{item.question} {choice}"
    if bare := without_context(item.question):
        yield bare


def without_context(question: str) -> str | None:
    """What a question with a passage before it asks; None for a question that is nothing else.

    It is what follows the last ``Question:``, else the last sentence with a question mark, else the last paragraph.
    """
    whole = ANSWER_LABEL.sub("", question.strip())
    if (choices := CHOICES.search(whole, 1)) and (before := whole[: choices.start()].strip()):
        whole = before
    if labels := list(QUESTION_LABEL.finditer(whole)):
        bare = whole[labels[-1].end() :].strip()
    else:
        sentences = [each.strip() for each in SENTENCE.findall(whole)]
        questions = (each for each in reversed(sentences) if each.rstrip(CLOSING)[-1:] in ASKS)
        bare = next(questions, "") or re.split(r"\n\s*\n", whole)[-1].strip()
    return bare if bare and bare != question.strip() else None
