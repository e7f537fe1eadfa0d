from __future__ import annotations

from typing import Any

from domain.release.vocabulary import about_tokenizer, weighed

MEASURES = {
    "size": 10_192, "bytes_per_token": {"domain": 4.8, "general": 4.1},
    "compared": {"base": {"size": 8_192, "bytes_per_token": {"domain": 4.0, "general": 4.1}}},
}  # fmt: skip
VERDICT: dict[str, Any] = {
    "tokens": {"domain": {"saved": 0.166}, "general": {"saved": 0.008}},
    "parameters": {"kept": 1_000_000, "extended": 1_100_000},
    "flops_per_token": {"kept": 100.0, "extended": 110.0},
    "flops_per_domain_text": -0.0826,
    "break_even": {"trained": 5_000_000, "served": 15_000_000},
    "recommended": "extend", "reasons": ["Domain text, for the same bytes: no worse."],
}  # fmt: skip


def test_a_row_for_each_tokenizer() -> None:
    lines = about_tokenizer({"measures": MEASURES, "verdict": None}).splitlines()
    assert lines[2:] == ["| this tokenizer | 10,192 | 4.80 | 4.10 |", "| base | 8,192 | 4.00 | 4.10 |"]
    alone = {"measures": {"size": 300, "bytes_per_token": {"domain": 2.0, "general": None}}, "verdict": None}
    assert about_tokenizer(alone).splitlines()[2:] == ["| this tokenizer | 300 | 2.00 |  |"]


def test_the_verdict_in_sentences() -> None:
    told = " ".join(weighed(VERDICT))
    for said in (
        "16.6% fewer tokens for domain text, 0.8%", "100,000 parameters (+10.0%)", "+10.0% FLOPs a token",
        "a domain text costs -8.3%", "5,000,000 tokens", "15,000,000 in serving", "no worse.", "to extend.",
    ):  # fmt: skip
        assert said in told
    assert "- By the pilot" in about_tokenizer({"measures": MEASURES, "verdict": VERDICT})


def test_what_never_pays() -> None:
    told = " ".join(weighed({**VERDICT, "break_even": {"trained": None, "served": None}}))
    assert "It never pays" in told
