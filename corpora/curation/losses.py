"""Which sources lost much to one step, and why, so that a filter that does not suit a source is noticed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path

from corpora.document import Document
from corpora.filters.filter import Drop, Filter
from corpora.ledger.ledger import Row
from corpora.ledger.query import LedgerQuery
from corpora.ledger.samples import excerpt, excerpts
from domain.errors import UserError
from domain.text.words import Split

FILTERED, NEAR = 1 / 3, 1 / 2  # shares of a source, in documents or bytes, above which it is told
SAMPLES = 3


def losses(ledger: LedgerQuery, filters: Collection[str]) -> list[Row]:
    """Each filter that took more than a third of a source, and near duplicates where they were more than half.

    A row has ``part``, ``source``, ``stage``, ``documents`` and ``bytes`` that went, ``share`` (the larger of both) and
    ``reasons``, the documents by reason, most first.
    """
    came, gone = Counter[tuple[str, str]](), Counter[tuple[str, str, str]]()
    came_bytes, gone_bytes = came.copy(), gone.copy()
    reasons: dict[tuple[str, str, str], dict[str, int]] = {}
    where = "action <> 'changed' AND stage <> 'collect'"
    for row in ledger.counts("part", "source", "stage", "action", "reason", where=where, sizes="bytes"):
        of = (row["part"], row["source"])
        came[of] += row["documents"]
        came_bytes[of] += row["bytes"]
        if row["action"] == "dropped" and (row["stage"] in filters or row["stage"] == "near"):
            step = (*of, row["stage"])
            gone[step] += row["documents"]
            gone_bytes[step] += row["bytes"]
            reasons.setdefault(step, {})[row["reason"]] = row["documents"]
    rows = []
    for part, source, stage in sorted(gone):
        step, of = (part, source, stage), (part, source)
        share = max(gone[step] / came[of], gone_bytes[step] / max(1, came_bytes[of]))
        if share > (NEAR if stage == "near" else FILTERED):
            numbers = {"documents": gone[step], "bytes": gone_bytes[step], "share": round(share, 4)}
            rows.append({"part": part, "source": source, "stage": stage, **numbers, "reasons": reasons[step]})
    return rows


def sentence(loss: Row) -> str:
    """A loss in one sentence."""
    documents = f"{loss['documents']:,} {'document' if loss['documents'] == 1 else 'documents'}"
    reasons = ", ".join(f"{reason} {count:,}" for reason, count in list(loss["reasons"].items())[:3])
    what = "near duplicates are" if loss["stage"] == "near" else f"the filter {loss['stage']} takes"
    return f"{loss['source']} ({loss['part']}): {what} {loss['share']:.0%} of it ({documents}: {reasons})"


def sampled(loss: Row, ledger: LedgerQuery, raw: Path) -> list[str]:
    """How three of the documents that went begin, masked."""
    query = (
        "SELECT id, shard FROM ledger WHERE action = 'dropped' AND part = ? AND source = ? AND stage = ? "
        "ORDER BY md5(id) LIMIT ?"
    )
    rows = list(ledger.rows(query, (loss["part"], loss["source"], loss["stage"], SAMPLES)))
    texts = excerpts(raw, rows)
    return [texts[row["id"]] for row in rows if row["id"] in texts]


def lines(loss: Row, ledger: LedgerQuery, raw: Path) -> Iterator[str]:
    """A loss, its samples, and what may be done about it."""
    yield sentence(loss)
    for text in sampled(loss, ledger, raw):
        yield f"  for instance: {text}"
    yield f"  {advice_on(loss)}"


def advice_on(loss: Row) -> str:
    """What a recipe can say instead."""
    if loss["stage"] == "near":
        return "if these are texts of their own, such as letters of one template, write near: false at the source"
    return "if this text is good, write filters of its own at the source, such as filters: documents"


def refuse_losses(rows: list[Row], most: float, ledger: LedgerQuery, raw: Path) -> None:
    """Raise a ``UserError`` for the first filter that took more than ``most`` of a source."""
    for loss in rows:
        if loss["stage"] != "near" and loss["share"] > most:
            examples = "; ".join(sampled(loss, ledger, raw))
            fix = f"{advice_on(loss)}, or raise corpus.max_filtered above {most:g}"
            raise UserError(f"corpus.{loss['part']}", f"{sentence(loss)}; for instance: {examples}", fix)


def foreseen(part: str, source: str, documents: Sequence[Document], filters: Sequence[Filter]) -> Iterator[str]:
    """A sentence for each filter that would take more than a third of these documents, with three masked samples.

    Models and a team's own filters are not asked: they may take long.
    """
    staying = list(documents)
    for each in filters:
        if each.patience > 1 or not staying:
            continue
        answers = each.judge(staying, Split([document.text for document in staying]))
        gone = [(n, answer.reason) for n, answer in enumerate(answers) if isinstance(answer, Drop)]
        size = sum(len(staying[n].text.encode()) for n, _ in gone)
        whole = sum(len(document.text.encode()) for document in documents)
        share = max(len(gone) / len(documents), size / max(1, whole))
        if share > FILTERED:
            numbers = {"documents": len(gone), "bytes": size, "share": share}
            reasons = dict(Counter(reason for _, reason in gone).most_common())
            loss = {"part": part, "source": source, "stage": each.kind, **numbers, "reasons": reasons}
            examples = "; ".join(excerpt(staying[n].text) for n, _ in gone[:SAMPLES])
            yield f"of its first {len(documents):,}, {sentence(loss)}; for instance: {examples}"
        dropped = {n for n, _ in gone}
        staying = [document for n, document in enumerate(staying) if n not in dropped]
