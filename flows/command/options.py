"""Options that several commands share: the recipe, the run, and the machine profile with its overrides."""

from __future__ import annotations

import argparse
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING

from domain.url_secrets import has_secret

if TYPE_CHECKING:
    from domain.machine import Machine

# Nothing heavier than argparse is imported for --help.


def add_recipe(command: argparse.ArgumentParser) -> None:
    """The recipe, with overrides."""
    command.add_argument("recipe", help="a recipe file, or the name of one that ships or was run")
    command.add_argument(
        "--set", action="append", default=[], type=public, metavar="A.B=C", help="override one value of the recipe"
    )


def add_as_of(command: argparse.ArgumentParser) -> None:
    """The day for which text is collected."""
    command.add_argument(
        "--as-of", type=day, metavar="DAY", help="collect text as of this day, YYYY-MM-DD (default: today in UTC)"
    )


def add_run(command: argparse.ArgumentParser) -> None:
    """A finished run, or one that went as far as its corpus."""
    command.add_argument("run", help="a recipe that was run (its file or its name), or the folder of a corpus")


def add_work(command: argparse.ArgumentParser) -> None:
    """Where a work folder is, for commands that only read it."""
    machine = command.add_argument_group("machine")
    machine.add_argument("--machine", metavar="FILE", help="a machine profile in YAML; the options override it")
    machine.add_argument("--work", metavar="DIR", help="folder of artifacts and records (default: work)")


def add_machine(command: argparse.ArgumentParser) -> None:
    """The machine profile and its overrides, for commands that compute."""
    machine = command.add_argument_group("machine", "where and with what it runs; never part of an artifact's identity")
    machine.add_argument("--machine", metavar="FILE", help="a machine profile in YAML; the options below override it")
    machine.add_argument("--work", metavar="DIR", help="folder of artifacts and records (default: work)")
    machine.add_argument("--workers", type=int, help="processes that read and clean text")
    machine.add_argument("--threads", type=int, help="threads of one training process")
    machine.add_argument("--processes", type=int, help="processes that train together on this node")
    machine.add_argument("--device", choices=("auto", "cpu", "cuda"))
    machine.add_argument("--precision", choices=("auto", "fp32", "bf16"))
    machine.add_argument("--micro-batch", type=int, metavar="TOKENS", help="tokens per forward pass")
    machine.add_argument("--tracking", type=public, metavar="URI", help="MLflow tracking URI, or none")


def day(text: str) -> date:
    """A date as YYYY-MM-DD, no later than today: what is published tomorrow cannot be collected."""
    try:
        result = date.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a date; write YYYY-MM-DD, such as 2026-01-31") from None
    if result > (today := datetime.now(UTC).date()):
        raise argparse.ArgumentTypeError(f"{text} is in the future; today in UTC is {today}")
    return result


def public(text: str) -> str:
    """A value without a secret: every user of the machine can read the command line of every process."""
    if has_secret(text):
        raise argparse.ArgumentTypeError(
            "has a secret, which others could read in the process list; write it in the recipe or, as ${NAME} of an "
            "environment variable, in the machine profile"
        )
    return text


def positive(text: str) -> int:
    """A count above zero."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a positive whole number")
    return int(text)


def machine_of(options: argparse.Namespace) -> Machine:
    """The machine profile: the file, overridden by flags."""
    from flows.run.profile import read_profile

    names = ("work", "workers", "threads", "processes", "device", "precision", "micro_batch", "tracking")
    flags = {name: getattr(options, name, None) for name in names}
    return read_profile(options.machine, {name: value for name, value in flags.items() if value is not None})


def recipe_of(options: argparse.Namespace, machine: Machine) -> str:
    """The recipe that was named: a file, one that ships, or the file of one that was run in the work folder."""
    from flows.run.lookup import recipe_file

    return recipe_file(machine.work, options.recipe)
