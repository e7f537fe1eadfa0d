"""Run pilots: small trainings that choose the share of domain text and the learning rate."""

from __future__ import annotations

import argparse
from shlex import quote
from typing import TYPE_CHECKING

from flows.command.options import add_as_of, add_machine, add_recipe, machine_of, recipe_of

if TYPE_CHECKING:
    from rich.table import Table

    from domain.artifacts import Choice


def add(command: argparse.ArgumentParser) -> None:
    """The options of the command."""
    add_recipe(command)
    command.add_argument("--write", action="store_true", help="write the recommended values to the recipe")
    add_as_of(command)
    add_machine(command)


def run(options: argparse.Namespace) -> int:
    """Run the pilots and print their choice; with ``--write`` put it into the recipe."""
    from domain.units import relative
    from flows.pilots.pilots import pilot_recipe
    from flows.recipe.edit import shown, write_values

    machine = machine_of(options)
    name = recipe_of(options, machine)
    result = pilot_recipe(name, options.set, options.as_of, machine, write=options.write)
    print_choice(result.choice)
    if result.verdict is not None:
        facts = result.verdict.facts
        print(f"\ntokenizer: {facts['recommended']}; the pilots above use that one")
        for reason in facts["reasons"]:
            print(f"  {reason}")
    print(f"\npage       {relative(result.page)}")
    values = ", ".join(f"{place}: {shown(value)}" for place, value in result.values.items())
    if options.write:
        print(f"Wrote {values} to {write_values(name, result.values)}.")
    else:
        print(f"To apply it: shoptalk pilot {quote(name)} --write sets {values}.")
    return 0


def print_choice(choice: Choice) -> None:
    """The loss of every pilot, what each arm is expected to reach, and which is chosen and why."""
    from rich.console import Console

    from domain.artifacts import PARTS

    facts = choice.facts
    console = Console(highlight=False, soft_wrap=True)
    base = ", ".join(f"{facts['base'][part]:.4f} {part}" for part in PARTS)
    console.print(f"\nbits per UTF-8 byte on validation text (lower is better); the base: {base}")
    console.print(f"in brackets the 95% interval expected at {facts['tokens']:,} tokens\n", markup=False)
    console.print(table_of(choice))
    chosen = facts["chosen"]
    rate = f"{chosen['learning_rate']:g}"
    console.print(f"\n[bold]chosen: {chosen['domain']:.0%} domain text at a peak rate of {rate}[/bold]")
    for reason in facts["reasons"]:
        console.print(f"  {reason}", markup=False)


def table_of(choice: Choice) -> Table:
    """Two rows for each arm: its bits of domain and of general text by tokens, and the expected value."""
    from rich.table import Table

    from domain.artifacts import PARTS

    facts = choice.facts
    lengths = sorted({point["tokens"] for point in facts["points"]})
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False)
    for column in ("domain", "rate", "text", *(f"{length:,}" for length in lengths), f"{facts['tokens']:,}", "change"):
        table.add_column(column, justify="left" if column == "text" else "right", no_wrap=True)
    for arm in facts["arms"]:
        chosen = all(arm[name] == facts["chosen"][name] for name in ("domain", "learning_rate"))
        own = [point for point in facts["points"] if all(point[n] == arm[n] for n in ("domain", "learning_rate"))]
        for part in PARTS:
            bits = {point["tokens"]: f"{point['bits'][part]:.4f}" for point in own}
            middle, low, high = arm["bits"][part]
            change = f"{arm['general_change'][0]:+.1%}{'' if arm['holds'] else ' too much'}"
            names = [f"{arm['domain']:.0%}", f"{arm['learning_rate']:g}"] if part == "domain" else ["", ""]
            expected = f"{middle:.4f} [{low:.4f}, {high:.4f}]".replace("[", "\\[")
            cells = [*names, part, *(bits.get(length, "") for length in lengths), expected]
            table.add_row(*cells, change if part == "general" else "", style="bold green" if chosen else None)
    return table
