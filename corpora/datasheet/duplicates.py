"""Duplicates: the largest groups, clusters that stayed, and sources that share texts."""

from __future__ import annotations

from typing import Any

from corpora.ledger.query import LedgerQuery

SHOWN = 10  # of the largest groups and clusters
ABSENT = "(not in this corpus)"  # who is repeated: a text of an earlier corpus
# The source of each document that others repeat, or that others are near to.
OWNERS = """
    SELECT id, min(source) AS source FROM ledger
    WHERE action <> 'changed' AND id IN (SELECT {column} FROM ledger WHERE {where}) GROUP BY id
"""


def duplicates(ledger: LedgerQuery) -> dict[str, Any]:
    """``dropped`` by stage; ``groups`` of duplicates (a kept document and what it stands for) and the ``largest``;
    ``between``: documents of a source dropped in favour of another's (or its own); ``clusters`` among the kept that
    hold more than one document, and the largest of them.
    """
    repeated = "duplicate_of IS NOT NULL"
    between = ledger.rows(f"""
        WITH owners AS ({OWNERS.format(column="duplicate_of", where=repeated)})
        SELECT ledger.source, coalesce(owners.source, '{ABSENT}') AS in_favour_of, count(*) AS documents
        FROM ledger LEFT JOIN owners ON owners.id = ledger.duplicate_of WHERE {repeated}
        GROUP BY ALL ORDER BY documents DESC, ledger.source, in_favour_of
    """)  # noqa: S608
    clusters = "SELECT cluster FROM ledger WHERE action = 'kept' GROUP BY cluster HAVING count(*) > 1"
    return {
        "dropped": {row["stage"]: row["documents"] for row in sorted_by_stage(ledger, repeated)},
        "groups": ledger.number(f"SELECT count(DISTINCT duplicate_of) FROM ledger WHERE {repeated}"),  # noqa: S608
        "largest": largest(ledger, "duplicate_of", repeated, "duplicates"),
        "between": list(between),
        "clusters": ledger.number(f"SELECT count(*) FROM ({clusters})"),  # noqa: S608
        "largest_clusters": largest(ledger, "cluster", f"action = 'kept' AND cluster IN ({clusters})", "documents"),
    }


def sorted_by_stage(ledger: LedgerQuery, where: str) -> list[dict[str, Any]]:
    """Documents by stage, in the order of the stages' names."""
    return sorted(ledger.counts("stage", where=where), key=lambda row: str(row["stage"]))


def largest(ledger: LedgerQuery, column: str, where: str, count: str) -> list[dict[str, Any]]:
    """The ids with the most rows in ``column`` that are in this corpus, with their source."""
    top = f"SELECT {column} AS id, count(*) AS n FROM ledger WHERE {where} GROUP BY 1 ORDER BY n DESC, 1 LIMIT {SHOWN}"  # noqa: S608
    return list(
        ledger.rows(f"""
            WITH top AS ({top}), owners AS ({OWNERS.format(column=column, where=where)})
            SELECT id, source, n AS {count} FROM top JOIN owners USING (id) ORDER BY n DESC, id
        """)  # noqa: S608
    )
