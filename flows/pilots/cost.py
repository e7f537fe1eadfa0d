"""Estimates what a grid of pilots takes: runs, tokens, time and disk."""

from __future__ import annotations

import shutil
from collections.abc import Iterator

from domain.machine import Machine
from domain.planning.expected import expect
from domain.planning.footprint import PILOTS, checkpoint_bytes
from domain.units import duration, size
from flows.pilots.grid import DIVISORS, longest_run, runs, spent
from flows.recipe.planned import plan_of
from flows.recipe.recipe import Recipe

START = 8.0  # seconds until a training process has loaded its model; 6 to 10 measured on two cores
STATES = 3  # checkpoints beside the newest ones: the one being written, the trunk's and its successor


def price(recipe: Recipe, machine: Machine) -> Iterator[str]:
    """The estimate as lines; raises ``UserError`` where there is no plan."""
    plan, trainings, longest = plan_of(recipe, machine), runs(recipe), longest_run(recipe)
    arms, batch, tokens = len(trainings) // len(DIVISORS), recipe.training.batch, recipe.training.tokens or 1
    read, extends = arms * spent(longest) * batch, recipe.tokenizer.mode == "extend"
    each = expect(plan.shape, trainings[-1][1], spent(longest) * batch, plan.device, machine, plan.speed, grown=extends)
    # Each run is validated before its first step and after its last; the runs of an arm share the first.
    validation_seconds = each.validation_seconds * (len(DIVISORS) + 1) / 2
    seconds = arms * (each.seconds + validation_seconds) + len(trainings) * (START + plan.speed.warm_up)
    yield (
        f"{len(trainings)} runs of {arms} arm{'s' * (arms > 1)} read {read:,} tokens, {read / tokens:.1%} of the "
        f"training; about {duration(seconds)}"
    )
    weighs = extends and recipe.tokenizer.pilot.share > 0
    most = (STATES + machine.checkpoints_kept) * checkpoint_bytes(plan.shape, recipe.training.lora, grown=extends)
    free = size(shutil.disk_usage(machine.work).free)
    stays = PILOTS * 4.0 * plan.shape.parameters if weighs else 0.0
    more = f", and {size(stays)} of the tokenizer's pilots are kept" if weighs else ", and none of it is kept"
    yield f"at most {size(most)} of disk beside text, tokens and base while an arm is trained{more}; {free} are free"
