"""One page each of EDGAR, a feed, the hub and Common Crawl, as they are today: ``make live CONTACT=you@bank.example``.

Everywhere else these are replayed by local servers that speak their protocols. SHOPTALK_NETWORK is the e-mail address
that is told to each site, as the SEC asks.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.network

FIRST = """
import json, sys
from pathlib import Path
from pydantic import TypeAdapter
from corpora.document import Document
from corpora.sources import AnySource
from domain.errors import UserError
from domain.machine import Machine

source = TypeAdapter(AnySource).validate_python(json.loads(sys.argv[1]))
machine = Machine(work=Path(sys.argv[2]), workers=1)
try:
    for document in source.documents(machine):
        if isinstance(document, Document):
            print(json.dumps({"text": document.text, "url": document.url, "date": document.date}))
            break
        print(document, file=sys.stderr)
except UserError as error:
    sys.exit(str(error))
"""


def first(folder: Path, **source: Any) -> dict[str, Any]:
    """The first document of a source, collected by a process that may use the network."""
    contact = {"contact": os.environ["SHOPTALK_NETWORK"]} if source["kind"] in ("edgar", "feed") else {}
    environment = {name: value for name, value in os.environ.items() if name != "HF_HUB_OFFLINE"}
    command = [sys.executable, "-c", FIRST, json.dumps({**source, **contact}), str(folder)]
    answer = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=600, check=False)
    assert answer.returncode == 0, answer.stderr[-2_000:]
    assert answer.stdout, answer.stderr[-2_000:]
    document: dict[str, Any] = json.loads(answer.stdout)
    return document


def test_edgar(tmp_path: Path) -> None:
    span = {"since": "2024-02-01", "until": "2024-02-01"}
    document = first(tmp_path, kind="edgar", forms=["8-K"], companies=["320193"], items=["2.02"], **span)
    assert document["date"] == "2024-02-01"
    assert "Results of Operations and Financial Condition" in document["text"]


def test_a_feed(tmp_path: Path) -> None:
    feed = "https://www.federalreserve.gov/feeds/press_all.xml"
    document = first(tmp_path, kind="feed", urls=[feed], pages=False, licence="public-domain")
    assert document["date"] >= "2020-01-01"
    assert document["text"]


def test_the_hub(tmp_path: Path) -> None:
    commit = "e6281661ce1c48d982bc483cf8a173c1bbeb5d31"
    document = first(tmp_path, kind="hub", dataset="stanfordnlp/imdb", revision=commit, split="test", licence="unknown")
    assert len(document["text"]) > 100


def test_common_crawl(tmp_path: Path) -> None:
    page = r"^https?://www\.iana\.org/help/example-domains/?$"
    document = first(
        tmp_path, kind="crawl", index="CC-MAIN-2024-10", domains=["iana.org"], urls=[page], licence="unknown"
    )
    assert "example" in document["text"].lower()
