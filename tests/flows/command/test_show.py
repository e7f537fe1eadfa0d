from __future__ import annotations

import errno
import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from domain.artifacts import Corpus
from domain.errors import UserError
from domain.release.scores import PartScore
from flows.records import summary
from flows.run.record import RunRecord, ended
from flows.run.summary_table import score_lines, text_lines


def test_nothing_ran_here(make_recipe: Any, command: Any, tmp_path: Path) -> None:
    command.refused(command.ask("show", make_recipe(), "--work", tmp_path), "no run of contracts")


def test_a_run_that_went_half_way(make_recipe: Any, command: Any, tmp_path: Path, corpus: Any) -> None:
    path = make_recipe()
    shutil.copytree(corpus.path, tmp_path / "artifacts" / "curate" / "made")
    corpus = Corpus.open(tmp_path / "artifacts" / "curate" / "made")
    journey = RunRecord(tmp_path, "contracts")
    journey.begin({}, "2026-01-02")
    journey.add("zebra", corpus, 1.0)
    journey.add("apple", corpus, None)
    shown = json.loads(command.ask("show", path, "--json", "--work", tmp_path).out)
    assert shown["release"] is shown["scores"] is shown["decision"] is None
    assert shown["stages"]["zebra"]["digest"] == corpus.digest
    table = command.plain(command.ask("show", path, "--work", tmp_path).out)
    assert "contracts, as of 2026-01-02" in table
    assert table.splitlines()[-2].startswith("apple")  # the last stage, not the last by name
    assert table.splitlines()[-1] == "last run   as of 2026-01-02: killed; give the same command again to continue"


SCORE = {
    "base": 3.071, "control": 2.912, "adapted": 2.741, "change": -0.1074, "interval": [-0.1201, -0.0953],
    "change_from_control": -0.0587, "interval_from_control": [-0.0694, -0.0531],
    "units": 40, "documents": 41, "bytes": 20_000, "overlap": {"words": 13, "sources": {}, "new_text": []},
}  # fmt: skip


@pytest.mark.parametrize("width", [40, 60, 77, 78, 200])
def test_no_width_cuts_a_digit(width: int) -> None:
    lines = score_lines(dict.fromkeys(("domain", "general"), PartScore.from_dict(SCORE)), width)
    assert max(map(len, lines)) <= width
    text = "\n".join(lines)
    for number in ("3.071", "2.912", "2.741", "-5.9% [-6.9%, -5.3%]", "-10.7% [-12.0%, -9.5%]", "domain", "general"):
        assert number in text
    assert len(lines) == (3 if width >= 78 else 12)


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (UserError("corpus", "is empty", "add text"), "failed in stage curate (exit code 2): corpus: is empty. Fix:"),
        (ExceptionGroup("all", [UserError("a", "is b", "c")]), "failed in stage curate (exit code 2): a: is b. Fix:"),
        (ZeroDivisionError("by 0"), "failed in stage curate (exit code 1): by 0"),
        (OSError(errno.ENOSPC, "No space left"), "failed in stage curate (exit code 2): "),
        (KeyboardInterrupt(), "interrupted in stage curate (exit code 130); give the same command again"),
    ],
)
def test_how_a_run_ended(tmp_path: Path, error: BaseException, words: str) -> None:
    record = RunRecord(tmp_path, "contracts")

    def fail() -> None:
        with record.attempt({}, "2026-01-02"):
            record.enter("curate")
            raise error

    with pytest.raises(type(error)):
        fail()
    assert ended(record.read()).startswith(words)


def test_a_source_that_lost_much_to_one_step_is_told() -> None:
    loss = {"part": "domain", "source": "letters", "documents": 6, "bytes": 60, "share": 0.6}
    losses = [
        {**loss, "stage": "near", "reasons": {"near duplicate": 6}},
        {**loss, "stage": "quality", "share": 0.4, "reasons": {"quality: too few words": 6}},
    ]
    facts = {"documents_in": 10, "documents_out": 4, "bytes_in": 100, "bytes_out": 40, "dropped": {}, "losses": losses}
    told = list(text_lines(summary({"curate": {"facts": facts}})))  # type: ignore[typeddict-item]
    assert "letters (domain): near duplicates are 60% of it (6 documents: near duplicate 6)" in told[2]
    assert "letters (domain): the filter quality takes 40% of it (6 documents: quality: too few words 6)" in told[3]
