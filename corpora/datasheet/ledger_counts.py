"""Counts of the ledger in one pass: documents and bytes collected, removed by reason, and kept."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from typing import Any

from corpora.datasheet.groups import Groups, Lengths
from corpora.ledger import Row
from corpora.licence import normal
from corpora.samples import drawn
from domain.text.harm import FalsePositives

MASKED = re.compile(r"([\w-]+) (\d+)")  # "email 2, phone 1", as the privacy filter notes what it masked
LAST = ("decontaminate", "exact", "near", "passages", "holdout")


class LedgerCounts:
    """Counts of the rows read so far; memory grows with the number of groups, not of documents."""

    def __init__(self, filters: Sequence[str], samples: int) -> None:
        self.order = dict.fromkeys(("collect", *filters, *LAST))
        self.samples = samples
        self.sources, self.years, self.languages, self.licences = Groups(), Groups(), Groups(), Groups()
        self.ended: dict[str, Counter[str]] = defaultdict(Counter)  # by stage: documents, bytes
        self.ended_by_source: dict[tuple[str, str], Counter[tuple[str, str]]] = defaultdict(Counter)
        self.reasons, self.privacy, self.harm, self.quarantined = (Groups() for _ in range(4))
        self.chosen: dict[tuple[str, ...], list[Row]] = defaultdict(list)
        self.came, self.kept = Lengths(), Lengths()

    def read(self, rows: Iterable[Row]) -> None:
        """Count the rows of a ledger."""
        for row in rows:
            self.count_reason(row)
            if row["action"] != "changed":
                self.count_fate(row)

    def count_fate(self, row: Row) -> None:
        """Count a document's last row."""
        of, size, stays = (row["part"], row["source"]), row["bytes"] or 0, row["action"] == "kept"
        self.ended[row["stage"]].update(documents=1, bytes=size)
        if row["stage"] == "collect":
            return
        self.came.add(size)
        numbers = {"documents": 1, "bytes": size}
        if stays:
            self.kept.add(row["bytes_kept"])
            numbers |= {"documents_kept": 1, "bytes_kept": row["bytes_kept"]}
        self.sources.add(of, **numbers)
        self.years.add(year(row["date"]), **numbers)
        self.languages.add(row["language"] or "unknown", **numbers)
        self.licences.add(normal(row["licence"] or "unknown"), **numbers)
        self.ended_by_source[of][row["stage"], row["action"]] += 1

    def count_reason(self, row: Row) -> None:
        """Count any row by its reason."""
        of, stage, action, reason = (row["part"], row["source"]), row["stage"], row["action"], row["reason"]
        if action == "kept":
            return
        self.reasons.add((stage, action, reason), documents=1, bytes=row["bytes"] or 0)
        if action == "quarantined":
            self.quarantined.add((*of, stage, reason), records=1)
        if stage == "privacy":
            # A mask is noted as "email 2, phone 1"; a document removed for its content has the kind in its reason.
            label = row["detail"] if action == "changed" else f"{reason.rpartition(' ')[2]} {row['detail']}"
            self.privacy.add(of, **{kind: int(count) for kind, count in MASKED.findall(label)})
        elif stage == "harm" and action == "dropped":
            self.harm.add((*of, reason), documents=1)
        if action == "dropped" and (key := (stage, action, reason)) in self.reasons.counts:
            self.chosen[key].append(row)
            if len(self.chosen[key]) >= 10 * self.samples:
                self.chosen[key] = drawn(self.chosen[key], self.samples)

    def samples_of(self, stage: str, action: str, reason: str) -> list[Row]:
        """The sampled rows of a reason."""
        return drawn(self.chosen.get((stage, action, reason), ()), self.samples)

    def stages(self) -> list[str]:
        """All stages in order; stages that the recipe does not name come before decontamination."""
        unknown = [stage for stage in self.ended if stage not in self.order]
        stages = list(self.order)
        cut = len(stages) - len(LAST)
        return [*stages[:cut], *unknown, *stages[cut:]]

    def steps(self) -> list[dict[str, Any]]:
        """{stage, documents, bytes} left after each stage at which any went; bytes as they came, but the last
        row's, which are those ``written`` after what was masked or cut.
        """
        left = Counter[str]()
        for numbers in self.ended.values():
            left.update(numbers)
        rows = [{"stage": "found", **left}]
        for stage in self.stages():
            if stage in self.ended and stage != "holdout":
                left.subtract(self.ended[stage])
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


def year(date: str | None) -> str:
    """The group of a date."""
    return "undated" if date is None else date[:4]
