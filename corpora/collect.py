"""Sources -> Raw: what was there on a day, with its inventory; licences are settled here or the run stops."""

from __future__ import annotations

import hashlib
import logging
from collections import Counter
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Annotated, Any, BinaryIO

from pydantic import AfterValidator, Field

from corpora.document import Document, Empty, Quarantined
from corpora.metadata.licence import Licences
from corpora.metadata.unread_dates import UnreadDates
from corpora.sources import AnySource
from corpora.sources.source import Source
from corpora.withdrawal.withdraw import Withdrawals
from domain.artifacts import Raw
from domain.errors import UserError
from domain.jsonlines import line, write_lines
from domain.machine import Machine
from domain.progress import progress
from domain.spec import Share, Spec
from domain.stage import stage
from domain.url_secrets import shown

logger = logging.getLogger(__name__)
SHARD_BYTES = 4_000_000  # of text; a worker's task, so it never depends on how many workers there are
# What gives no document, with what its row of quarantine.jsonl says.
LEFT_OUT = {"empty": "no text", "later": "dated after the day", "withdrawn": "withdrawn", "quarantined": ""}


def some(sources: tuple[AnySource, ...]) -> tuple[AnySource, ...]:
    """Refuse an empty list; asked only once every source in it holds, so that one error is told once."""
    if not sources:
        raise ValueError("holds no source; add one, such as {kind: files, path: ...}")
    return sources


Sources = Annotated[tuple[AnySource, ...], AfterValidator(some)]


class Collection(Spec):
    """What is collected, and under which licences."""

    domain: Annotated[Sources, Field(description="sources of the field's own text")]
    general: Annotated[Sources, Field(description="sources of general text")]
    licences: Licences
    max_unreadable: Annotated[Share, Field(description="share of a source's records that may be unreadable")] = 0.001
    as_of: Annotated[date | None, Field(description="leave out what is dated later")] = None

    def sources(self) -> Iterator[tuple[str, Source]]:
        """(part, source) in the recipe's order."""
        for part in ("domain", "general"):
            for source in getattr(self, part):
                yield part, source

    def identity_key(self) -> dict[str, Any]:
        """How the sources are read; no path on this machine."""
        settings = self.model_dump(mode="json", exclude={"domain", "general"})
        local = {"path", "dataset", "filters", "near"}  # the last two are of curation
        sources = [
            [part, each.title, each.model_dump(mode="json", exclude=local), each.reader_key()]
            for part, each in self.sources()
        ]
        return {**settings, "sources": sources}

    def snapshot_key(self, machine: Machine) -> dict[str, Any]:
        """What is asked, what the sources hold now, and what was withdrawn in this work folder."""
        stamps = [source.stamp(machine) for _, source in self.sources()]
        return {**self.identity_key(), "stamps": stamps, "withdrawn": Withdrawals.read(machine.work).state()}


class RawWriter:
    """Writes Raw as it comes: ``documents/<part>-<n>.jsonl``, ``inventory.jsonl`` and ``quarantine.jsonl``."""

    def __init__(self, out: Path, withdrawn: Withdrawals) -> None:
        self.withdrawn = withdrawn
        self.folder, self.ids, self.numbers, self.size = out / "documents", Counter[str](), Counter[str](), 0
        self.folder.mkdir()
        self.shard: BinaryIO | None = None
        self.inventory = (out / "inventory.jsonl").open("wb")
        self.quarantine = (out / "quarantine.jsonl").open("wb")

    def __enter__(self) -> RawWriter:
        return self

    def __exit__(self, *_: object) -> None:
        self.cut()
        self.inventory.close()
        self.quarantine.close()

    def cut(self) -> None:
        """The next document begins a new shard."""
        if self.shard is not None:
            self.shard.close()
        self.shard, self.size = None, 0

    def add(self, part: str, document: Document, withdrawn: str = "") -> int | None:
        """Write a document under an id that no other has; its text's size in UTF-8 bytes. None if it was withdrawn, for
        the reason ``withdrawn`` or as the SHA-256 of its text says.
        """
        raw = document.text.encode()
        # A withdrawn document keeps its id, or the next one of that name would inherit it.
        name, sha256 = unique(document.id, self.ids), hashlib.sha256(raw).hexdigest()
        if withdrawn or sha256 in self.withdrawn.hashes:
            self.leave_out(part, document.source, name, "withdrawn", withdrawn)
            return None
        if self.shard is None:
            self.shard = (self.folder / f"{part}-{self.numbers[part]:05d}.jsonl").open("wb")
            self.numbers[part] += 1
        self.shard.write(line({**document.row(), "id": name}))
        entry = {"id": name, "own": document.own, "part": part, "source": document.source, "bytes": len(raw)}
        self.inventory.write(line({**entry, "sha256": sha256}))
        if document.overridden_licence is not None:
            self.note_override(part, document, name)
        self.size += len(raw)
        if self.size >= SHARD_BYTES:
            self.cut()
        return len(raw)

    def note_override(self, part: str, document: Document, name: str) -> None:
        """Note a document whose licence is the recipe's where its record states another."""
        about = {"record": shown(name), "action": "changed", "reason": "licence overridden"}
        detail = f"its record states {document.overridden_licence}, the recipe {document.licence}"
        self.quarantine.write(line({"part": part, "source": document.source, **about, "detail": shown(detail)}))

    def leave_out(self, part: str, source: str, name: str, what: str, reason: str = "") -> None:
        """Note a record that gave no document; ``what`` is of ``LEFT_OUT``."""
        action = "quarantined" if what == "quarantined" else "dropped"
        about = {"record": shown(name), "action": action, "reason": shown(reason or LEFT_OUT[what])}
        self.quarantine.write(line({"part": part, "source": source, **about}))


