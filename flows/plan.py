"""Prints what a recipe will take; ``--write`` puts the tokens that the budget allows into its file."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from domain.errors import Refusal
from domain.machine import Machine
from domain.manifest import write_atomically
from domain.planning.plan import Plan, make_plan
from flows.recipe import find_recipe, load_recipe, shipped


def lines(plan: Plan) -> list[tuple[str, str]]:
    """(what, how much) in the order in which a person asks."""
    shape = plan.shape
    read = ", ".join(f"{arm} {amount(count)}" for arm, count in plan.tokens.items() if count)
    parts = ", ".join(f"{part} {size(count)}" for part, count in plan.memory.items() if count)
    return [
        (
            "parameters",
            f"{shape.parameters:,} ({shape.layers} layers of width {shape.width}, {shape.vocabulary:,} pieces)",
        ),
        ("tokens", f"{read}, in rows of {plan.context:,}" + (" (derived from the budget)" if plan.derived else "")),
        (
            "text",
            ", ".join(f"{size(count)} {part}" for part, count in plan.text_needed.items())
            + " read once, at 4 bytes a token",
        ),
        ("compute", f"{plan.flops:.3g} FLOPs (6 N D and attention)"),
        (
            "time",
            f"{duration(plan.seconds)} of learning at {plan.flops_per_second / 1e12:.3g} TFLOP/s ({plan.rate_source})",
        ),
        ("memory", f"{size(sum(plan.memory.values()))}: {parts}"),
        ("disk", f"{size(plan.disk)} for text, tokens and checkpoints"),
        (
            "law",
            f"from scratch, this size is compute-optimal at {amount(plan.optimal_tokens)} tokens (arXiv 2404.10102)",
        ),
    ]


def print_plan(name: str, overrides: Sequence[str], machine: Machine, *, write: bool) -> None:
    """Print the plan of a recipe; raises ``Refusal`` where its numbers do not work out."""
    recipe = load_recipe(name, overrides)
    budget = recipe.budget.gpus * recipe.budget.hours * 3600 if recipe.budget else None
    training = recipe.training
    if write:
        if budget is None:
            raise Refusal("budget", "is not set, so no tokens follow from it", "add budget: {gpus: 1, hours: 8}")
        training = training.but(tokens=None)
    plan = make_plan(recipe.base, recipe.fitting, training, machine, budget)
    for what, text in lines(plan):
        print(f"{what:11} {text}")
    if write:
        write_tokens(name, plan.tokens["adapted"])
    elif plan.derived:
        print(f"\nTo run it: shoptalk plan {name} --write puts training.tokens: {plan.tokens['adapted']} into it.")


def write_tokens(name: str, tokens: int) -> None:
    """Set ``training.tokens`` in the recipe's file; comments and order stay as they are."""
    from io import StringIO

    from ruamel.yaml import YAML

    path = find_recipe(name)
    if path in shipped().values():
        raise Refusal(name, "ships with Shoptalk and is not written to", f"copy {path} and plan the copy")
    yaml = YAML()
    yaml.preserve_quotes, yaml.width = True, 120
    content: Any = yaml.load(path.read_text(encoding="utf-8"))
    content.setdefault("training", {})["tokens"] = tokens
    text = StringIO()
    yaml.dump(content, text)
    write_atomically(path, text.getvalue().encode())
    print(f"\nWrote training.tokens: {tokens} into {path}.")


def amount(count: float) -> str:
    """A count with its suffix: 1.2M."""
    for suffix, unit in (("T", 1e12), ("B", 1e9), ("M", 1e6), ("k", 1e3)):
        if count >= unit:
            return f"{count / unit:.3g}{suffix}"
    return f"{count:.0f}"


def size(count: float) -> str:
    """Bytes with their unit: 1.2 GB."""
    for suffix, unit in (("TB", 1e12), ("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if count >= unit:
            return f"{count / unit:.3g} {suffix}"
    return f"{count:.0f} B"


def duration(seconds: float) -> str:
    """A time as people say it: 4 min, 2.5 h, 3 days."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    if seconds < 5400:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.1f} h" if seconds < 172_800 else f"{seconds / 86_400:.1f} days"
