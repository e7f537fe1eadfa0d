"""Counts of the ledger: documents and bytes collected, removed by reason, and kept."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from typing import Any

from corpora.datasheet.groups import Groups, Lengths
from corpora.ledger.ledger import Row
from corpora.ledger.query import LedgerQuery
from corpora.metadata.licence import normal
from domain.text.scorers import FalsePositives

CURATED = "action <> 'changed' AND stage <> 'collect'"  # the last rows of documents that came into curation
GROUP_NUMBERS = """
    count(*) AS documents, coalesce(sum(bytes), 0)::BIGINT AS bytes,
    count(*) FILTER (action = 'kept') AS documents_kept,
    coalesce(sum(bytes_kept) FILTER (action = 'kept'), 0)::BIGINT AS bytes_kept
"""
MASKED = re.compile(r"([\w-]+) (\d+)")  # "email 2, phone 1", as the privacy filter notes what it masked
LAST = ("decontaminate", "exact", "near", "passages", "holdout")


class LedgerCounts:
    """Counts of a ledger's rows, by SQL; memory grows with the number of groups, not of documents."""

    def __init__(self, filters: Sequence[str], ledger: LedgerQuery) -> None:
        self.order = dict.fromkeys(("collect", *filters, *LAST))
        self.sources, self.years, self.languages, self.licences = Groups(), Groups(), Groups(), Groups()
        self.reasons, self.privacy, self.harm, self.quarantined = (Groups() for _ in range(4))
        self.came, self.kept = Lengths(), Lengths()
        self.collected = Counter[str]()  # documents, bytes
        self.removed: dict[str, Counter[str]] = defaultdict(Counter)  # the same by stage
        self.ended_by_source: dict[tuple[str, str], Counter[tuple[str, str]]] = defaultdict(Counter)
        self.count_documents(ledger)
        self.count_reasons(ledger)

    def count_documents(self, ledger: LedgerQuery) -> None:
        """Count the last row of each document."""
        for row in ledger.counts("stage", "action", where="action <> 'changed'", sizes="bytes"):
            self.collected.update(sizes(row))
            if row["action"] != "kept":
                self.removed[row["stage"]].update(sizes(row))
        for row in ledger.counts("part", "source", "stage", "action", where=CURATED):
            self.ended_by_source[row["part"], row["source"]][row["stage"], row["action"]] += row["documents"]
        for row in self.grouped(ledger, "part", "source"):
            self.sources.add((row["part"], row["source"]), **numbers(row))
        for row in self.grouped(ledger, "coalesce(substr(date, 1, 4), 'undated') AS year"):
            self.years.add(row["year"], **numbers(row))
        for row in self.grouped(ledger, "language"):
            self.languages.add(row["language"] or "unknown", **numbers(row))
        for row in self.grouped(ledger, "licence"):
            self.licences.add(normal(row["licence"] or "unknown"), **numbers(row))
        for lengths, size, where in ((self.came, "bytes", CURATED), (self.kept, "bytes_kept", "action = 'kept'")):
            doubling = f"CASE WHEN coalesce({size}, 0) = 0 THEN 0 ELSE length(bin({size})) END AS digits"
            for row in ledger.counts(doubling, where=where):
                lengths.bins[min(row["digits"], len(lengths.bins) - 1)] += row["documents"]

    def grouped(self, ledger: LedgerQuery, *columns: str) -> Iterator[Row]:
        """The numbers of each group of documents, the largest group first."""
        return ledger.rows(
            f"SELECT {', '.join(columns)}, {GROUP_NUMBERS} FROM ledger WHERE {CURATED} "  # noqa: S608
            f"GROUP BY ALL ORDER BY documents DESC, {', '.join(str(1 + place) for place in range(len(columns)))}"
        )

    def count_reasons(self, ledger: LedgerQuery) -> None:
        """Count rows by their reason."""
        for row in ledger.counts("stage", "action", "reason", where="action <> 'kept'", sizes="bytes"):
            self.reasons.add((row["stage"], row["action"], row["reason"]), **sizes(row))
        for row in ledger.counts("part", "source", "stage", "reason", where="action = 'quarantined'"):
            self.quarantined.add((row["part"], row["source"], row["stage"], row["reason"]), records=row["documents"])
        for row in ledger.counts("part", "source", "action", "reason", "detail", where="stage = 'privacy'"):
            # A mask is noted as "email 2, phone 1"; a document removed for its content has the kind in its reason.
            masked = row["action"] == "changed"
            label = row["detail"] if masked else f"{row['reason'].rpartition(' ')[2]} {row['detail']}"
            counts = {kind: int(count) * row["documents"] for kind, count in MASKED.findall(label)}
            self.privacy.add((row["part"], row["source"]), **counts)
        for row in ledger.counts("part", "source", "reason", where="stage = 'harm' AND action = 'dropped'"):
            self.harm.add((row["part"], row["source"], row["reason"]), documents=row["documents"])

    def stages(self) -> list[str]:
        """All stages in order; stages that the recipe does not name come before decontamination."""
        unknown = sorted(stage for stage in self.removed if stage not in self.order)
        stages = list(self.order)
        cut = len(stages) - len(LAST)
        return [*stages[:cut], *unknown, *stages[cut:]]

    def steps(self) -> list[dict[str, Any]]:
        """{stage, documents, bytes} left after each stage at which any went; bytes as they came, but the last
        row's, which are those ``written`` after what was masked or cut.
        """
        left = Counter(self.collected)
        rows = [{"stage": "found", **left}]
        for stage in self.stages():
            if stage in self.removed:
                left.subtract(self.removed[stage])
                rows.append({"stage": stage, **left})
        remaining = self.sources.total()
        return [*rows, {"stage": "written", "documents": remaining["documents_kept"], "bytes": remaining["bytes_kept"]}]

    def harm_rates(self) -> list[dict[str, Any]]:
        """By source: documents that came as far as the harm filter, those it dropped, the rate, and ``most``: what
        the rate is at most. Of text that is known to be good, that bounds the false positives.
        """
        stages = self.stages()
        if "harm" not in stages:
            return []
        before = set(stages[: stages.index("harm")])
        dropped: dict[tuple[str, str], Counter[str]] = defaultdict(Counter)
        for row in self.harm.rows("part", "source", "reason"):
            dropped[row["part"], row["source"]][row["reason"]] += row["documents"]
        rows = []
        for of, ends in sorted(self.ended_by_source.items()):
            judged = sum(count for (stage, _), count in ends.items() if stage not in before)
            gone = dropped[of].total()
            flagged = FalsePositives(0.0, judged, gone, ())
            rates = {
                "judged": judged,
                "dropped": gone,
                "rate": round(flagged.rate, 6),
                "most": round(flagged.upper_bound, 6),
            }
            rows.append({"part": of[0], "source": of[1], **rates, "reasons": dict(sorted(dropped[of].items()))})
        return rows


def numbers(row: Row) -> dict[str, int]:
    """Documents and bytes of a group, as they came and as they are kept."""
    return {name: int(row[name]) for name in ("documents", "bytes", "documents_kept", "bytes_kept")}


def sizes(row: Row) -> dict[str, int]:
    """Documents and bytes of a group."""
    return {"documents": int(row["documents"]), "bytes": int(row["bytes"])}


def year(date: str | None) -> str:
    """The group of a date."""
    return "undated" if date is None else date[:4]
