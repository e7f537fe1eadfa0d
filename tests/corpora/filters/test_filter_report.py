"""Agreement, kappa and false positives by source, by hand."""

from __future__ import annotations

import pytest

from corpora.document import Document
from corpora.filters.filter import Drop, Filter, FilterAnswer, Label
from corpora.filters.filter_report import Share95, filter_reports
from domain.text.words import Split


class Marked(Filter):
    """Drops what has a word in its text, and calls everything French."""

    kind: str = "marked"
    word: str

    def judge(self, documents: list[Document], split: Split) -> list[FilterAnswer]:  # type: ignore[override]
        """As above."""
        return [Drop("marked") if self.word in document.text else Label("fr", 1.0) for document in documents]


class NotFrench(Filter):
    """Drops what is not known to be French."""

    kind: str = "not french"

    def judge(self, documents: list[Document], split: Split) -> list[FilterAnswer]:  # type: ignore[override]
        """As above."""
        return [None if document.language == "fr" else Drop("not french") for document in documents]


# Of 20 texts 12 are good. The filter keeps 10 of these and drops 5 of 8 bad ones.
TEXTS = ["", *[""] * 9, "x", "x", "x", "x", "x", "x", "x", "", "", ""]
GOOD = [True] * 12 + [False] * 8


def documents() -> list[Document]:
    return [Document(id=str(i), text=text, source="a" if i % 2 else "b") for i, text in enumerate(TEXTS)]


def test_a_filter_against_labels() -> None:
    (report,) = filter_reports([Marked(word="x")], documents(), GOOD)
    assert report.agreement == 15 / 20
    # By chance: 12/20 good and 13/20 kept, 8/20 bad and 7/20 dropped.
    chance = 12 / 20 * 13 / 20 + 8 / 20 * 7 / 20
    assert report.kappa == pytest.approx((0.75 - chance) / (1 - chance))
    assert (report.bad_dropped.hits, report.bad_dropped.total) == (5, 8)
    shares = {source: (share.hits, share.total) for source, share in report.good_dropped.items()}
    assert shares == {"": (2, 12), "a": (1, 6), "b": (1, 6)}


def test_all_filters_together_and_the_language_that_one_finds() -> None:
    reports = list(filter_reports([Marked(word="x"), NotFrench()], documents(), GOOD))
    assert [each.name for each in reports] == ["marked", "not french", "all"]
    assert reports[0].agreement == reports[1].agreement == reports[2].agreement


@pytest.mark.parametrize(
    ("hits", "total", "low", "high"),
    [(0, 10, 0.0, 0.2775), (10, 10, 0.7225, 1.0), (81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605)],
)
def test_the_interval_of_a_share(hits: int, total: int, low: float, high: float) -> None:
    """The last two rows: Newcombe 1998, Statistics in Medicine 17, table I, method 3."""
    assert Share95(hits, total).interval == pytest.approx((low, high), abs=1e-4)


def test_no_share() -> None:
    assert Share95(0, 0).interval == (0.0, 1.0)
    assert str(Share95(1, 10)) == "10.0% (1.8% to 40.4%) of 10"
