from __future__ import annotations

import re
from html.parser import HTMLParser
from typing import Any

from domain.release.decision import TokenizerReport
from evals.page.scorecard import page
from evals.scorecard import ScorecardContent, ScoredPart

ARMS = {"base": 2.5, "control": 2.4, "adapted": 2.0}
GROUP = {**ARMS, "documents": 1_234, "bytes": 56_000}
SCORE = {
    **ARMS, "change": -0.2, "interval": [-0.21, -0.19], "change_from_control": -1 / 6,
    "interval_from_control": [-0.175, -0.155], "units": 60, "documents": 70, "bytes": 90_000,
    "sources": {"<script>alert(1)</script> & co": GROUP}, "years": {str(year): GROUP for year in range(1993, 2026)},
}  # fmt: skip


def drawn(**parts: dict[str, Any]) -> str:
    report = TokenizerReport(measures={"size": 300, "bytes_per_token": {"domain": 3.0}}, verdict=None)
    return page(
        ScorecardContent(parts={part: ScoredPart.from_dict(score) for part, score in parts.items()}, tokenizer=report)
    )


class Reader(HTMLParser):
    """Collects text, and checks that every tag is closed in its turn."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: list[str] = []

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        if tag not in ("meta", "rect"):
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: Any) -> None:
        pass

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.seen.append(data)


def read(html: str) -> list[str]:
    reader = Reader()
    reader.feed(html)
    assert reader.open == []
    return reader.seen


def test_it_is_whole_and_needs_nothing_else() -> None:
    html = drawn(domain=SCORE, general=SCORE)
    seen = read(html)
    assert "Domain text" in seen
    assert "General text" in seen
    assert "http" not in html
    assert "src=" not in html
    assert drawn(domain=SCORE, general=SCORE) == html


def test_numbers_stand_beside_their_names() -> None:
    seen = read(drawn(domain=SCORE))
    row = seen.index("adapted against control")
    assert seen[row : row + 3] == ["adapted against control", "-16.7%", "-17.5% to -15.5%"]
    year = seen.index("1993")
    assert seen[year : year + 6] == ["1993", "1,234", "56", "2.500", "2.400", "2.000"]
    assert "70 documents in 60 clusters, 0.09 MB." in seen


def test_bars_are_in_proportion() -> None:
    widths = [float(width) for width in re.findall(r'<rect[^>]* width="([0-9.]+)"', drawn(domain=SCORE))]
    assert [round(width / widths[0], 2) for width in widths] == [1.0, 0.96, 0.8]


def test_names_from_outside_are_text() -> None:
    html = drawn(domain=SCORE)
    assert "<script>" not in html
    assert "<script>alert(1)</script> & co" in read(html)


def test_a_further_baseline_is_shown_beside_the_three() -> None:
    more = {**SCORE, "rag": 2.2, "sources": {"a": {**GROUP, "rag": 2.25}}, "years": {}}
    seen = read(drawn(domain=more))
    assert seen[seen.index("a") : seen.index("a") + 7] == ["a", "1,234", "56", "2.500", "2.400", "2.000", "2.250"]
    assert "rag" in seen
    assert "year" not in seen


def test_few_clusters_are_shown_as_such() -> None:
    few = "70 documents in 29 clusters, 0.09 MB. Fewer than 30 clusters: shown, not judged."
    assert few in read(drawn(domain={**SCORE, "units": 29}))
