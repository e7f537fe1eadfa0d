"""Four weeks of one recipe: documents are edited, removed, copied, moved and withdrawn, and a filter is added. What was
held out in any week is trained on in none after it, what was withdrawn never comes back, and no document is lost."""

from __future__ import annotations

import json
import random
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

Record = dict[str, Any]
HELD_OUT = {"validation", "test"}
DAYS = ("2026-01-05", "2026-01-12", "2026-01-19", "2026-01-26")
SETTINGS = (
    "corpus.holdout.validation=0.1",
    "corpus.holdout.test=0.1",
    "corpus.holdout.later=0.05",
    "corpus.dedup=[exact, near]",
)
OLD, NEW = 160, 15  # documents at the start, and new ones a week


def prose(name: str, words: int) -> str:
    """A text of made-up words of its own."""
    chance = random.Random(name)
    return " ".join("".join(chance.choices("aeioubcdfglmnprst", k=chance.randint(4, 9))) for _ in range(words))


@dataclass
class Source:
    """What a team's file holds, week by week. ``origin`` names the text of which each record is a version or a copy."""

    rows: list[Record] = field(default_factory=list)
    origin: dict[str, str] = field(default_factory=dict)
    chance: random.Random = field(default_factory=lambda: random.Random(7))

    def add(self, name: str, day: date, *, text: str = "", origin: str = "", top: bool = False) -> None:
        row = {"id": name, "text": text or prose(name, 160), "date": day.isoformat(), "licence": "mit"}
        self.origin[name] = origin or name
        self.rows.insert(0 if top else len(self.rows), row)

    def edited(self, text: str) -> str:
        """Two words are others."""
        words = text.split()
        for place in self.chance.sample(range(len(words)), 2):
            words[place] = f"other{self.chance.randrange(10**6)}"
        return " ".join(words)

    def find(self, name: str) -> Record:
        return next(row for row in self.rows if row["id"] == name)


def begin(source: Source) -> None:
    for number in range(OLD):
        source.add(f"d{number}", date(2025, 1, 1) + timedelta(days=number))


def second(source: Source, splits: dict[str, str], withdrawn: list[str]) -> None:
    """Every sixth is edited, every seventh removed; older near copies of every eighth come; the file is turned over."""
    for name in names(source, 6):
        source.find(name)["text"] = source.edited(source.find(name)["text"])
    gone = set(names(source, 7)) - set(withdrawn)
    source.rows = [row for row in source.rows if row["id"] not in gone][::-1]
    for name in names(source, 8):
        if any(row["id"] == name for row in source.rows):
            source.add(
                f"copy-{name}", date(2001, 1, 1), text=f"{source.find(name)['text']} indeed", origin=name, top=True
            )


def third(source: Source, splits: dict[str, str], withdrawn: list[str]) -> None:
    """All held-out texts are edited again; what was withdrawn comes under another id, in the spring of another year."""
    for row in source.rows:
        if splits.get(source.origin[row["id"]]) in HELD_OUT:
            row["text"] = source.edited(row["text"])
    for name in withdrawn:
        source.add(f"again-{name}", date(2024, 4, 1), text=source.find(name)["text"].upper(), origin=name, top=True)


def fourth(source: Source, splits: dict[str, str], withdrawn: list[str]) -> None:
    """Every fifth is edited once more and moves to the end; near copies of what was withdrawn come."""
    for name in names(source, 5):
        if rows := [row for row in source.rows if row["id"] == name]:
            source.rows.remove(rows[0])
            source.rows.append({**rows[0], "text": source.edited(rows[0]["text"])})
    for name in withdrawn:
        source.add(f"near-{name}", date(2025, 2, 2), text=source.edited(source.find(name)["text"]), origin=name)


def names(source: Source, step: int) -> list[str]:
    return [f"d{number}" for number in range(0, OLD, step)]


