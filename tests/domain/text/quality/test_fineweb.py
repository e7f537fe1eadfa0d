from __future__ import annotations

import pytest

from domain.text.quality.counts import Counts
from domain.text.quality.fineweb import FineWebRules, judge
from domain.text.quality.violation import Violation
from domain.text.words import Split

LONG = "a line of more than thirty characters stands here"


def first(text: str, language: str = "en", **rules: object) -> Violation | None:
    split = Split([text])
    return judge(split, Counts.of(split), [language], FineWebRules.model_validate(rules))[0]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (f"{LONG}.", None),
        ("", Violation("no lines", 0)),
        (f"{LONG}\n" * 9 + f"{LONG} and here.", Violation("lines without an end", 0.1)),
        (f"one.\ntwo.\nthree.\n{LONG}.", Violation("short lines", 0.75)),
        (f"{LONG} a.\n{LONG}.\n{LONG}.", Violation("repeated line characters", 50 / 152)),
        (f"{LONG}.\n\n\n\n\n\n\n", Violation("list", 7 / 9)),
    ],
)
def test_each_rule_catches_what_it_is_for(text: str, found: Violation | None) -> None:
    assert first(text) == found


def test_a_short_line_of_a_script_without_spaces_is_a_sentence() -> None:
    chinese = "央行下调存款准备金率。\n市场反应积极。\n债券收益率下行。\n分析师预计政策将继续宽松。"
    assert first(chinese, "zh") is None
    assert first(chinese.replace("。", ""), "zh") == Violation("lines without an end", 0)
