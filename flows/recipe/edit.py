"""Writes values into a recipe's file; every other byte, comments and layout included, stays as it is."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from yaml import MappingNode

from domain.errors import UserError
from domain.manifest import write_atomically
from domain.yamlfile import compose_yaml, parse_yaml
from flows.recipe.recipe import find_recipe, shipped


def writable(name: str) -> Path:
    """The recipe's file; raises ``UserError`` for one that ships, and for one that is read-only."""
    path = find_recipe(name)
    if path in shipped().values():
        raise UserError(name, "ships with Shoptalk and is read-only", f"copy {path} and name the copy")
    file = path.resolve()
    if not (file.stat().st_mode & 0o222 and os.access(file, os.W_OK) and os.access(file.parent, os.W_OK)):
        raise UserError(name, "is read-only, or its folder is", "make both writable, or leave out --write")
    return path


def edited(name: str, values: Mapping[str, float | str]) -> tuple[Path, str]:
    """The recipe's file, and its text with values set by their place (``training.mixture.domain``).

    Raises ``UserError`` if the file is not writable, or its YAML is written such that an edit would change more.
    """
    path = writable(name)
    text = path.read_bytes().decode("utf-8")
    after, meant = text, parse_yaml(text, str(path))
    for place, value in values.items():
        steps = place.split(".")
        after = with_value(after, steps, value)
        put(meant, steps, value)
    if parse_yaml(after, str(path)) != meant:
        raise UserError(
            str(path),
            "uses YAML that cannot be edited in place",
            "leave out --write, and set the printed values by hand",
        )
    return path, after


def write_values(name: str, values: Mapping[str, float | str]) -> Path:
    """Write the edited text and return the file's path; raises ``UserError`` as ``edited`` does."""
    path, text = edited(name, values)
    file = path.resolve()
    mode = file.stat().st_mode
    try:
        write_atomically(file, text.encode())
        file.chmod(mode)
    except OSError as error:
        by_hand = f"set {', '.join(f'{place}: {value!r}' for place, value in values.items())} by hand"
        raise UserError(str(path), f"cannot be written ({error.strerror})", by_hand) from None
    return path


def put(content: dict[str, object], steps: Sequence[str], value: float | str) -> None:
    """Set a value in nested mappings; a mapping that YAML aliases share with other places is copied first."""
    for step in steps[:-1]:
        below = content.get(step)
        content[step] = inner = dict(below) if isinstance(below, dict) else {}
        content = inner
    content[steps[-1]] = value


def with_value(text: str, steps: Sequence[str], value: float | str) -> str:
    """A recipe's text with the value at the end of ``steps`` replaced or inserted."""
    node, last = compose_yaml(text, "recipe"), len(steps) - 1
    if not isinstance(node, MappingNode):
        raise ValueError("a recipe's text is a mapping")
    for number, step in enumerate(steps):
        below = next((inner for name, inner in node.value if name.value == step), None)
        if below is None:
            return inserted(text, node, step, nested(steps[number + 1 :], value), root=number == 0)
        here = slice(below.start_mark.index, below.end_mark.index)
        if number == last:
            return f"{text[: here.start]}{shown(value)}{text[here.stop :]}"
        if not isinstance(below, MappingNode):  # the key without a value
            return f"{text[: here.start]} {nested(steps[number + 1 :], value)}{text[here.stop :]}"
        node = below
    raise ValueError("no steps")


def inserted(text: str, node: MappingNode, name: str, value: str, *, root: bool) -> str:
    """The text with a new key: the last of the recipe, or the first of a nested mapping."""
    if root:
        return f"{text.rstrip()}\n\n{name}: {value}\n"
    if node.flow_style:
        at = node.start_mark.index + 1
        return f"{text[:at]}{name}: {value}{', ' if node.value else ''}{text[at:]}"
    first = node.value[0][0].start_mark
    return f"{text[: first.index]}{name}: {value}\n{' ' * first.column}{text[first.index :]}"


def nested(steps: Sequence[str], value: float | str) -> str:
    """A value under nested keys, in one line."""
    text = shown(value)
    for step in reversed(steps):
        text = f"{{{step}: {text}}}"
    return text


def shown(value: float | str) -> str:
    """A value that YAML 1.1 reads back as well: 1e-05 would be a string, 1.0e-05 is a number."""
    if isinstance(value, str):
        return value
    text = repr(value)
    return text.replace("e", ".0e", 1) if "e" in text and "." not in text else text