@pytest.mark.usefixtures("without_engine")
@pytest.mark.parametrize("earlier", [None, "last"])
def test_four_weeks(make_recipe: Any, tmp_path: Path, command: Any, earlier: str | None) -> None:
    path, source = make_recipe(), Source()
    begin(source)
    general = [{"text": prose(f"general {number}", 60), "licence": "mit"} for number in range(30)]
    write(tmp_path / "general.jsonl", general)
    withdrawn: list[str] = []
    splits: dict[str, str] = {}  # of each origin, as it was held out or trained on first
    for week, (day, change) in enumerate(zip(DAYS, (None, second, third, fourth), strict=True)):
        if change is not None:
            change(source, splits, withdrawn)
            for number in range(NEW):
                source.add(f"w{week}n{number}", date.fromisoformat(day) - timedelta(days=number % 7))
        write(tmp_path / "domain.jsonl", source.rows)
        settings = [*SETTINGS, f"corpus.filters={[] if week < 2 else ['privacy']}"]
        settings += [f"corpus.{part}.0.path={tmp_path / part}.jsonl" for part in ("domain", "general")]
        settings += [f"corpus.earlier={earlier}"] if earlier else []
        corpora = []
        for workers in (1, 2) if earlier is None and week < 2 else (1,):
            work = tmp_path / f"work{workers}"
            options = [option for setting in settings for option in ("--set", setting)]
            where = ("--work", work, "--tracking", "none", *command.machine[:-1], str(workers))
            answer = command.ask("run", path, "--as-of", day, "--until", "curate", *options, *where)
            assert answer.code == 0, answer.err
            corpora.append(shown(command, work))
            assert command.ask("run", path, "--as-of", day, "--until", "curate", *options, *where).code == 0
            assert len(list((work / "artifacts" / "curate").iterdir())) == week + 1  # it is found, not made again
        assert len({corpus["digest"] for corpus in corpora}) == 1  # two work folders, so no cache is shared
        corpus = corpora[0]
        facts, kept = corpus["facts"], documents(tmp_path / "work1", corpus)
        check_balance(facts, source, withdrawn, kept)
        for name, split in kept.items():
            origin = source.origin[name]
            assert origin not in withdrawn, name
            before = splits.setdefault(origin, split) if split != "later" else split
            assert split == before, (name, DAYS[week])
        if week == 0:
            assert {"later", *HELD_OUT} <= set(kept.values())
            withdrawn += [next(n for n, s in kept.items() if s == split) for split in ("test", "train", "validation")]
            for workers in (1, 2) if earlier is None else (1,):
                assert command.ask("withdraw", *withdrawn, "--work", tmp_path / f"work{workers}").code == 0
        if week and earlier:
            assert facts["earlier"]["drawn"] == {"general": 30}  # its text never changes
            assert kept.keys() >= {f"w{week}n{number}" for number in range(NEW)}
    assert sum(split in HELD_OUT for split in splits.values()) >= 20
    wider = ("--set", "corpus.holdout.test=0.3")
    answer = command.ask("run", path, "--as-of", "2026-02-02", "--until", "curate", *options, *wider, *where)
    command.refused(answer, "corpus.holdout", "test 0.3 (before: 0.1)", "changed: true")


def check_balance(facts: dict[str, Any], source: Source, withdrawn: list[str], kept: dict[str, str]) -> None:
    """What stands in the file, less what was withdrawn, has come in; each of it is kept, or dropped for a reason."""
    came = [row["id"] for row in source.rows if source.origin[row["id"]] not in withdrawn]
    numbers = facts["sources"]["domain"]
    assert numbers["in"] == len(came)
    assert numbers["in"] == numbers["out"] + numbers["dropped"] + numbers["quarantined"]
    assert numbers["quarantined"] == 0
    assert numbers["out"] == len(kept)
    assert set(kept) <= set(came)
    assert facts["documents_in"] == len(came) + 30 == facts["documents_out"] + sum(facts["dropped"].values())


def shown(command: Any, work: Path) -> dict[str, Any]:
    answer = json.loads(command.ask("show", "contracts", "--json", "--work", work).out)
    stage: dict[str, Any] = answer["stages"]["curate"]
    return stage


def documents(work: Path, corpus: dict[str, Any]) -> dict[str, str]:
    """The split of each document of the domain."""
    files = [(path.parent.name, path) for path in Path(corpus["path"]).glob("*/domain-*.jsonl")]
    return {json.loads(line)["id"]: split for split, path in files for line in path.read_text().splitlines()}


def write(path: Path, rows: list[Record]) -> None:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
