"""Releases stay reachable by name, whatever later runs come to."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from domain.artifacts import Release
from flows.run.record import RunRecord

DAYS = ("2026-01-02", "2026-01-09")


@pytest.fixture
def work(undisturbed: Path, finished: Path, command: Any, without_engine: None) -> Path:
    """A work folder in which the recipe contracts was released as of the first day."""
    run(undisturbed, finished, command, DAYS[0])
    return finished


def run(undisturbed: Path, work: Path, command: Any, day: str, *more: object) -> Any:
    where = ("--work", work, "--tracking", "none", *command.machine)
    return command.ask("run", undisturbed.parent / "contracts.yaml", "--as-of", day, *where, *more)


def release_of(work: Path) -> Path:
    (folder,) = (work / "artifacts" / "release").iterdir()
    return folder


def test_a_release_is_listed_by_its_recipe_s_file_and_name(
    undisturbed: Path, work: Path, command: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("contracts", undisturbed.parent / "contracts.yaml"):
        answer = command.ask("release", "list", name, "--work", work)
        assert answer.code == 0, answer.err
        (line,) = answer.out.splitlines()
        assert line.startswith("contracts        as of 2026-01-02  domain -")
        assert line.endswith(str(release_of(work)))
    row = json.loads(command.ask("release", "list", "--json", "--work", work).out)
    scores = json.loads(command.ask("show", "contracts", "--json", "--work", work).out)["scores"]
    assert row["domain_gain"] == scores["domain"]["change_from_control"]
    assert row["general_loss"] == scores["general"]["change"]
    assert row["available"] is True
    monkeypatch.chdir(undisturbed.parent)
    assert command.ask("release", "list", "./contracts", "--work", work).code == 0


@pytest.mark.parametrize(
    ("more", "words"),
    [
        (("--until", "encode"), "completed, up to encode"),
        (("--set", "release.gates.domain_gain=0.99"), "completed, not released (exit code 3)"),
        (("--set", "tokenizer.vocab_size=30000"), "failed in stage tokenizer (exit code 2): tokenizer.vocab_size"),
    ],
)
def test_a_later_run_does_not_hide_it(
    undisturbed: Path, work: Path, command: Any, more: tuple[str, ...], words: str
) -> None:
    run(undisturbed, work, command, DAYS[1], *more)
    place = str(release_of(work))
    answer = command.ask("show", "contracts", "--work", work)
    assert answer.code == 0
    table = command.plain(answer.out)
    assert "contracts, released as of 2026-01-02" in table
    assert f"last run   as of 2026-01-09: {words}" in table
    shown = json.loads(command.ask("show", "contracts", "--json", "--work", work).out)
    assert (shown["as_of"], shown["release"], shown["run"]["as_of"]) == (DAYS[0], place, DAYS[1])
    for name in ("contracts", undisturbed.parent / "contracts.yaml"):
        answer = command.ask("generate", name, "tenant", "--max-tokens", 1, "--work", work)
        assert answer.code == 0, answer.err
        assert answer.err.strip().endswith("released as of 2026-01-02")


def test_a_run_that_was_killed_or_goes_on_does_not_hide_it(work: Path, command: Any) -> None:
    from flows.run.lock import holding

    record = RunRecord(work, "contracts")
    with holding(work):
        record.begin({}, DAYS[1])
        record.enter("adapted")
        goes_on = command.plain(command.ask("show", "contracts", "--work", work).out)
    killed = command.plain(command.ask("show", "contracts", "--work", work).out)
    assert "last run   as of 2026-01-09: running in stage adapted" in goes_on
    assert "last run   as of 2026-01-09: killed in stage adapted" in killed
    assert "released as of 2026-01-02" in goes_on
    assert "released as of 2026-01-02" in killed


def test_the_newest_day_is_taken_and_a_missing_folder_is_passed_over(work: Path, command: Any) -> None:
    first = json.loads(next((work / "releases" / "contracts").iterdir()).read_bytes())
    later = json.loads(json.dumps({**first, "as_of": DAYS[1], "released": "2026-01-09T10:00:00+00:00"}))
    later["stages"]["release"]["path"] = "artifacts/release/second"
    (work / "releases" / "contracts" / "2026-01-09-second.json").write_text(json.dumps(later))
    gone = command.ask("release", "list", "contracts", "--work", work).out.splitlines()
    assert [line.split()[3] for line in gone] == [DAYS[1], DAYS[0]]
    assert gone[0].endswith("(folder is gone)")
    assert json.loads(command.ask("show", "contracts", "--json", "--work", work).out)["as_of"] == DAYS[0]
    release_of(work).rename(work / "artifacts" / "release" / "second")
    Release.open(work / "artifacts" / "release" / "second")
    assert json.loads(command.ask("show", "contracts", "--json", "--work", work).out)["as_of"] == DAYS[1]


def test_of_two_recipes_with_one_name_each_has_its_own(
    undisturbed: Path, work: Path, command: Any, tmp_path: Path
) -> None:
    other = tmp_path / "other" / "contracts.yaml"
    other.parent.mkdir()
    other.write_text((undisturbed.parent / "contracts.yaml").read_text())
    record = next((work / "releases" / "contracts").iterdir())
    content = {**json.loads(record.read_bytes()), "file": str(other), "as_of": DAYS[1]}
    record.with_name("2026-01-09-other.json").write_text(json.dumps(content))
    for path, day in ((undisturbed.parent / "contracts.yaml", DAYS[0]), (other, DAYS[1])):
        (line,) = command.ask("release", "list", path, "--work", work).out.splitlines()
        assert f"as of {day}" in line


def test_nothing_was_released(command: Any, make_recipe: Any, tmp_path: Path) -> None:
    command.refused(command.ask("release", "list", "--work", tmp_path), "has no release", "shoptalk run RECIPE")
    command.refused(command.ask("release", "list", make_recipe(), "--work", tmp_path), "has no release")
    command.refused(command.ask("release", "list", "nothing", "--work", tmp_path), "no such recipe")
    (tmp_path / "releases" / "contracts").mkdir(parents=True)
    (tmp_path / "releases" / "contracts" / "broken.json").write_text("{")
    command.refused(command.ask("release", "list", "contracts", "--work", tmp_path), "broken.json", "cannot be read")
