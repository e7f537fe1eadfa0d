"""The pilots' page: every pilot is drawn, the chosen arm with its law and interval, and every arm has a row."""

from __future__ import annotations

import re
from typing import Any

from domain.page.page import PageHeader
from evals.pilots.page import page
from tests.html_reader import HOSTILE, Page

POINTS = [
    {"domain": share, "learning_rate": rate, "tokens": tokens, "bits": {"domain": 2.0 + off, "general": 1.5 - off}}
    for share, rate in ((0.5, 1e-3), (0.9, 3e-3)) for tokens, off in ((1_000, 0.4), (2_000, 0.2), (4_000, 0.1))
]  # fmt: skip
BITS = {"domain": [1.9, 1.6, 2.1], "general": [1.5, 1.3, 1.7]}
CURVE = {
    "tokens": [1_000.0, 8_000.0, 64_000.0],
    "bits": {
        "domain": [[2.4, 2.3, 2.5], [2.05, 1.9, 2.2], [1.9, 1.6, 2.1]],
        "general": [[1.1, 1.0, 1.2], [1.42, 1.3, 1.5], [1.5, 1.3, 1.7]],
    },
}
CHOICE: dict[str, Any] = {
    "chosen": {"domain": 0.9, "general": 0.1, "learning_rate": 3e-3}, "reasons": [], "points": POINTS, "curve": CURVE,
    "base": {"domain": 1.8, "general": 1.8}, "tokens": 64_000, "general_loss": 0.01,
    "arms": [
        {"domain": share, "learning_rate": rate, "bits": BITS, "general_change": [change, 0, 0], "holds": change < 0.01}
        for share, rate, change in ((0.5, 1e-3, 0.05), (0.9, 3e-3, 0.002))
    ],
}  # fmt: skip
HEADER = PageHeader(name="fed.pilot", as_of="2026-01-02", outcome="Chosen: 90% domain text")


def test_axes_have_units_and_every_pilot_is_drawn() -> None:
    html = page(CHOICE, HEADER)
    shown = Page(html)
    shown.assert_safe()
    assert {"Domain text, bits per UTF-8 byte", "General text, bits per UTF-8 byte"} < set(shown.text)
    assert shown.text.count("tokens of training (log scale)") == 2
    assert [text for text in shown.text if re.fullmatch(r"\d+k", text)] == ["1k", "2k", "4k", "64k"] * 2
    assert html.count("<circle") == 2 * len(POINTS)
    assert html.count('class="band"') == 2
    assert {"the base 1.800", "the gate, +1% 1.818"} < set(shown.text)


def test_every_arm_has_a_row() -> None:
    text = Page(page(CHOICE, HEADER)).text
    row = text.index("90% domain text, rate 0.003 (chosen)")
    assert text[row + 1 : row + 5] == ["1.900 [1.600, 2.100]", "1.500 [1.300, 1.700]", "+0.2%", "holds"]
    row = len(text) - 1 - text[::-1].index("50% domain text, rate 0.001")
    assert "fails" in text[row : row + 5]


def test_hostile_reasons_are_text() -> None:
    html = page(CHOICE, PageHeader(name=HOSTILE, as_of="2026-01-02", outcome=HOSTILE, reasons=[HOSTILE]))
    Page(html).assert_safe()
    assert "<script>" not in html
