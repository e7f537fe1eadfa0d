"""An EDGAR on this machine with a few small filings, read without workers and without a pace."""

from __future__ import annotations

import importlib
from collections.abc import Iterable, Iterator
from datetime import date
from typing import Any

import pytest

from corpora.extract import Extracted, Failed, Job
from tests.corpora.edgar_server import Edgar, serving
from tests.corpora.sources.filings import TODAY, report


def here(jobs: Iterable[Job], **_: Any) -> Iterator[Extracted | Failed]:
    """As ``extract_pages``, in this process: a worker takes a second to start."""
    for job in jobs:
        module, _, name = job.form.partition(":")
        try:
            yield getattr(importlib.import_module(module), name)(job.content)
        except ValueError as error:
            yield Failed(reason=str(error))


@pytest.fixture
def edgar(monkeypatch: pytest.MonkeyPatch) -> Iterator[Edgar]:
    """Two 10-Ks of a past quarter, and of this one a 10-Q, a 10-K/A and an 8-K with its press release."""
    monkeypatch.setattr("corpora.edgar.archive.today", lambda: TODAY)
    monkeypatch.setattr("corpora.edgar.fetch.Pace", lambda *_: None)  # it is kept, and workers read, in the last test
    monkeypatch.setattr("corpora.extract.extract_pages", here)
    with serving(TODAY) as local:
        local.most = 1_000
        local.add("10-K", date(2025, 2, 3), report("anvils"), cik=320193)
        local.add("10-K", date(2025, 3, 14), report("rockets"), cik=789019, company="Two  Blanks & Co")
        local.add("10-Q", date(2025, 4, 25), "<p>Part I</p><p>Item 1. Financial Statements</p><p>None.</p>", cik=320193)
        local.add("10-K/A", date(2025, 5, 1), report("more anvils"), cik=320193)
        local.add("8-K", date(2025, 5, 2), "<p>Item 2.02 Results</p><p>See below.</p>", ex99_1="<p>Sales rose.</p>")
        local.tickers = {"AAPL": 320193, "MSFT": 789019}
        yield local
