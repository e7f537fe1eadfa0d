"""Which document an id means, and that it stays out of later weeks wherever it has moved to, and no other does."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from corpora.collect import Collection, collect
from corpora.withdrawal.containment import all_made, holders
from corpora.withdrawal.request import WithdrawalRequest, requested
from corpora.withdrawal.withdraw import Withdrawals, record
from domain.errors import UserError
from domain.jsonlines import read_lines
from domain.machine import Machine

Record = dict[str, Any]


class Weeks:
    """A work folder into which raw text is collected, week after week."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.work = folder, folder / "work"
        self.number = 0

    def collect(self, **sources: list[Record]) -> dict[str, str]:
        """Collect sources, each a file of that name, and an unchanging general one; texts by id."""
        self.number += 1
        place = self.folder / f"week{self.number}"
        place.mkdir()
        self.write(place / "general.jsonl", [{"id": "g", "text": "something general that is here every week"}])
        for name, records in sources.items():
            self.write(place / f"{name}.jsonl", records)
        files = [{"kind": "files", "path": str(place / f"{name}.jsonl"), "name": name} for name in sources]
        general = [{"kind": "files", "path": str(place / "general.jsonl")}]
        settings = {"domain": files, "general": general, "licences": {"allow": ["unknown"]}}
        out = self.work / "artifacts" / "collect" / f"{self.number:016d}"
        out.parent.mkdir(parents=True, exist_ok=True)
        collect(Collection.model_validate(settings), out=out, machine=Machine(work=self.work, workers=1))
        shards = sorted((out / "documents").glob("domain-*"))
        return {row["id"]: row["text"] for shard in shards for row in read_lines(shard)}

    @staticmethod
    def write(path: Path, records: list[Record]) -> None:
        path.write_text("".join(json.dumps(each) + "\n" for each in records))

    def request(self, *ids: str) -> WithdrawalRequest:
        return requested(all_made(self.work), ids, Withdrawals.read(self.work))

    def withdraw(self, *ids: str) -> WithdrawalRequest:
        request = self.request(*ids)
        record(self.work, request.rows)
        return request


@pytest.fixture
def weeks(tmp_path: Path) -> Weeks:
    return Weeks(tmp_path)


@pytest.fixture
def letters(prose: Callable[..., str]) -> list[Record]:
    return [{"text": prose(i, 40)} for i in range(8)]


def test_a_line_on_top_moves_no_withdrawal(weeks: Weeks, letters: list[Record]) -> None:
    first = weeks.collect(calls=letters)
    weeks.withdraw("calls/calls.jsonl:5")
    assert first["calls/calls.jsonl:5"] == letters[4]["text"]
    second = weeks.collect(calls=[{"text": "a new line on top of all the others"}, *letters])
    assert second["calls/calls.jsonl:5"] == letters[3]["text"]  # an innocent one that stands there now
    assert letters[4]["text"] not in second.values()
    assert len(second) == 8
    # Asked for again, the id means the document that was withdrawn by it, and no other.
    request = weeks.withdraw("calls/calls.jsonl:5")
    assert len(Withdrawals.read(weeks.work).rows) == 1
    assert {raw.name[-1]: names for raw, names in request.named.items()} == {"1": {"calls/calls.jsonl:5"}}
    places = holders(all_made(weeks.work), request.named)
    assert [made.path.name[-1] for made, _ in places] == ["1"]
    assert letters[3]["text"] in weeks.collect(calls=[{"text": "a new line"}, *letters]).values()


CHANGES: dict[str, Callable[[str], str]] = {
    "a double space": lambda text: text.replace(" ", "  ", 1),
    "one more word": lambda text: f"{text} indeed",
    "one more word within": lambda text: text.replace(" ", " indeed ", 1),
    "one word less": lambda text: text.partition(" ")[2],
    "capitals": str.upper,
    "a no-break space": lambda text: text.replace(" ", "\u00a0", 3),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES.keys())
@pytest.mark.parametrize("words", [12, 40, 200])
def test_an_edited_copy_stays_out(weeks: Weeks, prose: Callable[..., str], change: Any, words: int) -> None:
    records = [{"text": prose(i, words)} for i in range(4)]
    weeks.collect(calls=records)
    weeks.withdraw("calls/calls.jsonl:2")
    changed = [{"text": change(records[1]["text"])}, records[0], *records[2:]]
    assert list(weeks.collect(other=changed).values()) == [each["text"] for each in (records[0], *records[2:])]


