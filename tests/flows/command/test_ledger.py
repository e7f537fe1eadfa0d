"""The ledger's commands by the real command line, over a work folder whose every number is known by hand."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from corpora.datasheet import Description, describe
from flows.run.record import RunRecord

MARKUP = "<script>alert('id')</script>"


@pytest.fixture
def work(hand_made: Any, tmp_path: Path) -> Path:
    """The work folder, with the record of a run of the recipe ``notes``."""
    work = tmp_path / "work"
    made = hand_made(work)
    journey = RunRecord(work, "notes")
    journey.begin({}, "2026-01-02")
    sheet = work / "artifacts" / "describe" / "describe00000000"
    made["describe"] = describe(
        Description(), raw=made["collect"], corpus=made["curate"], tokens=made["encode"], out=sheet
    )
    for label, artifact in made.items():
        journey.add({"pretrain": "adapted"}.get(label, label), artifact, 1.0)
    return work


@pytest.fixture
def ask(command: Any, work: Path) -> Any:
    """``ask(command, ...)`` in that work folder."""
    return lambda name, *rest: command.ask(name, *rest, "--work", work)


def test_the_table_of_stages_and_reasons(ask: Any, command: Any) -> None:
    answer = ask("ledger", "notes")
    rows = [re.split(r"\s{2,}", line.strip()) for line in command.plain(answer.out).splitlines()]
    assert answer.code == 0
    assert rows[0] == ["stage", "action", "reason", "documents", "bytes"]
    assert rows[1:4] == [
        ["collect", "dropped", "no text", "1", "0"],
        ["collect", "quarantined", "is not valid JSON", "1", "0"],
        ["quality", "dropped", "quality: too few words", "1", "52"],
    ]
    assert ["house:tags", "dropped", "<img src=x onerror=alert(1)>", "1", "39"] in rows
    assert rows[-1] == ["holdout", "kept", "4", "449"]


def test_the_same_as_json_lines_and_from_a_corpus_folder(ask: Any, work: Path) -> None:
    rows = [json.loads(line) for line in ask("ledger", "notes", "--json").out.splitlines()]
    assert sum(row["documents"] for row in rows if row["action"] != "changed") == 12
    assert {row["reason"]: row["bytes"] for row in rows if row["stage"] == "exact"} == {"exact duplicate": 100}
    by_folder = ask("ledger", work / "artifacts" / "curate" / "curate0000000000", "--json")
    assert [json.loads(line) for line in by_folder.out.splitlines()] == rows


def test_rows_by_reason_and_source(ask: Any) -> None:
    assert ask("ledger", "notes", "--reason", "near duplicate").out.split() == [
        "dropped", "near", "calls", "d", "near", "duplicate", "of", "a",
    ]  # fmt: skip
    rows = [json.loads(line) for line in ask("ledger", "notes", "--source", "web <b>", "--json").out.splitlines()]
    assert [(row["id"], row["action"]) for row in rows] == [
        ("g1", "kept"), ("g2", "dropped"), ("g3", "dropped"), ("g4", "quarantined"),
    ]  # fmt: skip
    both = ask("ledger", "notes", "--source", "web <b>", "--reason", "harm", "--json")
    assert [json.loads(line)["id"] for line in both.out.splitlines()] == ["g3"]


def test_samples_are_masked_and_always_the_same(ask: Any) -> None:
    answer = ask("ledger", "notes", "--reason", "quality", "--sample", "5")
    assert answer.out.splitlines()[1] == "    ask <EMAIL> for the minutes of the call"
    assert "jane.roe" not in answer.out + ask("ledger", "notes", "--sample", "50", "--json").out
    first, again = (ask("ledger", "notes", "--sample", "3").out for _ in range(2))
    assert first == again
    assert len(first.splitlines()) == 6
    more = ask("ledger", "notes", "--sample", "4").out
    assert more.startswith(first)  # a larger sample holds the smaller one


@pytest.mark.parametrize(
    ("rest", "words"),
    [
        (("notes", "--reason", "qualty"), ("--reason qualty", "quality: too few words")),
        (("notes", "--source", "cals"), ("--source cals", "calls")),
        (("notes", "--source", "calls", "--reason", "harm"), ("no row has both",)),
        (("elsewhere",), ("elsewhere", "no such recipe")),
        (("quickstart",), ("no run of quickstart",)),
        ((".",), ("ledger.parquet",)),
    ],
)
def test_questions_without_an_answer(ask: Any, command: Any, rest: tuple[str, ...], words: tuple[str, ...]) -> None:
    command.refused(ask("ledger", *rest), *words)


def test_a_sample_of_none(ask: Any) -> None:
    answer = ask("ledger", "notes", "--sample", "0")
    assert answer.code == 2
    assert "--sample" in answer.err


def test_a_run_without_a_corpus(command: Any, tmp_path: Path) -> None:
    RunRecord(tmp_path, "notes").begin({}, "2026-01-02")
    command.refused(command.ask("ledger", "notes", "--work", tmp_path), "no corpus", "--until curate")
    command.refused(command.ask("why", "notes", "a", "--work", tmp_path), "no corpus")


def test_control_characters_do_not_reach_the_terminal(ask: Any, work: Path) -> None:
    from corpora.ledger.ledger import entry, write_ledger

    row = {"id": "a\x1b[2Jb\n", "source": "s\u202e", "part": "domain"}
    path = work / "artifacts" / "curate" / "curate0000000000" / "ledger.parquet"
    write_ledger(path, [entry(row, stage="own", action="dropped", reason="r\x07", detail="\x1b]0;x")])
    for answer in (ask("ledger", "notes"), ask("ledger", "notes", "--sample", "1"), ask("why", "notes", "a\x1b[2Jb\n")):
        assert answer.code == 0
        assert not set("\x1b\x07\u202e") & set(answer.out)


def test_the_story_of_a_kept_document(ask: Any, work: Path) -> None:
    answer = ask("why", "notes", "a")
    lines = answer.out.splitlines()
    assert lines[:5] == [
        "a",
        "Source: calls (domain), https://example.org/a; licence mit, dated 2023-05-01, 100 bytes.",
        "Kept in train with 100 bytes, in cluster a.",
        "2 dropped in its favour: d (calls, near duplicate), g2 (web <b>, exact duplicate).",
        "Contained in:",
    ]
    stands = [line.split()[0] for line in lines[5:]]
    assert stands == ["collect", "curate", "tokenizer", "encode", "describe", "adapted", "release"]
    assert "general" not in answer.out  # the control read general text only


def test_the_stories_of_others(ask: Any, work: Path) -> None:
    near = ask("why", "notes", "d").out.splitlines()
    assert near[2:] == [
        "near dropped it: near duplicate of a.",
        "The document that it repeats: a (calls): kept in train.",
        "Contained in:",
        f"  {'collect':10} {work / 'artifacts' / 'collect' / 'collect000000000'}",
        f"  {'describe':10} {work / 'artifacts' / 'describe' / 'describe00000000'}",
    ]
    assert "privacy changed it: privacy: masked (email 1)." in ask("why", "notes", "c").out
    assert "quality dropped it: quality: too few words (9)." in ask("why", "notes", "b").out
    assert "harm quarantined it: error (it died)." in ask("why", "notes", "g4").out
    assert "Left out while collecting: no text." in ask("why", "notes", "w").out
    assert "Unreadable while collecting: is not valid JSON." in ask("why", "notes", "calls.jsonl:3").out
    general = ask("why", "notes", "g1").out
    stands = {line.split()[0] for line in general.splitlines() if line.startswith("  ")}
    assert stands >= {"base", "adapted", "control", "release"}
    assert "house:tags dropped it: <img src=x onerror=alert(1)>" in ask("why", "notes", MARKUP).out


def test_an_id_that_is_not_there(ask: Any, command: Any) -> None:
    command.refused(ask("why", "notes", "calls.jsonl:4"), "calls.jsonl:4", "did you mean calls.jsonl:3")
    command.refused(ask("why", "notes", "zzzzzz"), "is not a document")


def test_the_data_sheet_in_short_and_whole(ask: Any, command: Any, work: Path) -> None:
    answer = ask("datasheet", "notes")
    assert "3 of 6 documents kept, 0.00 of 0.00 MB (55.8% of the bytes), 12 tokens" in answer.out
    assert "datasheet.html" not in answer.out  # no run has written its page
    RunRecord(work, "notes").note_page("describe", work / "reports" / "notes" / "datasheet.html")
    assert ask("datasheet", "notes").out.splitlines()[-1].endswith("reports/notes/datasheet.html")
    assert json.loads(ask("datasheet", "notes", "--json").out)["total"]["tokens"] == 18
    folder = work / "artifacts" / "curate" / "curate0000000000"
    command.refused(ask("datasheet", folder), "no data sheet", "--until describe")


def test_withdraw_tells_where_it_stands_and_records_it_once(ask: Any, work: Path) -> None:
    answer = ask("withdraw", "a", "--reason", "asked by letter")
    assert answer.code == 0
    rows = [json.loads(line) for line in (work / "withdrawn.jsonl").read_text().splitlines()]
    assert [(row["id"], row["reason"], len(row["sha256"])) for row in rows] == [("a", "asked by letter", 64)]
    assert "The same text is also stored as g2." in answer.out
    kinds = [line.split()[0] for line in answer.out.splitlines() if line.startswith("  ") and "artifacts" in line]
    # The base and the control have read general text only, and g2 did not stay.
    assert kinds == ["raw", "corpus", "tokenizer", "tokens", "data", "model", "release"]
    assert "d (near duplicate, dropped in its favour)" in answer.out
    assert ask("withdraw", "a").out.startswith("Already recorded")
    assert len((work / "withdrawn.jsonl").read_text().splitlines()) == 1


def test_withdraw_of_what_is_not_there_records_nothing(
    ask: Any, command: Any, work: Path, tmp_path: Path, held_by_another: Any
) -> None:
    command.refused(ask("withdraw", "a", "g11"), "g11", "did you mean g1")
    assert not (work / "withdrawn.jsonl").exists()
    command.refused(command.ask("withdraw", "a", "--work", tmp_path / "no"), "holds no artifacts")
    assert not (tmp_path / "no").exists()
    with held_by_another(work):
        command.refused(ask("withdraw", "a"), "in use by another run")


def test_a_purge_removes_the_pages_that_quote_documents(ask: Any, work: Path) -> None:
    folder = work / "reports" / "notes" / "2026-01-02-0123abcd"
    folder.mkdir(parents=True)
    for name in ("datasheet.html", "scorecard.html"):
        (folder / name).write_text("a page")
    answer = ask("withdraw", "a", "--purge")
    assert "datasheet.html: removed; the next run writes it again" in answer.out
    assert [path.name for path in folder.iterdir()] == ["scorecard.html"]


def test_purge_by_the_command(ask: Any, work: Path) -> None:
    answer = ask("withdraw", "a", "c", "--purge")
    assert answer.code == 0, answer.err
    for path in work.rglob("*"):
        assert path.is_dir() or b"a" * 100 not in path.read_bytes(), path
    again = ask("withdraw", "a", "c", "--purge")
    assert again.code == 0
    assert "purged" in again.out
    assert "purged" in ask("why", "notes", "a").out
    assert ask("ledger", "notes").code == 0


def test_a_withdrawal_is_taken_back_by_the_command(ask: Any, command: Any, work: Path) -> None:
    ask("withdraw", "a", "c")
    assert "1 taken off" in ask("withdraw", "--undo", "a").out
    assert [json.loads(line)["id"] for line in (work / "withdrawn.jsonl").read_text().splitlines()] == ["c"]
    command.refused(ask("withdraw", "--undo", "a"), "a", "was not withdrawn")


def test_an_exact_withdrawal_records_no_near_copies(ask: Any, work: Path) -> None:
    ask("withdraw", "c", "--exact")
    row = json.loads((work / "withdrawn.jsonl").read_text())
    assert row.keys() == {"id", "sha256", "source", "key", "reason"}
