"""The pages of a run: written as their content is complete, with what the record knows, and never without decision."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from domain.page.page import PageHeader
from domain.units import amount
from flows.run.pages import base_name, header_of, write_pages
from flows.run.record import RunRecord
from tests.html_reader import HOSTILE, Page


@pytest.fixture
def run(undisturbed: Path, finished: Path, command: Any, without_engine: None) -> Any:
    """The command on a copy of the finished work folder."""

    def call(*more: object) -> Any:
        recipe = undisturbed.parent / "contracts.yaml"
        plain = ("--as-of", command.day, "--work", finished, "--tracking", "none", *command.machine)
        return command.ask("run", recipe, *plain, *more)

    return call


def pages(work: Path) -> dict[str, Path]:
    """The pages of the last run by file name."""
    stages = RunRecord(work, "contracts").read()["stages"]
    return {Path(stage["page"]).name: Path(stage["page"]) for stage in stages.values() if "page" in stage}


def test_a_released_run_says_so_on_both_pages(run: Any, finished: Path) -> None:
    answer = run()
    assert answer.code == 0, answer.err
    written = pages(finished)
    assert sorted(written) == ["datasheet.html", "scorecard.html"]
    folder = written["scorecard.html"].parent
    stages = RunRecord(finished, "contracts").read()["stages"]
    tokens = ", ".join(
        f"{label} {amount(stages[label]['facts']['tokens'])}" for label in ("base", "adapted", "control")
    )
    assert folder.parent == (finished / "reports" / "contracts").resolve()
    assert folder.name.startswith("2026-01-02-")
    for name, path in written.items():
        shown = Page(path.read_text(encoding="utf-8"))
        shown.assert_safe()
        assert shown.links == [other for other in written if other != name]
        text = " ".join(shown.text)
        for words in (
            "contracts", "as of 2026-01-02", "Released", "from scratch: llama, 1 layers, width 32",
            tokens, "FLOPs", "domain_gain 0%: holds; general_loss 100%: holds",
            "documents kept", "licence mit",
        ):  # fmt: skip
            assert words in text
        assert str(path) in answer.out or path.name in answer.out
    assert "Training loss" in written["scorecard.html"].read_text()


def test_a_refused_run_says_so_and_leaves_the_pages_of_the_release(run: Any, finished: Path) -> None:
    run()
    released = pages(finished)
    assert run("--set", "release.gates.domain_gain=0.99").code == 3
    refused = pages(finished)
    assert refused["scorecard.html"] != released["scorecard.html"]
    for path in refused.values():
        assert "Not released" in Page(path.read_text()).text
        assert '<body class="refused">' in path.read_text()
    assert "Released" in Page(released["scorecard.html"].read_text()).text


def test_before_the_decision_there_is_a_data_sheet(run: Any, finished: Path) -> None:
    shutil.rmtree(finished / "artifacts" / "describe")
    run("--until", "describe")
    assert sorted(pages(finished)) == ["datasheet.html"]
    shown = Page(pages(finished)["datasheet.html"].read_text())
    assert "Not decided yet" in shown.text
    assert shown.links == []


def test_pages_that_are_gone_are_written_again(run: Any, finished: Path) -> None:
    run()
    before = {name: path.read_bytes() for name, path in pages(finished).items()}
    pages(finished)["datasheet.html"].unlink()
    assert "Nothing to do" in run().out
    assert {name: path.read_bytes() for name, path in pages(finished).items()} == before


def test_times_and_the_budget_are_shown_where_they_are_known(run: Any, finished: Path) -> None:
    run()
    record = RunRecord(finished, "contracts")
    content = record.stored()
    took = {"seconds": 1_800.0, "memory": 1e9}
    measured = {"planned": took, "measured": took}
    for label in ("base", "adapted", "control"):
        content["stages"][label]["learned"] = measured
    content["recipe"]["budget"] = {"gpus": 2, "hours": 4.0}
    record.path.write_text(json.dumps(content))
    header = header_of(record.read(), {})
    rows = dict(header.rows)
    assert rows["Training time"].startswith("1.5 h on cpu, fp32")
    assert rows["Training cost"].endswith("1.5 device hours (budget: 2 × 4 h)")
    write_pages(record)
    assert "1.5 device hours" in pages(finished)["scorecard.html"].read_text()


def test_a_hostile_recipe_is_text_in_the_header(run: Any, finished: Path) -> None:
    run()
    record = RunRecord(finished, "contracts")
    content = record.stored()
    content["recipe"] |= {"name": HOSTILE, "base": {"weights": f"org/{HOSTILE}"}}
    content["recipe"]["release"]["licence"] = HOSTILE
    record.path.write_text(json.dumps(content))
    write_pages(record)
    for path in pages(finished).values():
        Page(path.read_text(encoding="utf-8")).assert_safe()
        assert "<script>" not in path.read_text(encoding="utf-8")


def test_a_base_is_named_without_folders() -> None:
    assert base_name({"weights": "/home/someone/models/stories"}) == "stories"
    assert base_name({"weights": "org/model@0123"}) == "org/model@0123"


def test_a_header_of_nothing_yet() -> None:
    recipe = {"name": "n", "base": {"weights": "org/model"}}
    header = header_of({"recipe": recipe, "as_of": "2026-01-02", "stages": {}}, {})
    assert header == PageHeader(name="n", as_of="2026-01-02", links={}, rows=[("Base", "org/model")])
