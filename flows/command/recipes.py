"""List the recipes that ship with Shoptalk."""

from __future__ import annotations

import argparse


def add(command: argparse.ArgumentParser) -> None:
    """The command has no options."""


def run(options: argparse.Namespace) -> int:
    """Print each with its first comment."""
    from flows.recipe.recipe import shipped

    for name, path in shipped().items():
        first = path.read_text(encoding="utf-8").splitlines()[0].lstrip("# ")
        print(f"{name:12} {first}")
    return 0
