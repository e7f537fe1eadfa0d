"""The plan of a recipe: what its base, trainings, pilots and scoring take."""

from __future__ import annotations

from domain.artifacts import PARTS
from domain.machine import Machine
from domain.model.chat_base import confirmed
from domain.planning.plan import Plan, make_plan
from evals.tasks import load_task
from flows.recipe.preflight import base
from flows.recipe.recipe import Recipe


def plan_of(recipe: Recipe, machine: Machine, *, derive: bool = False) -> Plan:
    """The plan of a recipe; with ``derive`` its tokens are those that the budget pays for, whatever it states."""
    confirmed(recipe.base)
    base(recipe)
    for name in (*recipe.evaluation.domain, *recipe.evaluation.general):
        load_task(name)
    budget = recipe.budget.gpus * recipe.budget.hours * 3600 if recipe.budget else None
    training = recipe.training.replace(tokens=None) if derive else recipe.training
    # Three pilots say whether an extended tokenizer is worth its price.
    pilots = 3 * recipe.tokenizer.pilot.share if recipe.tokenizer.mode == "extend" else 0.0
    scored = len(PARTS) * recipe.evaluation.bytes
    return make_plan(recipe.base, recipe.fitting, training, machine, budget, scored, pilots, recipe.instruction_tuning)
