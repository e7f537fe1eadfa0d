"""The tokenizer on the card and the scorecard page: vocabulary size and bytes per token, beside other tokenizers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from domain.artifacts import PARTS
from domain.release.decision import TokenizerReport
from domain.release.markdown import escape, table


def measure_rows(measures: Mapping[str, Any]) -> list[tuple[str, str, str, str]]:
    """Name, vocabulary size, and bytes per token of domain and general text, of this tokenizer and others."""
    rows = []
    for name, each in {"this tokenizer": measures, **measures.get("compared", {})}.items():
        domain, general = (each["bytes_per_token"].get(part) for part in PARTS)
        ratios = ("" if ratio is None else f"{ratio:.2f}" for ratio in (domain, general))
        rows.append((name, f"{each['size']:,}", *ratios))
    return rows


def tokenizer_chapter(report: TokenizerReport) -> str:
    """The card's chapter as Markdown: the measurements, then the verdict of the pilots, if any."""
    rows = [(escape(name), *values) for name, *values in measure_rows(report.measures)]
    sentences = report.verdict.sentences() if report.verdict else []
    verdict = "".join(f"- {sentence}\n" for sentence in sentences)
    measures = table(["tokenizer", "vocabulary", "bytes per token, domain", "general"], rows)
    return measures + (f"\n{verdict}" if verdict else "")
