"""What waits behind a slow page is bounded by its size."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from corpora.document import Document
from corpora.extract import Extracted, Failed, Job, extract_pages
from corpora.sources import pages
from corpora.sources.pages import Page, PageResult, read_pages


def slow(content: bytes) -> Extracted:
    """A page that takes its time."""
    import time

    time.sleep(0.5)
    return Extracted(text=content.decode())


def test_documents_behind_a_page_are_bounded_by_characters(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pages, "HELD_CHARACTERS", 10_000)
    taken: list[int] = []

    def finish(result: Extracted | Failed) -> PageResult:
        assert isinstance(result, Extracted)
        return Document(id="page", text=result.text, source="s")

    def finds() -> Iterator[Page | PageResult]:
        yield Page(job=Job(content=b"page", form=f"{__name__}:slow"), finish=finish)
        for number in range(100):
            taken.append(number)
            yield Document(id=str(number), text="x" * 1_000, source="s")

    results = read_pages(finds(), workers=2)
    first = next(results)
    assert isinstance(first, Document)
    assert first.id == "page"
    assert len(taken) <= 12
    assert [each.id for each in results if isinstance(each, Document)] == [str(number) for number in range(100)]


def test_pages_behind_a_page_are_bounded_by_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("corpora.extract.pool.HELD_BYTES", 10_000)
    requested: list[int] = []

    def jobs() -> Iterator[Job]:
        yield Job(content=b"first", form=f"{__name__}:slow")
        for number in range(12):
            requested.append(number)
            yield Job(content=b"x" * 4_000, form="corpora.sources.feed:fragment")

    results = extract_pages(jobs(), workers=2)
    next(results)
    assert len(requested) <= 4
    assert len(list(results)) == 12
