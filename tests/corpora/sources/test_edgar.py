from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from corpora import Collection, collect
from corpora.document import Quarantined
from corpora.sources.edgar import Edgar
from domain.errors import UserError
from tests.corpora.edgar_server import Edgar as LocalEdgar
from tests.corpora.sources.filings import CONTACT, read, report, spec

HOME = Path(__file__).resolve().parents[3]


def test_companies_days_amendments_and_exhibits(edgar: LocalEdgar, tmp_path: Path) -> None:
    machine = edgar.machine(work=tmp_path, workers=1)

    def days(**settings: Any) -> list[str]:
        return [entry.filed for entry in spec(**settings).filings(machine)]

    assert days(companies=["MSFT"]) == ["2025-03-14"]
    assert days(companies=[320193, "CIK0000789019"]) == ["2025-02-03", "2025-03-14"]
    assert days(until="2025-03-13") == ["2025-02-03"]
    assert days(forms=["10-K/A"]) == ["2025-05-01"]
    assert days(forms=["10-k", "8-K"], since="2025-03-01") == ["2025-03-14", "2025-05-02"]
    (plain,) = read(spec(forms=["8-K"]), machine)
    assert plain.text == "Item 2.02 Results\n\nSee below."
    items = read(spec(forms=["8-K"], exhibits=True, by="item"), machine)
    assert [(each.id, each.text) for each in items] == [
        ("0000320193-25-000005#2.02", "Item 2.02 Results\n\nSee below."),
        ("0000320193-25-000005#EX-99.1", "Sales rose."),
    ]
    (press,) = read(spec(forms=["8-K"], exhibits=True, items=["EX-99"]), machine)
    assert press.text == "Sales rose."
    with pytest.raises(UserError, match="companies: the SEC knows no ticker NOSUCH"):
        read(spec(companies=["NOSUCH"]), machine)


def test_the_next_run_fetches_only_what_is_new(edgar: LocalEdgar, tmp_path: Path) -> None:
    machine = edgar.machine(work=tmp_path, workers=2)
    settings: dict[str, Any] = {"forms": ["10-K", "10-Q", "8-K"]}
    first = spec(**settings)
    stamp = first.stamp(machine)
    asked = len(edgar.asked)
    assert first.stamp(machine) == stamp
    assert len(edgar.asked) == asked  # looked up once
    before = read(first, machine)
    assert stamp["filings"] == len(before) == 4
    edgar.asked.clear()
    assert spec(**settings).stamp(machine) == stamp
    assert read(spec(**settings), machine) == before
    assert edgar.paths() == []  # indexes that have not changed are not sent again

    new = edgar.add("10-Q", date(2025, 5, 19), "<p>News.</p>")
    late = edgar.add("10-K", date(2025, 3, 31), report("late anvils"))  # the index of a past quarter is amended
    second = edgar.add("10-Q", date(2025, 4, 25), "<p>A second one of that day.</p>")
    again = spec(**settings)
    assert again.stamp(machine) != stamp
    assert {each.id for each in read(again, machine)} == {each.id for each in before} | {new, late, second}
    assert sorted(edgar.paths("/data/")) == sorted(
        f"/Archives/edgar/data/320193/{each}.txt" for each in (new, late, second)
    )
    assert not any("20250502" in path for path in edgar.paths())  # a day that is as it was


def test_without_network_what_is_kept_is_used(edgar: LocalEdgar, tmp_path: Path) -> None:
    online, offline = (edgar.machine(work=tmp_path, workers=1, network=on) for on in (True, False))
    with pytest.raises(UserError, match="edgar: the index of 2025/QTR1 was never fetched"):
        spec().stamp(offline)
    documents = read(spec(forms=["10-K", "10-Q"]), online)
    asked = len(edgar.asked)
    assert read(spec(forms=["10-K", "10-Q"]), offline) == documents
    assert spec(forms=["10-K", "10-Q"]).stamp(offline) == spec(forms=["10-K", "10-Q"]).stamp(online)
    assert [entry.cik for entry in spec(companies=[320193]).filings(offline)] == [320193]
    with pytest.raises(UserError, match="list of tickers was never fetched"):
        spec(companies=["AAPL"]).stamp(offline)
    with pytest.raises(UserError, match="none of its filings was ever fetched"):
        spec(forms=["8-K"]).stamp(offline)
    with pytest.raises(UserError, match="2024/QTR4 was never fetched"):
        spec(since="2024-12-01").stamp(offline)
    assert all("index" in path for _, path, _ in edgar.asked[asked:])  # of the one stamp that was online


