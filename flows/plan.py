"""Prints what a recipe will take; ``--write`` puts the tokens that the budget allows into its file."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml

from domain.errors import Refusal
from domain.machine import Machine
from domain.manifest import write_atomically
from domain.planning.plan import Plan, make_plan
from evals.evaluate import PARTS
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
            f"{duration(plan.seconds)} of learning and {duration(plan.scoring_seconds)} of scoring at "
            f"{plan.flops_per_second / 1e12:.3g} TFLOP/s ({plan.rate_source}); reading and cleaning are not in it",
        ),
        ("memory", f"{size(sum(plan.memory.values()))}: {parts}"),
        ("disk", f"{size(plan.disk)} for that text, tokens and checkpoints; more where the sources hold more"),
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
    scored = len(PARTS) * recipe.evaluation.bytes
    plan = make_plan(recipe.base, recipe.fitting, training, machine, budget, scored)
    for what, text in lines(plan):
        print(f"{what:11} {text}")
    if write:
        path = write_tokens(name, plan.tokens["adapted"])
        print(f"\nWrote training.tokens: {plan.tokens['adapted']} into {path}.")
    elif plan.derived:
        print(f"\nTo run it: shoptalk plan {name} --write puts training.tokens: {plan.tokens['adapted']} into it.")


def write_tokens(name: str, tokens: int) -> Path:
    """Set ``training.tokens`` in the recipe's file and return its path; every other byte of it stays as it is."""
    path = find_recipe(name)
    if path in shipped().values():
        raise Refusal(name, "ships with Shoptalk and is not written to", f"copy {path} and plan the copy")
    text = path.read_bytes().decode("utf-8")
    edited = with_tokens(text, tokens)
    if yaml.safe_load(edited)["training"]["tokens"] != tokens:
        raise Refusal(f"{path}: training", "is written in an unusual way", f"set tokens: {tokens} in it by hand")
    try:
        write_atomically(path.resolve(), edited.encode())
    except OSError as error:
        raise Refusal(str(path), f"cannot be written ({error.strerror})", f"set training.tokens: {tokens}") from None
    return path


def with_tokens(text: str, tokens: int) -> str:
    """A recipe's text with its ``training.tokens`` replaced or put in, comments and layout kept."""
    root = yaml.compose(text)
    training = value_of(root, "training")
    old = value_of(training, "tokens")
    if old is not None:
        start, end = old.start_mark.index, old.end_mark.index
        return f"{text[:start]}{tokens}{text[end:]}"
    if training is not None and not isinstance(training, yaml.MappingNode):  # the key without a value
        start, end = training.start_mark.index, training.end_mark.index
        return f"{text[:start]} {{tokens: {tokens}}}{text[end:]}"
    if training is None:
        return f"{text.rstrip()}\n\ntraining: {{tokens: {tokens}}}\n"
    if training.flow_style:
        at = training.start_mark.index + 1
        return f"{text[:at]}tokens: {tokens}{', ' if training.value else ''}{text[at:]}"
    at = training.value[0][0].start_mark
    return f"{text[: at.index]}tokens: {tokens}\n{' ' * at.column}{text[at.index :]}"


def value_of(node: Any, key: str) -> Any:
    """The node under a key of a mapping node; None where there is none."""
    pairs = node.value if isinstance(node, yaml.MappingNode) else []
    return next((value for name, value in pairs if name.value == key), None)


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
