"""One front door for each package: exactly the names in ``__all__``, each from within, each explained."""

from __future__ import annotations

import ast
import importlib
import inspect
from pathlib import Path

import pytest

HOME = Path(__file__).resolve().parent.parent
PACKAGES = ("flows", "domain", "corpora", "evals")


def brought_in(package: str) -> list[tuple[str, str]]:
    """(module, name) of everything that the package's ``__init__`` imports from its own modules."""
    tree = ast.parse((HOME / package / "__init__.py").read_text(encoding="utf-8"))
    imports = [node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
    return [
        (node.module or "", alias.name)
        for node in imports
        if node.module not in ("typing", "__future__")
        for alias in node.names
    ]


@pytest.mark.parametrize("package", PACKAGES)
def test_the_door_shows_what_it_brings_in_and_nothing_else(package: str) -> None:
    door = importlib.import_module(package)
    names = [name for _, name in brought_in(package)]
    assert names
    assert list(door.__all__) == sorted(names)
    assert door.__doc__


@pytest.mark.parametrize("package", PACKAGES)
def test_every_public_name_is_of_the_package_and_explained(package: str) -> None:
    door = importlib.import_module(package)
    for module, name in brought_in(package):
        assert module.split(".")[0] == package
        found = getattr(door, name)
        assert found is getattr(importlib.import_module(module), name)
        # A stage is explained by the function that it wraps.
        assert inspect.getdoc(getattr(found, "run", found)), f"{package}.{name} has no docstring"
