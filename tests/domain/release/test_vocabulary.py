from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from domain.release.decision import TokenizerReport
from domain.release.verdict import ExtensionVerdict
from domain.release.vocabulary import tokenizer_chapter

MEASURES = {
    "size": 10_192, "bytes_per_token": {"domain": 4.8, "general": 4.1},
    "compared": {"base": {"size": 8_192, "bytes_per_token": {"domain": 4.0, "general": 4.1}}},
}  # fmt: skip
VERDICT: dict[str, Any] = {
    "tokens": {
        "domain": {"kept": 1_000, "extended": 834, "saved": 0.166},
        "general": {"kept": 1_000, "extended": 992, "saved": 0.008},
    },
    "parameters": {"kept": 1_000_000, "extended": 1_100_000},
    "flops_per_token": {"kept": 100.0, "extended": 110.0},
    "flops_per_domain_text": -0.0826,
    "pilot": {"flops": 1e9, "tokens": {"kept": 10}},
    "break_even": {"trained": 5_000_000, "served": 15_000_000},
    "scores": {}, "recommended": "extend", "reasons": ["Domain text, for the same bytes: no worse."],
}  # fmt: skip


def test_a_row_for_each_tokenizer() -> None:
    lines = tokenizer_chapter(TokenizerReport(measures=MEASURES)).splitlines()
    assert lines[2:] == ["| this tokenizer | 10,192 | 4.80 | 4.10 |", "| base | 8,192 | 4.00 | 4.10 |"]
    alone = TokenizerReport(measures={"size": 300, "bytes_per_token": {"domain": 2.0, "general": None}})
    assert tokenizer_chapter(alone).splitlines()[2:] == ["| this tokenizer | 300 | 2.00 |  |"]


def test_the_verdict_in_sentences() -> None:
    text = " ".join(ExtensionVerdict.model_validate(VERDICT).sentences())
    for part in (
        "16.6% fewer tokens for domain text and 0.8% fewer", "100,000 parameters (+10.0%)", "+10.0% FLOPs a token",
        "domain text takes 8.3% fewer FLOPs in all", "5,000,000 tokens", "15,000,000 in serving", "no worse.",
        "recommend: extend.",
    ):  # fmt: skip
        assert part in text
    report = TokenizerReport.from_dict({"measures": MEASURES, "verdict": VERDICT})
    assert tokenizer_chapter(report).endswith("- The pilots recommend: extend.\n")
    assert report.to_dict() == {"measures": MEASURES, "verdict": VERDICT}


def test_what_never_pays() -> None:
    never = ExtensionVerdict.model_validate({**VERDICT, "break_even": {"trained": None, "served": None}})
    assert "never recovered" in " ".join(never.sentences())


@pytest.mark.parametrize("wrong", [{"recommended": "shrink"}, {"saved": 0.1}, {"parameters": {"kept": 1}}])
def test_a_verdict_of_another_form_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        ExtensionVerdict.model_validate({**VERDICT, **wrong})
