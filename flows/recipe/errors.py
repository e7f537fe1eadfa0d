"""Validation errors as lines that name the place in the file, the value and the fix."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, TypeVar, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from corpora.plugins import Kinds, Plugins
from domain.advice import advice, shown
from domain.errors import UserError

M = TypeVar("M", bound=BaseModel)
Step = str | int
LONGEST_KEY = 100  # characters of a key that are shown
MOST_ERRORS = 50  # that are told at once


def validated(kind: type[M], content: object, path: Path, plugins: Plugins | None = None) -> M:
    """``content`` as a ``kind``; raises an ``ExceptionGroup`` with one ``UserError`` for each error in ``path``."""
    try:
        return kind.model_validate(content, context={"folder": os.path.realpath(path.parent), "plugins": plugins})
    except ValidationError as error:
        entries = causes(error.errors())
        refusals = [refusal(path, kind, content, entry) for entry in entries[:MOST_ERRORS]]
        if len(entries) > MOST_ERRORS:
            refusals.append(UserError(str(path), f"{len(entries) - MOST_ERRORS:,} more errors", "correct these first"))
        raise ExceptionGroup(str(path), refusals) from None


def causes(entries: Sequence[ErrorDetails]) -> list[ErrorDetails]:
    """The entries without those that follow from a deeper one: a list whose only item is wrong also counts as empty.

    A missing key beside them stays: it has a place of its own.
    """
    above = {entry["loc"][:length] for entry in entries for length in range(len(entry["loc"]))}
    return [entry for entry in entries if entry["loc"] not in above]


def refusal(path: Path, kind: type[BaseModel], content: object, entry: ErrorDetails) -> UserError:
    """One validation error as place, problem and fix."""
    steps = [str(step)[:LONGEST_KEY] for step in written(content, entry["loc"])]
    if entry["type"] == "missing":
        missing = str(entry["loc"][-1])
        return UserError(place(path, [*steps, missing]), "is missing", f"add {missing}")
    message = advice(entry)
    if entry["type"] == "kind":
        value = entry["input"]
        named = value.get("kind") if isinstance(value, dict) else value
        problem = "names no kind" if named is None else f"there is no kind {shown(named)}"
        return UserError(place(path, steps), problem, message)
    if entry["type"] == "extra_forbidden":
        fields = keys_at(kind, entry["loc"][:-1])
        near = get_close_matches(steps[-1], fields, 1)
        fix = f"the keys here are {', '.join(fields)}" if fields else "take it out"
        return UserError(
            place(path, steps), f"'{steps[-1]}' is not a valid key", f"did you mean {near[0]}" if near else fix
        )
    if isinstance(entry["input"], dict) and "; " in message:  # about several keys: the message is problem and fix
        problem, _, fix = message.rpartition("; ")
        return UserError(place(path, steps), problem, fix)
    return UserError(place(path, steps), f"found {shown(entry['input'])}", message.rstrip("."))


def place(path: Path, steps: Sequence[str]) -> str:
    """The file and the path of keys in it."""
    return f"{path}: {'.'.join(steps)}" if steps else str(path)


def written(content: object, loc: Sequence[Step]) -> Iterator[Step]:
    """The steps of a location that are in the file; pydantic also names the branch of a union that it tried."""
    here = content
    for step in loc:
        match here:
            case dict() if step in here:
                here = here[step]
            case list() if isinstance(step, int) and step < len(here):
                here = here[step]
            case _:
                continue
        yield step


def keys_at(kind: type[BaseModel], loc: Sequence[Step]) -> list[str]:
    """The valid keys at a place below ``kind``; empty for an unknown place."""
    here: list[type[BaseModel]] = [kind]
    for step in loc:
        inner = [spec for owner in here if str(step) in names(owner) for spec in specs(names(owner)[str(step)])]
        chosen = [spec for spec in here if "kind" in names(spec) and spec.model_fields["kind"].default == step]
        here = inner or chosen or (here if isinstance(step, int) else [])
    return list(dict.fromkeys(name for spec in here for name in names(spec)))


def names(spec: type[BaseModel]) -> dict[str, object]:
    """The annotation of each key of a spec, by the key's name in a file."""
    return {
        field.alias or name: Annotated[(field.annotation, *(field.metadata or [None]))]
        for name, field in spec.model_fields.items()
    }


def specs(annotation: object) -> Iterator[type[BaseModel]]:
    """Every spec that an annotation allows, also inside lists and unions."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel) and get_origin(annotation) is None:
        yield annotation
        return
    for mark in getattr(annotation, "__metadata__", ()):
        if isinstance(mark, Kinds):
            yield from mark.shipped.values()
            return
    for inner in get_args(annotation):
        yield from specs(inner)
