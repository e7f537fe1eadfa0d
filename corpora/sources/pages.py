"""Pages among other finds: extracted by several processes, each in its place of the order."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from corpora.document import Document, Quarantined
from corpora.extract import Extracted, Failed, Job, extract_pages

PageResult = Document | Quarantined
HELD = 1_000  # finds that may wait for a page before them


@dataclass(frozen=True, kw_only=True)
class Page:
    """A page yet to be read, and what becomes of it then; None where it is not asked for."""

    job: Job
    finish: Callable[[Extracted | Failed], PageResult | None]


def read_pages(finds: Iterator[Page | PageResult], *, workers: int) -> Iterator[PageResult]:
    """Every find in its order, pages as they are finished.

    Processes start at the first page, and end where ``HELD`` finds in a row are none, so that memory stays bounded.
    """
    waiting: deque[Page | PageResult] = deque()

    def jobs(first: Page) -> Iterator[Job]:
        yield first.job
        alone = 0
        for page in finds:
            waiting.append(page)
            if isinstance(page, Page):
                alone = 0
                yield page.job
            else:
                alone += 1
                if alone == HELD:
                    return

    for first in finds:
        if not isinstance(first, Page):
            yield first
            continue
        waiting.append(first)
        for result in extract_pages(jobs(first), workers=workers):
            while not isinstance(page := waiting.popleft(), Page):
                yield page
            if (item := page.finish(result)) is not None:
                yield item
        for rest in waiting:
            assert not isinstance(rest, Page)
            yield rest
        waiting.clear()