@stage("collect", makes=Raw, version=4, snapshot=True)
def collect(spec: Collection, *, out: Path, machine: Machine) -> dict[str, Any]:
    """Sources -> Raw. facts: ``documents`` and ``bytes`` (UTF-8) by part, and how many records were ``quarantined``,
    ``empty``, ``withdrawn``, or dated ``later`` than ``as_of``; ``readers``, what read each source.

    Raises ``UserError`` for a licence that is not allowed, a source that is empty, or too many broken records.
    """
    documents, sizes, left_out = Counter[str](), Counter[str](), Counter(dict.fromkeys(LEFT_OUT, 0))
    rows = []
    with RawWriter(out, Withdrawals.read(machine.work)) as writer:
        for part, source in spec.sources():
            writer.cut()
            row = taken(part, source, spec, writer, machine)
            rows.append(row)
            documents[part] += row["documents"]
            sizes[part] += row["bytes"]
            left_out.update({what: row[what] for what in (*LEFT_OUT, "undated")})
    refuse_licences(rows, spec.licences)
    write_lines(out / "sources.jsonl", rows)
    readers = {source.title: source.reader_key() for _, source in spec.sources()}
    return {"documents": dict(documents), "bytes": dict(sizes), **left_out, "readers": readers}


def taken(part: str, source: Source, spec: Collection, writer: RawWriter, machine: Machine) -> dict[str, Any]:
    """Write all of one source; its row of ``sources.jsonl``. Raises ``UserError`` where it is empty or too broken."""
    count = size = 0
    left_out, licences, stated_by = Counter(dict.fromkeys(LEFT_OUT, 0)), Counter[str](), Counter[str]()
    first: Quarantined | None = None
    unread = UnreadDates(spec.as_of)
    empty: Empty | None = None
    stamp = source.stamp(machine)
    stream = progress(source.documents(machine), what=f"collect {source.title}", unit="doc")
    for document, withdrawn in writer.withdrawn.marked(stream):
        document = unread.checked(document) if isinstance(document, Document) else document
        if isinstance(document, Empty):
            empty = empty or document
            left_out["empty"] += 1
            writer.leave_out(part, source.title, document.id, "empty", document.reason)
        elif isinstance(document, Quarantined):
            first = first or document
            left_out["quarantined"] += document.records
            name = document.id or Path(document.place).name
            writer.leave_out(part, source.title, name, "quarantined", document.reason)
        elif not document.text:
            left_out["empty"] += 1
            writer.leave_out(part, source.title, document.id, "empty")
        elif spec.as_of is not None and document.date is not None and document.date > spec.as_of.isoformat():
            left_out["later"] += 1
            writer.leave_out(part, source.title, document.id, "later")
        elif (written := writer.add(part, document, withdrawn)) is None:
            left_out["withdrawn"] += 1
        else:
            licences[document.licence or "unknown"] += 1
            stated_by[document.licence_from or ("source" if document.licence else "nobody")] += 1
            stated_by["overridden"] += document.overridden_licence is not None
            unread.count(document)
            size += written
            count += 1
    if source.steady and source.stamp(machine) != stamp:
        # Else the text of one day would be known by the digest of another.
        problem = "changed while it was read"
        raise UserError(f"corpus.{part}: {source.title}", problem, "run again, once nobody writes to it any more")
    if first is not None:
        bad = left_out["quarantined"]
        refuse_broken(first, bad, count + left_out.total() - bad, spec.max_unreadable)
    if empty is not None:
        message = f"{left_out['empty']:,} records gave no document; the first, {empty.id}: {empty.reason}"
        logger.warning("corpus.%s: %s: %s", part, source.title, message)
    if not count:
        others = ", ".join(f"{number:,} {what}" for what, number in sorted(left_out.items()) if number)
        problem = f"holds no document ({others})" if others else "holds no document"
        if first is not None:
            problem = f"{problem}; the first is {first.place}: {first.reason}"
        raise UserError(f"corpus.{part}: {source.title}", problem, "correct the source, or take it out")
    unread.warn(source.title)
    row = {"part": part, "source": source.title, "kind": source.kind, "documents": count, "bytes": size, **left_out}
    row |= {"undated": unread.number, "first_undated": unread.first}
    by = {who: number for who, number in sorted(stated_by.items()) if number}
    return {**row, "licences": dict(sorted(licences.items())), "licences_stated_by": by, "stamp": stamp}


def unique(name: str, counts: Counter[str]) -> str:
    """The id, with #2, #3 behind it where it was there before."""
    counts[name] += 1
    return name if counts[name] == 1 else unique(f"{name}#{counts[name]}", counts)


def refuse_broken(first: Quarantined, bad: int, good: int, share: float) -> None:
    """Raise a ``UserError`` where more than ``share`` of a source's records could not be read."""
    if bad > share * (good + bad):
        rest = bad - first.records
        more = f", and {rest:,} more" if rest else ""
        problem = f"{first.reason}{more} ({bad:,} of {good + bad:,} records cannot be read)"
        raise UserError(first.place, problem, f"fix the file, or raise corpus.max_unreadable above {share:g}")


def refuse_licences(rows: list[dict[str, Any]], licences: Licences) -> None:
    """Raise a ``UserError`` that names every source with documents under a licence that is not allowed."""
    wrong = [
        f"{row['source']} ({count:,} {'document' if count == 1 else 'documents'} under {licence})"
        for row in rows
        for licence, count in row["licences"].items()
        if not licences.permits(licence)
    ]
    if wrong:
        fix = "state or clear their licence and add it to the list (unknown may be listed), or take them out"
        raise UserError("corpus.licences.allow", f"does not cover {', '.join(wrong)}", fix)
