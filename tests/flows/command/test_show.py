from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from flows.run.record import RunRecord


def test_nothing_ran_here(make_recipe: Any, command: Any, tmp_path: Path) -> None:
    command.refused(command.ask("show", make_recipe(), "--work", tmp_path), "no run of contracts")


def test_a_run_that_went_half_way(make_recipe: Any, command: Any, tmp_path: Path, corpus: Any) -> None:
    path = make_recipe()
    journey = RunRecord(tmp_path, "contracts")
    journey.begin({}, "2026-01-02")
    journey.add("zebra", corpus, 1.0)
    journey.add("apple", corpus, None)
    shown = json.loads(command.ask("show", path, "--json", "--work", tmp_path).out)
    assert shown["release"] is shown["scores"] is shown["decision"] is None
    assert shown["stages"]["zebra"]["digest"] == corpus.digest
    table = command.plain(command.ask("show", path, "--work", tmp_path).out)
    assert "contracts, as of 2026-01-02" in table
    assert table.splitlines()[-1].startswith("apple")  # the last stage, not the last by name
