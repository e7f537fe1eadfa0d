"""The command: a grid on the tiny corpus, found again, and written into the recipe."""

from __future__ import annotations

import json
import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import yaml

from domain.errors import UserError
from domain.stage import Stage
from flows.pilots.pilots import refuse_unjudged

TRAINING = {"tokens": 65_536, "batch": 512, "learning_rate": 6.0e-3, "mixture": {"domain": 0.7, "general": 0.3}}
GRID = {"domain": [0.5, 0.8], "rates": [0.002, 0.006], "budget": 0.32}


@pytest.fixture
def trained(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Stages that are made run in this process; their names."""
    made: list[str] = []

    def here(made_by: Stage[Any], spec: Any, parents: Any, *, out: Path, machine: Any) -> None:
        made.append(made_by.name)
        made_by(spec, **parents, out=out, machine=machine)

    monkeypatch.setattr("flows.run.runner.launch", here)
    return made


def test_a_grid_is_run_once_and_written(make_recipe: Any, command: Any, finished: Path, trained: list[str]) -> None:
    path = make_recipe(training=TRAINING, pilot=GRID)
    before = path.read_text().replace("training:\n", "training:  # how it learns\n") + "# the end\n"
    path.write_text(before)
    asked = ("--as-of", command.day, "--work", finished, "--tracking", "none", *command.machine)
    answer = command.ask("pilot", path, *asked)
    assert answer.code == 0, answer.err
    assert trained == ["grid_pilot"] * 12  # 2 shares, 2 rates, 3 lengths; the way to the base was found

    (folder,) = (finished / "artifacts" / "choose").iterdir()
    told = json.loads((folder / "choice.json").read_text())
    chosen = told["chosen"]
    assert (chosen["domain"], chosen["learning_rate"]) in {(s, r) for s in (0.5, 0.8) for r in (0.002, 0.006)}
    assert len(told["points"]) == 12
    # 0.32 of 128 steps for 4 arms are 10.24 for each; runs of 2, 4 and 8 take 2 + (4 - 1) + (8 - 3) = 10
    assert {point["tokens"] for point in told["points"]} == {1_024, 2_048, 4_096}
    longest = [point["bits"]["domain"] for point in told["points"] if point["tokens"] == 4_096]
    assert max(longest) < told["base"]["domain"]  # each learned something of its field
    assert any("edge of the grid" in reason for reason in told["reasons"])  # of two values each is an edge
    out = command.plain(answer.out)
    assert out.count("domain ") >= 4
    assert f"chosen: {chosen['domain']:.0%} domain text at a peak rate of {chosen['learning_rate']:g}" in out
    assert "training.mixture.domain" in out
    assert path.read_text() == before

    again = command.ask("pilot", path, "--write", *asked)
    assert again.code == 0, again.err
    assert trained == ["grid_pilot"] * 12  # nothing was made anew
    after = path.read_text()
    assert yaml.safe_load(after)["training"] == {
        **TRAINING,
        "learning_rate": chosen["learning_rate"],
        "mixture": {"domain": chosen["domain"], "general": chosen["general"]},
    }
    numbers = r"(?<=learning_rate: )\S+|(?<=domain: )0\.\d+|(?<=general: )0\.\d+"
    section = slice(before.index("training:  #"), before.index("pilot:"))
    assert re.sub(numbers, "", after) == re.sub(numbers, "", before)
    assert after[: section.start] == before[: section.start]
    assert after[after.index("pilot:") :] == before[before.index("pilot:") :]

    # Nothing of what was learned stays: no weights, no states.
    assert not (finished / "trials").exists()
    assert not (finished / "trunks").exists()
    kept = {path.name for path in (finished / "artifacts" / "grid_pilot").glob("*/*")}
    assert kept == {"training.jsonl", "manifest.json"}
    assert not any(path.name.startswith("grid_pilot") for path in (finished / "building").glob("*"))


def test_an_extended_tokenizer_is_weighed_beside_the_grid(
    make_recipe: Any, command: Any, finished: Path, trained: list[str]
) -> None:
    (release,) = (finished / "artifacts" / "release").iterdir()
    tokenizer = {"mode": "extend", "add": 40, "pilot": {"share": 0.2, "bytes": 20_000, "resamples": 200}}
    pilot = {"domain": [0.5], "rates": [0.006], "budget": 0.4}
    path = make_recipe(base=str(release), tokenizer=tokenizer, pilot=pilot)
    asked = ("pilot", path, "--as-of", command.day, "--work", finished, "--tracking", "none", *command.machine)
    answer = command.ask(*asked)
    assert answer.code == 0, answer.err
    assert sorted(trained) == sorted(
        [*["base"] * 2, *["tokenizer_pilot"] * 3, "tokenizer_verdict", *["grid_pilot"] * 3]
    )
    out = command.plain(answer.out)
    assert "3 runs of 1 arm read 3,072 tokens, 37.5% of the training" in out  # 6 steps of 512 tokens
    (verdict,) = (finished / "artifacts" / "tokenizer_verdict").glob("*/verdict.json")
    told = json.loads(verdict.read_text())
    assert told["recommended"] == "keep"  # 20,000 bytes are too few documents to say more
    assert "tokenizer: keep; the pilots above use that one" in out
    assert all(reason in out for reason in told["reasons"])
    again = command.ask(*asked, "--write")
    assert again.code == 0, again.err
    assert len(trained) == 9
    assert yaml.safe_load(path.read_text())["tokenizer"] == {**tokenizer, "mode": "keep"}
    # The pilots were of the base with its own tokenizer: with the recipe as it is now all of it is found.
    kept = command.ask(*asked)
    assert kept.code == 0, kept.err
    assert len(trained) == 9
    assert "tokenizer: keep" not in command.plain(kept.out)


def test_pilots_need_text_to_be_judged_by() -> None:
    facts = {"validation": {"domain": {"documents": 3}, "general": {"documents": 0}}}
    with pytest.raises(UserError, match="leaves no general text to compare pilots by"):
        refuse_unjudged(SimpleNamespace(facts=facts))  # type: ignore[arg-type]
