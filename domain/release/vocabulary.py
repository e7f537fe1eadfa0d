"""What card and scorecard page say of the tokenizer: its size and bytes per token, beside those of others."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from domain.artifacts import PARTS
from domain.release.decision import TokenizerReport


def measure_rows(measures: Mapping[str, Any]) -> list[tuple[str, str, str, str]]:
    """Name, pieces, and bytes per token of domain and general text, of this tokenizer and each one compared with it."""
    rows = []
    for name, each in {"this tokenizer": measures, **measures.get("compared", {})}.items():
        domain, general = (each["bytes_per_token"].get(part) for part in PARTS)
        ratios = ("" if ratio is None else f"{ratio:.2f}" for ratio in (domain, general))
        rows.append((name, f"{each['size']:,}", *ratios))
    return rows


def tokenizer_chapter(report: TokenizerReport) -> str:
    """The card's chapter as Markdown: the measures, then the verdict of the pilots, if there were any."""
    lines = ["| tokenizer | pieces | bytes per token, domain | general |", "| --- | ---: | ---: | ---: |"]
    lines += [f"| {' | '.join(row)} |" for row in measure_rows(report.measures)]
    sentences = report.verdict.sentences() if report.verdict else []
    verdict = "".join(f"- {sentence}\n" for sentence in sentences)
    return "\n".join(lines) + "\n" + (f"\n{verdict}" if verdict else "")
