"""shoptalk new | check | plan | run | show | generate | recipes."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from datetime import date
from typing import TYPE_CHECKING

from flows.order import STAGES

if TYPE_CHECKING:
    from domain.machine import Machine

# Everything heavier than argparse is imported by the command that needs it: --help answers at once.

NOT_RELEASED = 3  # exit code of a run that ended well and whose gates did not hold


def parser() -> argparse.ArgumentParser:
    """The command line."""
    top = argparse.ArgumentParser(
        prog="shoptalk",
        description="Teach a language model to talk shop: from one recipe file to a released domain model.",
    )
    commands = top.add_subparsers(dest="command", required=True, metavar="COMMAND")

    new = commands.add_parser("new", help="write a commented starter recipe")
    new.add_argument("name", help="the domain, such as contracts; writes NAME.yaml")
    check = commands.add_parser("check", help="check the installation and, if named, a recipe")
    check.add_argument("recipe", nargs="?")
    plan = commands.add_parser("plan", help="what a recipe will take, before anything is spent")
    plan.add_argument("--write", action="store_true", help="put the tokens that the budget allows into the recipe")
    run = commands.add_parser("run", help="run a recipe to its release; what is finished is not done again")
    run.add_argument("--until", choices=STAGES, default="release", help="stop after this stage")
    run.add_argument("--as-of", type=date.fromisoformat, default=None, metavar="DAY", help="YYYY-MM-DD; default today")
    show = commands.add_parser("show", help="what the last run came to")
    show.add_argument("--json", action="store_true", help="print one JSON object")
    say = commands.add_parser("generate", help="let a release speak")
    say.add_argument("release", help="folder of a release, or the recipe that was run")
    say.add_argument("prompt")
    say.add_argument("--max-tokens", type=int, default=100)
    say.add_argument("--temperature", type=float, default=0.8, help="0 takes the likeliest token each time")
    say.add_argument("--top-k", type=int, default=50)
    say.add_argument("--top-p", type=float, default=0.95)
    say.add_argument("--seed", type=int, default=0)
    commands.add_parser("recipes", help="the recipes that ship")

    for command in (plan, run, show):
        command.add_argument("recipe", help="a recipe file, or the name of one that ships")
        command.add_argument(
            "--set", action="append", default=[], metavar="A.B=C", help="override one value of the recipe"
        )
    for command in (check, plan, run, show, say):
        machine = command.add_argument_group("machine", "where and with what it runs; never changes what is made")
        machine.add_argument(
            "--machine", metavar="FILE", help="a machine profile in YAML; the options below override it"
        )
        machine.add_argument("--work", metavar="DIR", help="folder of artifacts and records (default: work)")
        machine.add_argument("--workers", type=int, help="processes that read and clean text")
        machine.add_argument("--threads", type=int, help="threads of one learning process")
        machine.add_argument("--device", choices=("auto", "cpu", "cuda"))
        machine.add_argument("--precision", choices=("auto", "fp32", "bf16"))
        machine.add_argument("--micro-batch", type=int, metavar="TOKENS", help="tokens per forward pass")
        machine.add_argument("--tracking", metavar="URI", help="MLflow tracking URI, or none")
    return top


def machine_of(options: argparse.Namespace) -> Machine:
    """The machine profile: the file, overridden by flags."""
    from pathlib import Path

    from domain.errors import Refusal
    from domain.machine import Machine
    from domain.yamlfile import read_yaml
    from flows.mistakes import validated

    path = Path(options.machine) if options.machine else Path("command line")
    content = read_yaml(path) or {} if options.machine else {}
    if not isinstance(content, dict):
        found = f"holds {type(content).__name__}, not keys and values"
        raise Refusal(str(path), found, "write for instance workers: 4")
    if isinstance(content.get("work"), str):
        content["work"] = str(Path(content["work"]).expanduser())
    for name in ("work", "workers", "threads", "device", "precision", "micro_batch", "tracking"):
        if getattr(options, name, None) is not None:
            content[name] = getattr(options, name)
    return validated(Machine, content, path)


def new(options: argparse.Namespace) -> int:
    """Write the starter recipe."""
    from flows.new import write_starter

    path = write_starter(options.name)
    print(f"Wrote {path}. Name your text in it, then: shoptalk plan {path}")
    return 0


def check(options: argparse.Namespace) -> int:
    """Print what was checked; 1 if anything is amiss."""
    from flows.check import checks

    amiss = 0
    for good, line in checks(machine_of(options), options.recipe):
        print(f"{'ok  ' if good else 'MEND'}  {line}")
        amiss += not good
    return 1 if amiss else 0


def plan(options: argparse.Namespace) -> int:
    """Print the plan; with --write put the derived tokens into the recipe."""
    from flows.plan import print_plan

    print_plan(options.recipe, options.set, machine_of(options), write=options.write)
    return 0


def run(options: argparse.Namespace) -> int:
    """Run the recipe and print the final table."""
    from flows.interrupt import interruptible

    with interruptible():
        from flows.run import run_recipe

        released = run_recipe(options.recipe, options.set, options.as_of, machine_of(options), options.until)
    return 0 if released else NOT_RELEASED


def show(options: argparse.Namespace) -> int:
    """Print the last run of the recipe."""
    from flows.recipe import load_recipe
    from flows.show import print_json, print_table

    recipe = load_recipe(options.recipe, options.set)
    (print_json if options.json else print_table)(machine_of(options).work, recipe.name)
    return 0


def generate(options: argparse.Namespace) -> int:
    """Print what the release makes of the prompt."""
    from flows.show import release_folder

    machine = machine_of(options)
    folder = release_folder(machine.work, options.release)
    from domain.model.generate import generate

    text = generate(
        folder,
        options.prompt,
        max_tokens=options.max_tokens,
        temperature=options.temperature,
        top_k=options.top_k,
        top_p=options.top_p,
        seed=options.seed,
        machine=machine,
    )
    print(text)
    return 0


def recipes(options: argparse.Namespace) -> int:
    """List the recipes that ship, each with its first comment."""
    from flows.recipe import shipped

    for name, path in shipped().items():
        first = path.read_text(encoding="utf-8").splitlines()[0].lstrip("# ")
        print(f"{name:12} {first}")
    return 0


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; what the user can mend is told in a line each, with exit code 2."""
    options = parser().parse_args(arguments)
    commands = {
        "new": new, "check": check, "plan": plan, "run": run, "show": show, "generate": generate, "recipes": recipes,
    }  # fmt: skip
    from domain.errors import Refusal

    try:
        return commands[options.command](options)
    except* Refusal as group:
        for refusal in refusals(group):
            print(f"shoptalk: {refusal}", file=sys.stderr)
        code = 2
    except* KeyboardInterrupt:
        print("shoptalk: interrupted; the same command goes on from here", file=sys.stderr)
        code = 130
    except* BrokenPipeError:  # whoever read the output, such as head, has enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = 0
    return code


def refusals(group: BaseExceptionGroup[BaseException]) -> list[BaseException]:
    """The refusals of a group, whatever its nesting, in order."""
    flat = []
    for error in group.exceptions:
        flat.extend(refusals(error) if isinstance(error, BaseExceptionGroup) else [error])
    return flat


if __name__ == "__main__":
    sys.exit(main())
