"""Write a commented starter recipe."""

from __future__ import annotations

import argparse
from shlex import quote

from flows.recipe.domains import DOMAINS, GENERIC
from flows.recipe.purposes import PURPOSES


def add(command: argparse.ArgumentParser) -> None:
    """The options of the command."""
    command.add_argument("name", help="the domain, such as contracts; writes NAME.yaml")
    command.add_argument("--for", dest="work", choices=sorted(PURPOSES), default="generate", help="the model's purpose")
    command.add_argument("--domain", choices=sorted(DOMAINS), help="start with sources and filters that suit a field")


def run(options: argparse.Namespace) -> int:
    """Write the recipe into the current folder."""
    from flows.recipe.starter import write_starter

    path = write_starter(options.name, options.work, DOMAINS.get(options.domain, GENERIC))
    choice = PURPOSES[options.work]
    print(f"To {options.work}: {choice.objective}, since {choice.why}. A base: {choice.base}.")
    print(f"Wrote {path}. Name your text in it, then: shoptalk plan {quote(str(path))}")
    return 0
