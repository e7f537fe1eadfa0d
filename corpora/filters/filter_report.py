"""How filters decide on labelled text: agreement with people, and the good text of each source that they drop."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from corpora.document import Document
from corpora.filters.filter import Drop, Filter, Label
from domain.text.words import Split

AT_ONCE = 256  # documents
Z = 1.96  # of a two-sided interval of 95%


@dataclass(frozen=True)
class Share95:
    """``hits`` of ``total``, and where the share lies with confidence 0.95 (Wilson 1927)."""

    hits: int
    total: int

    @property
    def value(self) -> float:
        """The share; 0 of none."""
        return self.hits / self.total if self.total else 0.0

    @property
    def interval(self) -> tuple[float, float]:
        """Wilson's interval."""
        n, p = self.total, self.value
        if not n:
            return 0.0, 1.0
        centre = p + Z * Z / (2 * n)
        width = Z * math.sqrt(p * (1 - p) / n + Z * Z / (4 * n * n))
        scale = 1 + Z * Z / n
        return max(0.0, (centre - width) / scale), min(1.0, (centre + width) / scale)

    def __str__(self) -> str:
        low, high = self.interval
        return f"{self.value:.1%} ({low:.1%} to {high:.1%}) of {self.total:,}"


@dataclass(frozen=True)
class FilterReport:
    """One filter against the labels. A text is labelled good or bad, and kept or dropped.

    ``good_dropped`` are its false positives, by source and of all (``""``); ``bad_dropped`` what it catches.
    ``kappa`` is Cohen's: agreement beyond what chance gives, 0 to 1 (Cohen 1960).
    """

    name: str
    agreement: float
    kappa: float
    bad_dropped: Share95
    good_dropped: Mapping[str, Share95]


def filter_reports(
    filters: Sequence[Filter], documents: Sequence[Document], good: Sequence[bool]
) -> Iterator[FilterReport]:
    """A report for each filter, as each decides on all of the texts, and for all filters together.

    A filter's label of the language is seen by those behind it, as in curation; changed texts are not.
    """
    current, gone = list(documents), [False] * len(documents)
    for each in filters:
        dropped = [False] * len(current)
        for begin in range(0, len(current), AT_ONCE):
            batch = current[begin : begin + AT_ONCE]
            answers = each.judge(batch, Split([document.text for document in batch]))
            for place, answer in enumerate(answers, begin):
                if isinstance(answer, Label):
                    current[place] = replace(current[place], language=answer.language)
                dropped[place] = isinstance(answer, Drop)
        gone = [before or now for before, now in zip(gone, dropped, strict=True)]
        yield compared_with_labels(each.kind, documents, good, dropped)
    if len(filters) > 1:
        yield compared_with_labels("all", documents, good, gone)


def compared_with_labels(
    name: str, documents: Sequence[Document], good: Sequence[bool], dropped: Sequence[bool]
) -> FilterReport:
    """What was dropped, against what is good."""
    cells = Counter(zip(good, dropped, strict=True))
    total = max(1, len(documents))
    agreement = (cells[True, False] + cells[False, True]) / total
    goods, kept = sum(good) / total, 1 - sum(dropped) / total
    chance = goods * kept + (1 - goods) * (1 - kept)
    totals, hits = Counter[str](), Counter[str]()
    for document, is_good, is_dropped in zip(documents, good, dropped, strict=True):
        for source in ("", document.source) if is_good else ():
            totals[source] += 1
            hits[source] += is_dropped
    return FilterReport(
        name=name,
        agreement=agreement,
        kappa=(agreement - chance) / (1 - chance) if chance < 1 else 0.0,
        bad_dropped=Share95(cells[False, True], cells[False, True] + cells[False, False]),
        good_dropped={source: Share95(hits[source], totals[source]) for source in sorted(totals)},
    )
