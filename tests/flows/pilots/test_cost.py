"""What pilots take is told before they begin: tokens, time and disk by hand."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from domain.machine import Machine
from domain.units import size
from flows.pilots.cost import price
from flows.recipe.planned import plan_of
from flows.recipe.recipe import load_recipe

MACHINE = {"device": "cpu", "precision": "fp32", "threads": 1}


def test_the_disk_is_that_of_one_arm_however_many_there_are(make_recipe: Any, tmp_path: Path) -> None:
    machine = Machine(work=tmp_path, **MACHINE)
    training = {"tokens": "10M", "batch": 512, "learning_rate": 6.0e-3}
    told = []
    for shares in ([0.5], [0.3, 0.5, 0.7, 0.9]):
        recipe = load_recipe(str(make_recipe(training=training, pilot={"domain": shares, "rates": [0.001, 0.006]})))
        runs, disk = price(recipe, machine)
        assert runs.startswith(f"{6 * len(shares)} runs of {2 * len(shares)} arms read ")
        read = int(re.findall(r"([\d,]+) tokens", runs)[0].replace(",", ""))
        assert 0.04 * 10_000_000 < read <= 0.05 * 10_000_000
        told.append(disk)
    # Five states of weights and two moments in fp32: 5 x 12 bytes a parameter.
    parameters = plan_of(recipe, machine).shape.parameters
    assert all(f"at most {size(60 * parameters)} of disk" in disk for disk in told)
    assert "none of it is kept" in told[0]


def test_models_that_weigh_a_tokenizer_stay(make_recipe: Any, undisturbed: Path, tmp_path: Path) -> None:
    (release,) = (undisturbed / "artifacts" / "release").iterdir()
    path = make_recipe(
        base=str(release),
        tokenizer={"mode": "extend", "add": 40},
        pilot={"budget": 1.0, "domain": [0.5], "rates": [0.01]},
    )
    recipe, machine = load_recipe(str(path)), Machine(work=tmp_path, **MACHINE)
    _, disk = price(recipe, machine)
    # A base with its own tokenizer and three arms, 4 bytes a parameter.
    assert f"{size(16 * plan_of(recipe, machine).shape.parameters)} of the tokenizer's pilots are kept" in disk
    _, without = price(
        recipe.replace(tokenizer=recipe.tokenizer.replace(pilot=recipe.tokenizer.pilot.replace(share=0.0))), machine
    )
    assert "none of it is kept" in without
