from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from domain.errors import UserError
from flows.run.record import RunRecord


def test_no_record(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no run of contracts"):
        RunRecord(tmp_path, "contracts").read()


def test_a_record_that_was_spoilt(tmp_path: Path) -> None:
    journey = RunRecord(tmp_path, "contracts")
    journey.begin({}, "2026-01-02")
    journey.path.write_text("{")
    with pytest.raises(UserError, match="cannot be read"):
        journey.read()


def test_told_is_of_these_artifacts(tmp_path: Path, corpus: Any) -> None:
    journey = RunRecord(tmp_path, "contracts")
    recipe, day, digests = {"name": "contracts"}, "2026-01-02", {"curate": corpus.digest}
    assert not journey.is_tracked(recipe, day, digests, "here")
    journey.begin(recipe, day)
    journey.add("curate", corpus, 1.0)
    assert not journey.is_tracked(recipe, day, digests, "here")  # killed before it could tell
    journey.end(None)
    journey.mark_tracked("here")
    assert journey.is_tracked(recipe, day, digests, "here")
    assert not journey.is_tracked(recipe, day, digests, "elsewhere")
    assert not journey.is_tracked(recipe, day, {**digests, "tokenizer": "0"}, "here")
    assert not journey.is_tracked(recipe, day, {"curate": "0"}, "here")
    journey.add("tokenizer", corpus, 1.0)
    assert journey.is_tracked(recipe, day, digests, "here")  # a run that ends earlier finds a part of what was told
    journey.begin(recipe, day)
    assert not journey.is_tracked(recipe, day, digests, "here")
