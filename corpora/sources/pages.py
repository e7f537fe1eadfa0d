"""Extracts pages among other records in several processes, and keeps their order."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TypeVar

from corpora.document import Document, Quarantined
from corpora.extract import Extracted, Failed, Job, extract_pages
from corpora.sources.source import SourceItem

PageResult = Document | Quarantined
Finish = Callable[[Extracted | Failed], PageResult | None]
R = TypeVar("R", bound=SourceItem)
HELD = 1_000  # finds that may wait for a page before them
HELD_CHARACTERS = 50_000_000  # of text in them


@dataclass(frozen=True, kw_only=True)
class Page:
    """A page yet to be read, and what becomes of it then; None where it is not asked for."""

    job: Job
    finish: Finish


def read_pages(finds: Iterator[Page | R], *, workers: int) -> Iterator[R | PageResult]:
    """Every find in its order, pages as they are finished.

    Processes start at the first page, and end where ``HELD`` finds in a row are none, or those that wait hold too much
    text, so that memory stays bounded.
    """
    waiting: deque[Finish | R] = deque()
    size = 0  # characters of the documents that wait

    def jobs(first: Page) -> Iterator[Job]:
        nonlocal size
        yield first.job
        alone = 0
        for page in finds:
            if isinstance(page, Page):
                waiting.append(page.finish)
                alone = 0
                yield page.job
            else:
                waiting.append(page)
                size += characters(page)
                alone += 1
                if alone == HELD or size > HELD_CHARACTERS:
                    return

    for first in finds:
        if not isinstance(first, Page):
            yield first
            continue
        waiting.append(first.finish)
        for result in extract_pages(jobs(first), workers=workers):
            while isinstance(find := waiting.popleft(), SourceItem):
                size -= characters(find)
                yield find
            if (item := find(result)) is not None:
                yield item
        while waiting:
            rest = waiting.popleft()
            assert isinstance(rest, SourceItem)
            size -= characters(rest)
            yield rest


def characters(find: SourceItem) -> int:
    """Characters of text in a find."""
    return len(find.text) if isinstance(find, Document) else 0