def test_what_was_left_out_says_why(weeks: Weeks, letters: list[Record]) -> None:
    weeks.collect(calls=letters)
    weeks.withdraw("calls/calls.jsonl:1")
    weeks.collect(calls=[letters[0], {"text": letters[0]["text"] + " more"}, letters[1]])
    rows = read_lines(weeks.work / "artifacts" / "collect" / f"{2:016d}" / "quarantine.jsonl")
    assert [(row["record"], row["reason"]) for row in rows] == [
        ("calls/calls.jsonl:1", "withdrawn"), ("calls/calls.jsonl:2", "withdrawn: near copy"),
    ]  # fmt: skip


def test_a_records_own_id_is_of_its_source(weeks: Weeks, prose: Callable[..., str]) -> None:
    mine, theirs = {"id": "k1", "text": prose("a")}, {"id": "k1", "text": prose("b")}
    assert weeks.collect(a=[mine, {"text": prose("x")}], b=[theirs]).keys() >= {"k1", "k1#2"}
    weeks.withdraw("k1")
    kept = weeks.collect(b=[theirs])  # a has left; what is called k1 now is another
    assert kept == {"k1": theirs["text"]}
    changed = {"id": "k1", "text": prose("quite another text")}
    assert weeks.collect(a=[changed, {"text": prose("x")}], b=[theirs]).keys() == {"k1#2", "a/a.jsonl:2"}


def test_the_second_of_a_name_is_its_own(weeks: Weeks, prose: Callable[..., str]) -> None:
    records = [{"id": "d", "text": prose(i)} for i in range(2)]
    weeks.collect(a=records)
    weeks.withdraw("d#2")
    assert weeks.collect(a=records) == {"d": records[0]["text"]}
    assert weeks.collect(a=[records[1], records[0]]) == {"d#2": records[0]["text"]}


def test_an_id_of_several_documents_is_refused_unless_its_digest_is_told(weeks: Weeks, letters: list[Record]) -> None:
    weeks.collect(calls=letters[:4])
    weeks.collect(calls=[letters[7], *letters[:4]])
    with pytest.raises(UserError, match=r"calls.jsonl:2: stands for 2 documents.*name the one.*:2@\w{8} \(in 0+1\) or"):
        weeks.request("calls/calls.jsonl:2")
    with pytest.raises(ExceptionGroup):
        weeks.request("calls/calls.jsonl:2", "calls/calls.jsonl:3")
    rows = list(read_lines(weeks.work / "artifacts" / "collect" / f"{2:016d}" / "inventory.jsonl"))
    second = next(row for row in rows if row["id"] == "calls/calls.jsonl:2")
    request = weeks.withdraw(f"calls/calls.jsonl:2@{second['sha256'][:8]}")
    assert [row.sha256 for row in request.rows] == [second["sha256"]]
    assert {raw.name[-1]: names for raw, names in request.named.items()} == {
        "1": {"calls/calls.jsonl:1"}, "2": {"calls/calls.jsonl:2"},
    }  # fmt: skip
    assert weeks.request("calls/calls.jsonl:2@00000000").missing == ["calls/calls.jsonl:2@00000000"]
    assert weeks.request("nobody").missing == ["nobody"]


def test_an_edited_document_at_one_place_is_one(weeks: Weeks, letters: list[Record]) -> None:
    weeks.collect(calls=letters)
    weeks.collect(calls=[{"text": f"{letters[0]['text']} more"}, *letters[1:]])
    assert len(weeks.withdraw("calls/calls.jsonl:1").rows) == 2


def test_a_thousand_ids_read_the_text_once(weeks: Weeks, monkeypatch: pytest.MonkeyPatch) -> None:
    records = [{"text": f"text number {i} of a long list of many"} for i in range(1_500)]
    weeks.collect(calls=records)
    opened: list[str] = []
    real = Path.open

    def counted(path: Path, *given: Any, **named: Any) -> Any:
        opened.append(path.name)
        return real(path, *given, **named)

    monkeypatch.setattr(Path, "open", counted)
    request = weeks.request(*(f"calls/calls.jsonl:{i}" for i in range(1, 1_001)))
    assert len(request.rows) == 1_000
    assert opened.count("domain-00000.jsonl") == 1
