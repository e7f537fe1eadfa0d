"""What messages and docs say of a recipe's keys: each that they name exists."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import get_args

import pytest
from pydantic import BaseModel

from flows.recipe.recipe import Recipe

HOME = Path(__file__).resolve().parents[3]
SECTIONS = ("corpus", "base", "budget", "training", "tuning", "instruction_tuning", "pilot", "evaluation")
PATH = re.compile(rf"(?<![\w./])(?:{'|'.join(SECTIONS)})(?:\.(?:[a-z_]+|\d+))+(?![\w/(])")
FILES = (".json", ".jsonl", ".py", ".yaml", ".html")


def models(annotation: object) -> Iterator[type[BaseModel]]:
    """The specs that a field's type may hold, shipped kinds included."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for argument in (*get_args(annotation), *getattr(annotation, "__metadata__", ())):
        yield from models(argument)
    yield from getattr(annotation, "shipped", {}).values()


def exists(path: str) -> bool:
    """Whether a recipe may have this key."""
    at: list[type[BaseModel]] = [Recipe]
    for key in path.split("."):
        fields = [spec.model_fields[key] for spec in at if key in spec.model_fields]
        if not fields and not key.isdigit():
            return False
        at = [each for field in fields for part in (field.annotation, *field.metadata) for each in models(part)] or at
    return True


def texts(path: Path) -> Iterator[str]:
    """Of a file of Markdown all, of a module its strings."""
    content = path.read_text(encoding="utf-8")
    if path.suffix == ".md":
        yield content
        return
    for node in ast.walk(ast.parse(content)):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value


@pytest.mark.parametrize("package", ["flows", "domain", "corpora", "evals", "README.md"])
def test_keys_that_are_named_exist(package: str) -> None:
    top = HOME / package
    files = [top] if top.is_file() else [*top.rglob("*.py"), *top.rglob("*.md")]
    missing = [
        f"{path.relative_to(HOME)}: {match[0]}"
        for path in files
        for text in texts(path)
        for match in PATH.finditer(text)
        if not match[0].endswith(FILES) and not exists(match[0])
    ]
    assert missing == []


def test_what_it_looks_for() -> None:
    assert exists("corpus.decontaminate.max_share")
    assert exists("corpus.domain.0.path")
    assert not exists("corpus.decontaminate.most")
    assert not exists("tuning.label")
    assert PATH.findall("raise corpus.max_unreadable above 0.001.") == ["corpus.max_unreadable"]
