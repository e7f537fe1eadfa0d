"""The scorecard page: numbers beside their names, curves, the decision, and hostile names as text."""

from __future__ import annotations

import re
from typing import Any

from domain.page.page import PageHeader
from domain.release.decision import TokenizerReport
from evals.page.scorecard import page
from evals.scorecard import ScorecardContent, ScoredPart
from tests.html_reader import HOSTILE, Page

MODELS = {"base": 2.5, "control": 2.4, "adapted": 2.0}
GROUP = {**MODELS, "documents": 1_234, "bytes": 56_000}
NEW = {
    **MODELS, "change": -0.2, "interval": [-0.22, -0.18], "change_from_control": -0.15,
    "interval_from_control": [-0.16, -0.14], "units": 50, "documents": 58, "bytes": 80_000,
}  # fmt: skip
OVERLAP = {
    "words": 13, "sources": {"calls": {"documents": 54, "ngrams": 9_007, "in_training": 811},
                             "speeches": {"documents": 16, "ngrams": 993, "in_training": 89}},
    "new_text": [{"max_share": 0.1, "score": NEW}, {"max_share": 0.0, "score": None}],
}  # fmt: skip
SCORE = {
    **MODELS, "change": -0.2, "interval": [-0.21, -0.19], "change_from_control": -1 / 6,
    "interval_from_control": [-0.175, -0.155], "units": 60, "documents": 70, "bytes": 90_000,
    "overlap": OVERLAP, "sources": {HOSTILE: GROUP}, "years": {str(year): GROUP for year in range(1993, 2026)},
}  # fmt: skip
HEADER = PageHeader(
    name="fed", as_of="2026-01-02", state="released", outcome="Released", reasons=["Domain text: holds."],
    rows=[("Base", "org/model")], links={"datasheet.html": "Data sheet"},
)  # fmt: skip
LOG = [
    {"step": step, "tokens": 1_000 * step, "loss": 5.0 - step / 10}
    | ({"validation_domain": 3.0 - step / 20} if step % 5 == 0 else {})
    for step in range(1, 11)
]


def drawn(header: PageHeader = HEADER, training: Any = None, **parts: dict[str, Any]) -> str:
    report = TokenizerReport(measures={"size": 300, "bytes_per_token": {"domain": 3.0}}, verdict=None)
    records = {part: ScoredPart.from_dict(score) for part, score in parts.items()}
    return page(ScorecardContent(parts=records, tokenizer=report), header, training)


def test_it_is_whole_and_needs_nothing_else() -> None:
    html = drawn(domain=SCORE, general=SCORE)
    shown = Page(html)
    shown.assert_safe()
    assert {"Domain text", "General text"} < set(shown.text)
    assert "http" not in html.replace("http-equiv", "")
    assert drawn(domain=SCORE, general=SCORE) == html


def test_it_opens_with_the_run_and_its_decision() -> None:
    shown = Page(drawn(domain=SCORE))
    opening = shown.text[: shown.text.index("Domain text")]
    for each in ("fed", "as of 2026-01-02", "Released", "Domain text: holds.", "Base", "org/model", "Data sheet"):
        assert each in opening
    assert shown.links == ["datasheet.html"]


def test_a_refused_run_does_not_look_like_a_released_one() -> None:
    refused = PageHeader(name="fed", as_of="2026-01-02", state="refused", outcome="Not released")
    html = drawn(refused, domain=SCORE)
    assert '<body class="refused">' in html
    assert '<body class="released">' in drawn(domain=SCORE)
    assert "Not released" in Page(html).text
    assert "Released" not in Page(html).text


def test_numbers_stand_beside_their_names() -> None:
    text = Page(drawn(domain=SCORE)).text
    row = text.index("adapted against control")
    assert text[row : row + 3] == ["adapted against control", "-16.7%", "-17.5% to -15.5%"]
    year = text.index("1993")
    assert text[year : year + 6] == ["1993", "1,234", "56 kB", "2.500", "2.400", "2.000"]
    assert "70 documents in 60 clusters, 90 kB." in text


def test_what_of_the_test_text_was_trained_on_stands_beside_the_gain_without_it() -> None:
    text = Page(drawn(domain=SCORE)).text
    assert any(each.startswith("9.0% of the word 13-grams of these documents also stand in") for each in text)
    row = text.index("calls")
    assert text[row : row + 15] == [
        "calls", "54", "9,007", "811", "9.0%", "speeches", "16", "993", "89", "9.0%",
        "all", "70", "10,000", "900", "9.0%",
    ]  # fmt: skip
    row = text.index("of a document in training text")
    assert text[row + 9 : row + 36] == [
        "all", "70", "60", "90 kB", "2.500", "2.400", "2.000", "-16.7% [-17.5%, -15.5%]",
        "-20.0% [-21.0%, -19.0%]",
        "at most 10%", "58", "50", "80 kB", "2.500", "2.400", "2.000", "-15.0% [-16.0%, -14.0%]",
        "-20.0% [-22.0%, -18.0%]",
        "none", "0", *["–"] * 7,
    ]  # fmt: skip


def test_bars_are_in_proportion() -> None:
    widths = [float(width) for width in re.findall(r'<rect[^>]* width="([0-9.]+)%"', drawn(domain=SCORE))]
    assert [round(width / widths[0], 2) for width in widths] == [1.0, 0.96, 0.8]


def test_hostile_names_are_text() -> None:
    header = PageHeader(name=HOSTILE, as_of=HOSTILE, outcome=HOSTILE, rows=[(HOSTILE, HOSTILE)])
    html = drawn(header, domain=SCORE)
    Page(html).assert_safe()
    assert "<script>" not in html
    assert any("<script>alert(1)</script>" in text for text in Page(html).text)


def test_a_further_baseline_is_shown_beside_the_three() -> None:
    more = {**SCORE, "rag": 2.2, "sources": {"a": {**GROUP, "rag": 2.25}}, "years": {}}
    text = Page(drawn(domain=more)).text
    assert text[text.index("a") : text.index("a") + 7] == ["a", "1,234", "56 kB", "2.500", "2.400", "2.000", "2.250"]
    assert "rag" in text
    assert "year" not in text


def test_a_part_with_few_clusters_says_that_its_gate_was_not_tested() -> None:
    few = "Fewer than 30 clusters: the gate on this text was not tested."
    assert few in Page(drawn(domain={**SCORE, "units": 29})).text
    assert few not in Page(drawn(domain=SCORE)).text


def test_loss_curves_have_a_line_for_each_model() -> None:
    html = drawn(training={"base": [], "adapted": LOG, "control": LOG[:5]}, domain=SCORE)
    assert re.findall(r"<h4>(.*?)</h4>", html) == [
        "Training loss, nats per token", "Validation loss, domain text, bits per byte",
    ]  # fmt: skip
    first, second = html.split("<h4>")[1:]
    assert re.findall(r'<path class="line (\w+)"', first) == ["adapted", "control"]
    assert second.count("<circle") == 3  # two validations of the adapted model, one of the control
    assert re.findall(r">(\d+k)<", first)[-1] == "10k"
    assert "Training loss" not in drawn(training={"base": []}, domain=SCORE)
