"""Runs a recipe's pilots, tells what they speak for, and writes that into the recipe."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import UTC, date, datetime
from typing import Any

from domain.artifacts import Artifact, Choice, Tokens
from domain.errors import UserError
from domain.machine import Machine
from domain.spec import Spec
from domain.stage import A, Stage, Store
from domain.tokens.shards import PARTS
from domain.training.pretrain import TRIALS, grid_pilot
from evals.pilots.choice import Choosing, choose
from flows.adapt import Runner, adapt
from flows.pilots.cost import price
from flows.pilots.grid import longest_run, runs
from flows.recipe.edit import edited, shown, write_values
from flows.recipe.preflight import base as given
from flows.recipe.recipe import Recipe, load_recipe
from flows.run.disk import disk_error, refuse_full
from flows.run.lock import holding
from flows.run.record import Journey
from flows.run.run import tracker_for
from flows.run.runner import Reached, StageRunner
from flows.units import relative


def pilot_recipe(
    name: str,
    overrides: Sequence[str] = (),
    as_of: date | None = None,
    machine: Machine | None = None,
    *,
    write: bool = False,
) -> None:
    """Run what is missing of a recipe's pilots, and print and perhaps write what they speak for.

    Raises a ``UserError``, or a group of them, for what the user can fix.
    """
    recipe, machine, day = load_recipe(name, overrides), machine or Machine(), as_of or datetime.now(UTC).date()
    if recipe.training.mixture.phases:
        found = "change the shares during training, and a pilot chooses one for all of it"
        raise UserError("training.mixture.phases", found, "leave them out")
    longest_run(recipe)
    if write:
        edited(name, places(dict.fromkeys((*PARTS, "learning_rate"), 0.5)))  # whether it can be written is known now
    with holding(machine.work):
        refuse_full(machine.work)
        given(recipe)  # it is wanted hours later; whether it is there is known now
        for line in price(recipe, machine):
            print(f"pilots: {line}", flush=True)
        journey, tracker = Journey(machine.work, f"{recipe.name}.pilot"), tracker_for(machine, recipe, day)
        runner = StageRunner(
            machine=machine, store=Store(machine.work), journey=journey, tracker=tracker, until="tokenizer_verdict"
        )  # fmt: skip
        journey.begin(recipe.model_dump(mode="json"), day.isoformat())
        try:
            with tracker:
                choice, made = explore(recipe, day, runner)
            shutil.rmtree(machine.work / TRIALS, ignore_errors=True)  # no arm branches off any more
        except Exception as error:
            if refusal := disk_error(error, machine.work):
                raise refusal from error
            raise
    print_choice(choice.facts)
    if "tokenizer_verdict" in made:
        verdict = made["tokenizer_verdict"].facts
        print(f"\ntokenizer: {verdict['recommended']}, and the pilots above are with that one")
        for reason in verdict["reasons"]:
            print(f"  {reason}")
    print(f"\ncurve      {relative(str(choice.path / 'curve.svg'))}")
    values = places(choice.facts["chosen"]) | ({"tokenizer.mode": "keep"} if keeps(made) else {})
    told = ", ".join(f"{place}: {shown(value)}" for place, value in values.items())
    if write:
        print(f"Wrote {told} into {write_values(name, values)}.")
    else:
        print(f"To train by it: shoptalk pilot {name} --write puts {told} into it.")


def explore(recipe: Recipe, as_of: date, stage: Runner) -> tuple[Choice, dict[str, Artifact]]:
    """The choice, and by label what led to it: the way to the base as any run takes it, then the pilots.

    Where an extended tokenizer was weighed and found not to be worth it, they go on from the base with its own.
    ``stage`` raises ``Reached`` where ``adapt`` goes beyond the weighing of its tokenizer.
    """
    made: dict[str, Any] = {}

    def noting(made_by: Stage[A], spec: Spec, *parents: Artifact, label: str = "") -> A:
        artifact = stage(made_by, spec, *parents, label=label)
        made[label or made_by.name] = artifact
        return artifact

    with suppress(Reached):
        adapt(recipe, as_of, noting)
    start = ("kept base", "kept tokens") if keeps(made) else ("base", "encode")
    base, tokens = (made[label] for label in start)
    refuse_unjudged(tokens)
    arms = [stage(grid_pilot, spec, base, tokens, label=label) for label, spec in runs(recipe)]
    allowed = recipe.release.gates.general_loss
    asked = Choosing(tokens=recipe.training.tokens, general_loss=allowed, seed=recipe.pilot.seed)
    return stage(choose, asked, *arms), made


def keeps(made: Mapping[str, Artifact]) -> bool:
    """Whether an extended tokenizer was weighed, and the base's own is better kept."""
    return "tokenizer_verdict" in made and made["tokenizer_verdict"].facts["recommended"] == "keep"


def refuse_unjudged(tokens: Tokens) -> None:
    """Raise a ``UserError`` where a part has no validation text, by which pilots are judged."""
    for part in PARTS:
        if not tokens.facts["validation"][part]["documents"]:
            found = f"leaves no {part} text to judge pilots by"
            raise UserError("corpus.holdout.validation", found, "raise it, or collect more of that text")


def places(chosen: dict[str, float]) -> dict[str, float]:
    """Where in a recipe each value of a choice stands; what is put in last stands first in the file."""
    return {
        "training.learning_rate": chosen["learning_rate"],
        "training.mixture.general": chosen["general"],
        "training.mixture.domain": chosen["domain"],
    }


def print_choice(facts: dict[str, Any]) -> None:
    """What every run came to, what each arm promises, and which is chosen and why."""
    from rich.console import Console
    from rich.table import Table

    console = Console(highlight=False, soft_wrap=True)
    lengths = sorted({point["tokens"] for point in facts["points"]})
    base = ", ".join(f"{facts['base'][part]:.4f} {part}" for part in PARTS)
    console.print(f"\nbits per UTF-8 byte on validation text (lower is better); the base: {base}")
    console.print(f"in brackets what to expect at {facts['tokens']:,} tokens, with 95%\n", markup=False)
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False)
    for column in ("domain", "rate", "text", *(f"{length:,}" for length in lengths), f"{facts['tokens']:,}", "change"):
        table.add_column(column, justify="left" if column == "text" else "right", no_wrap=True)
    for arm in facts["arms"]:
        same = all(arm[name] == facts["chosen"][name] for name in ("domain", "learning_rate"))
        own = [point for point in facts["points"] if all(point[n] == arm[n] for n in ("domain", "learning_rate"))]
        for part in PARTS:
            seen = {point["tokens"]: f"{point['bits'][part]:.4f}" for point in own}
            middle, low, high = arm["bits"][part]
            change = f"{arm['general_change'][0]:+.1%}{'' if arm['holds'] else ' too much'}"
            named = [f"{arm['domain']:.0%}", f"{arm['learning_rate']:g}"] if part == "domain" else ["", ""]
            row = [*named, part, *(seen.get(length, "") for length in lengths)]
            expected = f"{middle:.4f} [{low:.4f}, {high:.4f}]".replace("[", "\\[")
            table.add_row(*row, expected, change if part == "general" else "", style="bold green" if same else None)
    console.print(table)
    chosen = facts["chosen"]
    rate = f"{chosen['learning_rate']:g}"
    console.print(f"\n[bold]chosen: {chosen['domain']:.0%} domain text at a peak rate of {rate}[/bold]")
    for reason in facts["reasons"]:
        console.print(f"  {reason}", markup=False)
