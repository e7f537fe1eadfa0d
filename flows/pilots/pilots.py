"""Runs a recipe's pilots and returns what they recommend."""

from __future__ import annotations

import logging
import shutil
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, date, datetime

from domain.artifacts import PARTS, Artifact, Choice, Tokens
from domain.errors import UserError
from domain.machine import Machine
from domain.spec import Spec
from domain.stage import A, Stage, Store
from domain.training.pretrain import TRIALS, grid_pilot
from evals.pilots.choice import Choosing, choose
from flows.adapt import NO_PARENTS, Runner, adapt
from flows.pilots.cost import price
from flows.pilots.grid import longest_run, runs
from flows.recipe.edit import edited
from flows.recipe.preflight import base
from flows.recipe.recipe import Recipe, load_recipe
from flows.run.disk import disk_refusals, refuse_full
from flows.run.lineage import refuse_changed, with_earlier
from flows.run.lock import holding
from flows.run.record import RunRecord
from flows.run.run import tracker_for
from flows.run.runner import Reached, StageRunner, until_whole

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class PilotResult:
    """The choice and its page, the verdict on an extended tokenizer if there is one, and whether to keep the base's."""

    choice: Choice
    page: str
    verdict: Artifact | None
    keep: bool

    @property
    def values(self) -> dict[str, float | str]:
        """The values for the recipe by their place in it; the last one inserted comes first in the file."""
        return places(self.choice.facts["chosen"]) | ({"tokenizer.mode": "keep"} if self.keep else {})


def pilot_recipe(
    name: str,
    overrides: Sequence[str] = (),
    as_of: date | None = None,
    machine: Machine | None = None,
    *,
    write: bool = False,
) -> PilotResult:
    """Run the pilots of a recipe that are not cached; with ``write`` refuse at once a file that is not writable.

    Raises a ``UserError``, or a group of them, for what the user can fix.
    """
    machine, day = machine or Machine(), as_of or datetime.now(UTC).date()
    recipe = load_recipe(name, overrides, machine)
    if recipe.training.mixture.phases:
        problem = "change the shares during training, and a pilot chooses one for all of it"
        raise UserError("training.mixture.phases", problem, "leave them out")
    longest_run(recipe)
    if write:
        edited(name, places(dict.fromkeys((*PARTS, "learning_rate"), 0.5)))  # raises if it is not writable
    with holding(machine.work, shared=machine.shared):
        refuse_full(machine.work)
        refuse_changed(recipe, machine.work)
        base(recipe)  # it is needed hours later
        for line in price(recipe, machine):
            logger.info("pilots: %s", line)
        journey, tracker = RunRecord(machine.work, f"{recipe.name}.pilot"), tracker_for(machine, recipe, day)
        runner = StageRunner(
            machine=machine, store=Store(machine.work), journey=journey, tracker=tracker, until="tokenizer_verdict"
        )  # fmt: skip
        content = recipe.model_dump(mode="json")
        with disk_refusals(machine.work):
            with journey.attempt(content, day.isoformat(), file=recipe.file, until="choose"), tracker:
                choice, made = until_whole(
                    lambda: explore(with_earlier(recipe, day, machine.work), day, runner), machine.work
                )
            shutil.rmtree(machine.work / TRIALS, ignore_errors=True)  # no more runs branch off
    page = journey.read()["stages"]["choose"]["page"]
    return PilotResult(choice, page, made.get("tokenizer_verdict"), keeps(made))


def explore(recipe: Recipe, as_of: date, stage: Runner) -> tuple[Choice, dict[str, Artifact]]:
    """The choice, and the artifacts before it by label: a run's stages up to the base, then the pilots.

    If an extended tokenizer is not worth it, the pilots start from the base with its own tokenizer. ``stage`` raises
    ``Reached`` where ``adapt`` passes the verdict on the tokenizer.
    """
    made: dict[str, Artifact] = {}

    def noting(made_by: Stage[A], spec: Spec, parents: Mapping[str, Artifact] = NO_PARENTS, *, label: str = "") -> A:
        artifact = stage(made_by, spec, parents, label=label)
        made[label or made_by.name] = artifact
        return artifact

    with suppress(Reached):
        adapt(recipe, as_of, noting)
    start = ("kept base", "kept tokens") if keeps(made) else ("base", "encode")
    base, tokens = (made[label] for label in start)
    assert isinstance(tokens, Tokens)
    refuse_unjudged(tokens)
    arms = [stage(grid_pilot, spec, {"base": base, "tokens": tokens}, label=label) for label, spec in runs(recipe)]
    allowed = recipe.release.gates.general_loss
    settings = Choosing(tokens=recipe.training.tokens, general_loss=allowed, seed=recipe.pilot.seed)
    return stage(choose, settings, {f"pilot_{number}": arm for number, arm in enumerate(arms)}), made


def keeps(made: Mapping[str, Artifact]) -> bool:
    """Whether the verdict on an extended tokenizer is to keep the base's own."""
    return "tokenizer_verdict" in made and made["tokenizer_verdict"].facts["recommended"] == "keep"


def refuse_unjudged(tokens: Tokens) -> None:
    """Raise a ``UserError`` where a part has no validation text to compare pilots by."""
    for part in PARTS:
        if not tokens.facts["validation"][part]["documents"]:
            problem = f"leaves no {part} text to compare pilots by"
            raise UserError("corpus.holdout.validation", problem, "raise it, or collect more of that text")


def places(chosen: dict[str, float]) -> dict[str, float | str]:
    """The values of a choice by their place in a recipe; the last one inserted comes first in the file."""
    return {
        "training.learning_rate": chosen["learning_rate"],
        "training.mixture.general": chosen["general"],
        "training.mixture.domain": chosen["domain"],
    }
