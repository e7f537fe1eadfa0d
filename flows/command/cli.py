"""The command shoptalk: what each of its commands does, and how errors reach the user."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence

from flows.command.options import machine_of, parser

# Everything heavier than argparse is imported by the command that needs it: --help answers at once.

NOT_RELEASED = 3  # exit code of a run that ended well and whose gates did not hold


def new(options: argparse.Namespace) -> int:
    """Write the starter recipe for what the model is to do."""
    from flows.recipe.purposes import WORK
    from flows.recipe.starter import write_starter

    path, choice = write_starter(options.name, options.work), WORK[options.work]
    print(f"To {options.work}: {choice.objective}, since {choice.why}. A base: {choice.base}.")
    print(f"Wrote {path}. Name your text in it, then: shoptalk plan {path}")
    return 0


def join(options: argparse.Namespace) -> int:
    """Learn along as another node; ends by an interrupt."""
    from flows.run.join import join
    from flows.run.signals import interruptible

    with interruptible():
        join(machine_of(options), options.node)
    return 0


def export(options: argparse.Namespace) -> int:
    """Write a model from a training's checkpoint."""
    from pathlib import Path

    from domain.training.state.export import export

    out = Path(options.out)
    print(f"Wrote {out}: the model after step {export(Path(options.training), out, step=options.step):,}.")
    return 0


def check(options: argparse.Namespace) -> int:
    """Print what was checked; 1 if anything is amiss."""
    from flows.command.check import checks

    amiss = 0
    for good, line in checks(machine_of(options), options.recipe):
        print(f"{'ok  ' if good else 'FAIL'}  {line}")
        amiss += not good
    return 1 if amiss else 0


def plan(options: argparse.Namespace) -> int:
    """Print the plan; with --write put the derived tokens into the recipe."""
    from flows.command.plan import print_plan

    print_plan(options.recipe, options.set, machine_of(options), write=options.write)
    return 0


def pilot(options: argparse.Namespace) -> int:
    """Run the pilots and print their choice; with --write put it into the recipe."""
    from flows.run.signals import interruptible

    with interruptible():
        from flows.pilots.pilots import pilot_recipe

        pilot_recipe(options.recipe, options.set, options.as_of, machine_of(options), write=options.write)
    return 0


def run(options: argparse.Namespace) -> int:
    """Run the recipe and print the final table."""
    from flows.run.signals import interruptible

    with interruptible():
        from flows.command.show import print_table
        from flows.recipe.recipe import load_recipe
        from flows.run.run import run_recipe

        machine = machine_of(options)
        released = run_recipe(options.recipe, options.set, options.as_of, machine, options.until)
        print_table(machine.work, load_recipe(options.recipe, options.set).name)
    return 0 if released else NOT_RELEASED


def show(options: argparse.Namespace) -> int:
    """Print the last run of the recipe."""
    from flows.command.show import print_json, print_table
    from flows.recipe.recipe import load_recipe

    recipe = load_recipe(options.recipe, options.set)
    (print_json if options.json else print_table)(machine_of(options).work, recipe.name)
    return 0


def ledger(options: argparse.Namespace) -> int:
    """Print counts, or rows, of the run's ledger."""
    from flows.command.ledger import print_ledger

    asked = {name: getattr(options, name) for name in ("reason", "source", "sample")}
    print_ledger(machine_of(options).work, options.run, **asked, as_json=options.json)
    return 0


def why(options: argparse.Namespace) -> int:
    """Print one document's story."""
    from flows.command.ledger import print_story

    print_story(machine_of(options).work, options.run, options.document)
    return 0


def datasheet(options: argparse.Namespace) -> int:
    """Print the run's data sheet in short, or as JSON."""
    from flows.command.ledger import print_datasheet

    print_datasheet(machine_of(options).work, options.run, as_json=options.json)
    return 0


def withdraw(options: argparse.Namespace) -> int:
    """Withdraw documents."""
    from flows.command.withdraw import withdraw

    withdraw(options.documents, reason=options.reason, delete=options.purge, machine=machine_of(options))
    return 0


def harm(options: argparse.Namespace) -> int:
    """Train a harm model, or calibrate a scorer."""
    from flows.command.harm import calibrate, train

    if options.what == "calibrate":
        calibrate(options.texts, scorer=options.scorer, most=options.most, text=options.text)
        return 0
    columns = {"text": options.text, "label": options.label}
    train(options.examples, options.out, safe=options.safe, harmless=options.harmless, seed=options.seed, **columns)
    return 0


def generate(options: argparse.Namespace) -> int:
    """Print what the release makes of the prompt."""
    from flows.command.show import release_folder

    machine = machine_of(options)
    folder = release_folder(machine.work, options.release)
    from domain.inference.generate import generate

    text = generate(
        folder,
        options.prompt,
        max_tokens=options.max_tokens,
        temperature=options.temperature,
        top_k=options.top_k,
        top_p=options.top_p,
        seed=options.seed,
        chat=options.chat,
        machine=machine,
    )
    print(text)
    return 0


def recipes(options: argparse.Namespace) -> int:
    """List the recipes that ship, each with its first comment."""
    from flows.recipe.recipe import shipped

    for name, path in shipped().items():
        first = path.read_text(encoding="utf-8").splitlines()[0].lstrip("# ")
        print(f"{name:12} {first}")
    return 0


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; what the user can fix is told in a line each, with exit code 2."""
    options = parser().parse_args(arguments)
    commands = {
        "new": new, "check": check, "plan": plan, "pilot": pilot, "run": run, "join": join, "show": show,
        "export": export, "ledger": ledger, "why": why, "datasheet": datasheet, "withdraw": withdraw, "harm": harm,
        "generate": generate, "recipes": recipes,
    }  # fmt: skip
    from domain.errors import UserError

    try:
        return commands[options.command](options)
    except* UserError as group:
        for refusal in user_errors(group):
            print(f"shoptalk: {refusal}", file=sys.stderr)
        code = 2
    except* KeyboardInterrupt:
        print("shoptalk: interrupted; the same command goes on from here", file=sys.stderr)
        code = 130
    except* BrokenPipeError:  # whoever read the output, such as head, has enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = 0
    return code


def user_errors(group: BaseExceptionGroup[BaseException]) -> list[BaseException]:
    """The refusals of a group, whatever its nesting, in order."""
    flat = []
    for error in group.exceptions:
        flat.extend(user_errors(error) if isinstance(error, BaseExceptionGroup) else [error])
    return flat


if __name__ == "__main__":
    sys.exit(main())
