"""The command shoptalk: its parser, made from one module a command, and how errors reach the user."""

from __future__ import annotations

import argparse
import os
import sys
import traceback
from collections.abc import Sequence
from importlib import import_module
from types import ModuleType

# In the order of --help. A module states its command in its first line, its options in add(parser), its work in
# run(options), which returns the exit code and imports what is heavier than argparse: --help answers at once.
COMMANDS = (
    "new", "check", "plan", "pilot", "run", "show", "generate", "release", "ledger", "why", "datasheet", "withdraw",
    "harm", "quality", "join", "export", "recipes",
)  # fmt: skip
INTERRUPTED = 130


class Version(argparse.Action):
    """Print the installed version; it is looked up only when asked for."""

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> None:
        from importlib.metadata import version

        print(f"shoptalk {version('shoptalk')}")
        parser.exit()


def command_module(name: str) -> ModuleType:
    """The module of a command."""
    return import_module(f"flows.command.{name}")


def parser() -> argparse.ArgumentParser:
    """The command line, with every command and its options."""
    top = argparse.ArgumentParser(
        prog="shoptalk",
        description="Teach a language model to talk shop: from one recipe file to a released domain model.",
    )
    top.add_argument("--version", action=Version, nargs=0, help="print the version and exit")
    commands = top.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name in COMMANDS:
        module = command_module(name)
        sentence = (module.__doc__ or "").strip().splitlines()[0].rstrip(".")
        module.add(commands.add_parser(name, help=sentence[0].lower() + sentence[1:], description=f"{sentence}."))
    return top


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; what the user can fix is printed as one line each, with exit code 2."""
    # No Python process that is started below looks for modules in the current folder.
    os.environ["PYTHONSAFEPATH"] = "1"
    from flows.command.safe_output import safe_output

    with safe_output():
        return perform(parser().parse_args(arguments))


def perform(options: argparse.Namespace) -> int:
    """Run a command, and print its errors."""
    from domain.errors import UserError
    from domain.logs import TerminalHandler, handled_by
    from flows.run.signals import interruptible

    try:
        with handled_by(TerminalHandler()), interruptible():
            code = int(command_module(options.command).run(options))
    except* UserError as group:
        for error in flattened(group):
            print(f"shoptalk: {' '.join(str(error).split(chr(10)))}", file=sys.stderr)
        code = 2
    except* KeyboardInterrupt:
        print("shoptalk: interrupted; give the same command again to continue", file=sys.stderr)
        code = INTERRUPTED
    except* BrokenPipeError:  # the reader of the output, such as head, has closed it
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = 0
    except* Exception as group:  # a defect of Shoptalk
        for error in flattened(group):
            traceback.print_exception(error)
        code = 1
    return code


def flattened(group: BaseExceptionGroup[BaseException]) -> list[BaseException]:
    """The errors of a group, whatever its nesting, in order."""
    errors: list[BaseException] = []
    for error in group.exceptions:
        errors.extend(flattened(error) if isinstance(error, BaseExceptionGroup) else [error])
    return errors


if __name__ == "__main__":
    sys.exit(main())