def test_a_busy_or_broken_server_is_asked_again(
    edgar: LocalEdgar, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("corpora.web.client.BACKOFF", 0.01)
    path = "/Archives/edgar/data/320193/0000320193-25-000001.txt"
    edgar.faults = {path: [429, 503, "cut", 403], "/Archives/edgar/full-index/2025/QTR1/form.gz": [403, "cut"]}
    assert len(read(spec(), edgar.machine(work=tmp_path, workers=1))) == 2
    assert [status for _, asked, status in edgar.asked if asked == path] == [429, 503, 0, 403, 200]


def test_what_is_not_there_or_holds_no_text_is_quarantined(edgar: LocalEdgar, tmp_path: Path) -> None:
    machine = edgar.machine(work=tmp_path, workers=1)
    head = "<DOCUMENT>\n<TYPE>10-K\n<TEXT>\n"
    edgar.add_submission(b"no SGML", "10-K", date(2025, 2, 4), "A", 1, "0000000001-25-000001")
    edgar.add_submission(
        f"{head}begin 644 a.pdf\nM\n".encode(), "10-K", date(2025, 2, 5), "A", 1, "0000000001-25-000002"
    )
    edgar.add_submission(f"{head}Cut in the".encode(), "10-K", date(2025, 2, 6), "A", 1, "0000000001-25-000003")
    edgar.add_submission(b"", "10-K", date(2025, 2, 7), "A", 1, "0000000001-25-000004")
    edgar.faults["/Archives/edgar/data/1/0000000001-25-000004.txt"] = [404]
    found = list(spec(companies=[1]).documents(machine))
    assert [each.reason if isinstance(each, Quarantined) else each.text for each in found] == [
        "holds no document",
        "holds no document with text, only pictures or data",
        "Cut in the",
        "is no longer on EDGAR",
    ]
    assert [each.id[-6:] for each in found] == ["000001", "000002", "000003", "000004"]


def test_a_filing_of_several_companies_is_one_document(edgar: LocalEdgar, tmp_path: Path) -> None:
    content = edgar.files["/Archives/edgar/data/320193/0000320193-25-000001.txt"]
    for cik in (900, 800):
        edgar.add_submission(content, "10-K", date(2025, 2, 10), "Both", cik, "0000000800-25-000009")
    machine = edgar.machine(work=tmp_path, workers=1)
    assert [each.cik for each in spec().filings(machine) if each.accession == "0000000800-25-000009"] == [800]
    (one,) = read(spec(companies=[900]), machine)
    assert "/data/900/" in str(one.url)


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"forms": ["10K"]}, "10K is no form of EDGAR; write 10-K"),
        ({"forms": ["def14a"]}, "def14a is no form of EDGAR; write DEF 14A"),
        ({"forms": ["annual report!"]}, "'annual report!' is no form of EDGAR; write for instance 10-K"),
        ({"forms": []}, "at least 1 item"),
        ({"per_second": 11}, "the SEC allows at most 10 requests a second; write 10 or less"),
        ({"per_second": 0}, "the SEC allows at most 10 requests a second"),
        ({"contact": "nobody"}, "the SEC asks for an e-mail address; write for instance you@example.com"),
        ({"contact": "a@b.cd\r\nX: y"}, "the SEC asks for an e-mail address"),
        ({"companies": ["Apple Inc."]}, "'Apple Inc.' is neither a ticker nor a CIK"),
        ({"items": ["Risk"]}, "'Risk' is no item; write for instance 1A"),
        ({"items": ["EX-99"]}, "items names EX-99, but exhibits are left out; write exhibits: true"),
        ({"since": "1990-01-01"}, "EDGAR begins in 1993"),
        ({"until": "2024-01-01"}, "until 2024-01-01 is before since 2025-01-01"),
    ],
)
def test_what_cannot_be_asked_is_refused_with_its_mend(settings: dict[str, Any], told: str) -> None:
    with pytest.raises(ValidationError) as caught:
        spec(**settings)
    assert told in str(caught.value)


def test_a_contact_is_needed_and_is_no_part_of_what_is_asked(edgar: LocalEdgar, tmp_path: Path) -> None:
    with pytest.raises(ValidationError, match="contact"):
        Edgar.model_validate({"forms": ["10-K"], "since": "2025-01-01"})
    assert spec(contact="other@bank.test", per_second=2).identity_key() == spec().identity_key()
    assert CONTACT not in str(spec().identity_key())
    with pytest.raises(UserError, match="edgar: contact: you@example"):
        spec(contact="you@example.com").stamp(edgar.machine(work=tmp_path))


def test_it_is_collected(edgar: LocalEdgar, tmp_path: Path, raw: Any) -> None:
    general = tmp_path / "general.txt"
    general.write_text("Some general text.")
    said = {
        "domain": [{"kind": "edgar", "forms": ["10-K"], "since": "2025-01-01", "contact": CONTACT}],
        "general": [{"kind": "files", "path": str(general), "licence": "mit"}],
        "licences": {"allow": ["public-domain", "mit"]},
    }
    machine = edgar.machine(work=tmp_path / "work", workers=1)
    made = collect(Collection.model_validate(said), out=tmp_path / "raw", machine=machine)
    assert made.manifest["facts"]["documents"] == {"domain": 2, "general": 1}


RUN = """
import datetime, sys
from corpora.edgar import archive
from corpora.sources.edgar import Edgar
from domain.machine import Machine
archive.today = lambda: datetime.date(2025, 5, 20)
url, work = sys.argv[1:]
machine = Machine(mirrors={"https://www.sec.gov/": url + "/"}, private_hosts=("127.0.0.1",), work=work, workers=1)
source = Edgar(forms=["10-K"], since="2025-01-01", contact="desk@bank.test")
for document in source.documents(machine):
    print(document.id, flush=True)
"""


def begin(edgar: LocalEdgar, work: Path) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", RUN, edgar.url, str(work)]
    return subprocess.Popen(command, cwd=HOME, stdout=subprocess.PIPE, text=True, start_new_session=True)


def test_two_runs_keep_the_pace_together_and_a_killed_one_is_taken_up(edgar: LocalEdgar, tmp_path: Path) -> None:
    edgar.most = 10
    for number in range(24):
        edgar.add("10-K", date(2025, 3, 1), report(f"thing {number}"), cik=1000 + number)
    killed, other = begin(edgar, tmp_path), begin(edgar, tmp_path)
    while len(edgar.paths("/data/")) < 8:
        time.sleep(0.01)
    os.killpg(killed.pid, signal.SIGKILL)
    killed.communicate()
    ids = (other.communicate(timeout=60)[0] or "").split()
    assert len(ids) == 26
    assert edgar.fastest() <= 10
    assert {status for _, _, status in edgar.asked} <= {200, 304}  # nobody was told to be slower
    edgar.asked.clear()
    again = read(spec(), edgar.machine(work=tmp_path, workers=1))
    assert [each.id for each in again] == ids
    assert edgar.paths("/data/") == []
