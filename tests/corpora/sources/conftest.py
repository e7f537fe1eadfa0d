"""Pages read in the process of the test: starting workers takes longer than most tests."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import pytest

from corpora.extract import Extracted, Failed, Job
from corpora.extract.html import page
from corpora.sources.feed import FRAGMENT, fragment


@pytest.fixture
def in_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """Extraction without workers, for pages that do no harm."""

    def extract(jobs: Iterable[Job], *, workers: int) -> Iterator[Extracted | Failed]:
        for job in jobs:
            if job.form == FRAGMENT:
                yield fragment(job.content)
            elif not job.content:
                yield Failed(reason="is empty")
            else:
                yield page(job.content, charset=job.charset, mode=job.mode)

    monkeypatch.setattr("corpora.sources.pages.extract_pages", extract)
