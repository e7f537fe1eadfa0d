"""Counts everything on the data sheet in a few passes with bounded memory."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field

from corpora.curation.losses import sampled
from corpora.datasheet.duplicates import duplicates
from corpora.datasheet.groups import MOST_GROUPS, bins
from corpora.datasheet.ledger_counts import LedgerCounts
from corpora.datasheet.token_counts import count_tokens
from corpora.ledger.ledger import LEDGER, Row
from corpora.ledger.query import LedgerQuery, open_ledger
from corpora.ledger.samples import excerpt, excerpts
from domain.artifacts import Corpus, Datasheet, Raw, Tokens
from domain.jsonlines import read_lines
from domain.machine import Machine
from domain.manifest import SCRATCH, write_json
from domain.spec import Spec
from domain.stage import stage

OF = ("part", "source")
LARGEST_GROUPS = 20  # languages and licences in the facts
NUMBERS = ("documents", "bytes", "documents_kept", "bytes_kept", "tokens")


class Description(Spec):
    """Settings of the data sheet."""

    samples: Annotated[int, Field(ge=1, le=1_000, description="removed documents shown for each reason")] = 3


@stage("describe", makes=Datasheet, version=7)
def describe(
    spec: Description, raw: Raw, corpus: Corpus, tokens: Tokens, *, out: Path, machine: Machine
) -> dict[str, Any]:
    """Raw, corpus, tokens -> Datasheet: ``datasheet.json``.

    facts: ``documents``, ``bytes`` (UTF-8, as collected), ``documents_kept``, ``bytes_kept``, ``tokens`` (of train and
    validation), ``retention`` (bytes kept of bytes collected), and bytes kept by ``languages`` and ``licences``.
    """
    (out / SCRATCH).mkdir(exist_ok=True)
    with open_ledger(corpus.path / LEDGER, out / SCRATCH) as ledger:
        filled = sheet(spec, raw, corpus, tokens, ledger)
    write_json(out / "datasheet.json", filled)
    return {**filled["total"], **{f"{kind}s": kept_by(kind, filled[f"{kind}s"]) for kind in ("language", "licence")}}


def kept_by(kind: str, rows: Sequence[dict[str, Any]]) -> dict[str, int]:
    """Bytes kept of the groups with the most."""
    largest = sorted(rows, key=lambda row: (-row["bytes_kept"], row[kind]))[:LARGEST_GROUPS]
    return {row[kind]: row["bytes_kept"] for row in largest if row["bytes_kept"]}


def sheet(spec: Description, raw: Raw, corpus: Corpus, tokens: Tokens, ledger: LedgerQuery) -> dict[str, Any]:
    """The content of the data sheet as JSON."""
    spec_of = corpus.manifest["spec"] or {}
    listed = [spec_of.get("filters", []), *spec_of.get("source_filters", {}).values()]
    filters = list(dict.fromkeys(str(each["kind"]) for each in chain.from_iterable(listed)))
    tally = LedgerCounts(filters, ledger)
    lengths, mentions = count_tokens(corpus, tokens, tally)
    return {
        "made_from": {"raw": raw.digest, "corpus": corpus.digest, "tokens": tokens.digest},
        "total": total(tally),
        "steps": tally.steps(),
        "sources": [rates(row) for row in tally.sources.rows(*OF)],
        "collected": [collected(row) for row in read_lines(raw.path / "sources.jsonl")],
        "years": [rates(row) for row in tally.years.rows("year")],
        "languages": [rates(row) for row in tally.languages.rows("language", by=lambda row: -row.get("bytes", 0))],
        "licences": [rates(row) for row in tally.licences.rows("licence", by=lambda row: -row.get("bytes", 0))],
        "losses": [{**loss, "samples": sampled(loss, ledger, raw.path)} for loss in corpus.facts.get("losses", [])],
        "reasons": reasons(tally, raw, ledger, spec.samples),
        "duplicates": duplicates(ledger),
        "privacy": [detected(row) for row in tally.privacy.rows(*OF)],
        "harm": tally.harm_rates(),
        "mentions": mentions,
        "bytes_by_length": bins(came=tally.came, kept=tally.kept),
        "tokens_by_length": bins(kept=lengths),
        "contamination": [{"task": task, **counts} for task, counts in sorted(corpus.facts.get("tasks", {}).items())],
        "test_overlap": corpus.facts.get("test_overlap", {}).get("test", []),
        "let_be": corpus.facts.get("let_be", {}).get("largest", []),
        "earlier": corpus.facts.get("earlier"),
        "quarantined": tally.quarantined.rows(*OF, "stage", "reason"),
    }


def collected(row: dict[str, Any]) -> dict[str, Any]:
    """Of a source: who states the licences of its documents, and how many of its dates cannot be read."""
    return {name: row[name] for name in (*OF, "licences_stated_by", "undated", "first_undated")}


def total(tally: LedgerCounts) -> dict[str, Any]:
    """The numbers of all text, and the share of bytes kept."""
    numbers = tally.sources.total()
    return rates({name: numbers[name] for name in NUMBERS})


def rates(row: dict[str, Any]) -> dict[str, Any]:
    """A row with all its numbers, zeros too, and ``retention``: bytes kept of bytes collected, null without any."""
    numbers = {name: row.get(name, 0) for name in NUMBERS}
    share = round(numbers["bytes_kept"] / numbers["bytes"], 6) if numbers["bytes"] else None
    return {**row, **numbers, "retention": share}


def reasons(tally: LedgerCounts, raw: Raw, ledger: LedgerQuery, samples: int) -> list[dict[str, Any]]:
    """A row for each stage, action and reason in the order of stages, the largest first, with samples of what went."""
    order = {stage: place for place, stage in enumerate(tally.stages())}
    rows = tally.reasons.rows("stage", "action", "reason")
    rows.sort(key=lambda row: (order.get(row["stage"], len(order)), -row["documents"]))
    sampled = samples_of(ledger, samples)
    texts = excerpts(raw.path, (row for each in sampled.values() for row in each))
    for row in rows:
        row["samples"] = [
            {
                **{name: one[name] for name in ("id", "source", "duplicate_of")},
                "detail": excerpt(one["detail"]),  # a team's own filter may quote the text
                "text": texts.get(one["id"]),
            }
            for one in sampled.get((row["stage"], row["reason"]), ())
            if row["action"] == "dropped"
        ]
    return rows


def samples_of(ledger: LedgerQuery, count: int) -> dict[tuple[str, str], list[Row]]:
    """By stage and reason ``count`` rows of dropped documents, drawn by the hash of their ids, so alike every time."""
    rows = ledger.rows(
        """
        WITH largest AS (
            SELECT stage, reason FROM ledger WHERE action = 'dropped'
            GROUP BY ALL ORDER BY count(*) DESC, stage, reason LIMIT ?
        )
        SELECT stage, reason, min_by(
            {'id': id, 'source': source, 'duplicate_of': duplicate_of, 'detail': detail, 'shard': shard}, md5(id), ?
        ) AS samples
        FROM ledger JOIN largest USING (stage, reason) WHERE action = 'dropped' GROUP BY ALL
        """,
        (MOST_GROUPS, count),
    )
    return {(row["stage"], row["reason"]): row["samples"] for row in rows}


def detected(row: dict[str, Any]) -> dict[str, Any]:
    """Matches by kind, apart from part and source."""
    return {**{name: row[name] for name in OF}, "found": {key: row[key] for key in sorted(row) if key not in OF}}
