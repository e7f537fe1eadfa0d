"""Sources -> Raw: what the sources held on a day, with its inventory; licences are checked here or the run stops."""

from __future__ import annotations

import logging
import os
import shutil
from collections import Counter
from collections.abc import Iterator
from datetime import date
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, Field

from corpora.collection.progress import CollectProgress, FirstUnread, SourceTally
from corpora.collection.raw_writer import LEFT_OUT, RawWriter
from corpora.document import Document, Empty, Quarantined
from corpora.metadata.licence import Licences
from corpora.metadata.unread_dates import UnreadDates
from corpora.sources import AnySource
from corpora.sources.source import FileEnd, Source
from corpora.withdrawal.withdraw import Withdrawals
from domain.artifacts import Raw
from domain.errors import UserError
from domain.jsonlines import write_lines
from domain.machine import Machine
from domain.manifest import SCRATCH
from domain.progress import progress
from domain.spec import Share, Spec, fingerprint
from domain.stage import stage

logger = logging.getLogger(__name__)
SHARD_BYTES = 4_000_000  # of text; a worker's task, so it never depends on how many workers there are
SAVED_BYTES = 64_000_000  # of text that are read again at most, where files are small


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

    @cached_property
    def stamps(self) -> list[Any]:
        """What the sources held when this was last asked for: what is then collected must be that."""
        return []

    def snapshot_key(self, machine: Machine) -> dict[str, Any]:
        """What is asked, what the sources hold now, and what was withdrawn in this work folder."""
        self.stamps[:] = [source.stamp(machine) for _, source in self.sources()]
        return {**self.identity_key(), "stamps": [*self.stamps], "withdrawn": Withdrawals.read(machine.work).state()}


@stage("collect", makes=Raw, version=7, snapshot=True, resumes=True)
def collect(spec: Collection, *, out: Path, machine: Machine) -> dict[str, Any]:
    """Sources -> Raw. facts: ``documents`` and ``bytes`` (UTF-8) by part, and how many records were ``quarantined``,
    ``empty``, ``withdrawn``, or dated ``later`` than ``as_of``; ``readers``, what read each source.

    A killed run goes on behind the last file that was read whole. Raises ``UserError`` for a licence that is not
    allowed, a source that is empty, or too many broken records.
    """
    documents, sizes, left_out = Counter[str](), Counter[str](), Counter(dict.fromkeys(LEFT_OUT, 0))
    folder, withdrawn = out / SCRATCH / "raw", Withdrawals.read(machine.work)
    stamps = spec.stamps.copy()
    spec.stamps.clear()  # another call is another reading
    request = fingerprint([spec.identity_key(), withdrawn.state()])
    done = CollectProgress.read(folder, request)
    if not unchanged(done, spec, machine):
        shutil.rmtree(folder)
        done = CollectProgress.read(folder, request)
    with RawWriter(folder, withdrawn, done.position, SHARD_BYTES) as writer:
        for number, (part, source) in islice(enumerate(spec.sources()), len(done.rows), None):
            if done.source is None:
                writer.cut()
            stamp = stamps[number] if stamps else source.stamp(machine)
            done.rows.append(collect_source(part, source, stamp, spec, writer, machine, done))
            done.source = None
            save(done, writer)
    for row in done.rows:
        documents[row["part"]] += row["documents"]
        sizes[row["part"]] += row["bytes"]
        left_out.update({what: row[what] for what in (*LEFT_OUT, "undated")})
    refuse_licences(done.rows, spec.licences)
    for name in ("documents", "inventory.jsonl", "quarantine.jsonl"):
        os.rename(folder / name, out / name)
    write_lines(out / "sources.jsonl", done.rows)
    readers = {source.title: source.reader_key() for _, source in spec.sources()}
    return {"documents": dict(documents), "bytes": dict(sizes), **left_out, "readers": readers}


def unchanged(done: CollectProgress, spec: Collection, machine: Machine) -> bool:
    """Whether the sources of which a killed run has read are what they were."""
    stamps = [fingerprint(row["stamp"]) for row in done.rows] + ([done.source.stamp] if done.source else [])
    read = zip(spec.sources(), stamps, strict=False)
    return all(not source.steady or fingerprint(source.stamp(machine)) == stamp for (_, source), stamp in read)


def save(done: CollectProgress, writer: RawWriter) -> None:
    """Note how far it is."""
    done.position = writer.position()
    done.save(writer.folder)
    writer.ids.tidy()


def collect_source(
    part: str,
    source: Source,
    stamp: Any,
    spec: Collection,
    writer: RawWriter,
    machine: Machine,
    done: CollectProgress,
) -> dict[str, Any]:
    """Write all of one source; its row of ``sources.jsonl``. Raises ``UserError`` where it is empty or too broken."""
    tally = done.source = done.source or SourceTally(stamp=fingerprint(stamp), left_out=dict.fromkeys(LEFT_OUT, 0))
    left_out, saved, unread = tally.left_out, tally.bytes, UnreadDates(spec.as_of, tally.undated, tally.first_undated)
    stream = progress(source.parts(machine, tally.state), what=f"collect {source.title}", unit="doc")
    for document, withdrawn in writer.withdrawn.marked(stream):
        document = unread.checked(document) if isinstance(document, Document) else document
        if isinstance(document, FileEnd):
            tally.state, tally.undated, tally.first_undated = document.state, unread.number, unread.first
            if tally.bytes - saved >= SAVED_BYTES:
                save(done, writer)
                saved = tally.bytes
        elif isinstance(document, Empty):
            tally.empty = tally.empty or FirstUnread.of(document)
            left_out["empty"] += 1
            writer.leave_out(part, source.title, document.id, "empty", document.reason)
        elif isinstance(document, Quarantined):
            tally.broken = tally.broken or FirstUnread.of(document)
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
            tally.licences[document.licence or "unknown"] += 1
            tally.stated_by[document.licence_from or ("source" if document.licence else "nobody")] += 1
            tally.stated_by["overridden"] += document.overridden_licence is not None
            unread.count(document)
            tally.bytes += written
            tally.documents += 1
    if source.steady and source.stamp(machine) != stamp:
        # Else the text of one day would be known by the digest of another.
        problem = "changed while it was read"
        raise UserError(f"corpus.{part}: {source.title}", problem, "run again, once nobody writes to it any more")
    if tally.broken is not None:
        bad = left_out["quarantined"]
        refuse_broken(tally.broken, bad, tally.documents + left_out.total() - bad, spec.max_unreadable)
    if tally.empty is not None:
        message = f"{left_out['empty']:,} records gave no document; the first, {tally.empty.id}: {tally.empty.reason}"
        logger.warning("corpus.%s: %s: %s", part, source.title, message)
    if not tally.documents:
        others = ", ".join(f"{number:,} {what}" for what, number in sorted(left_out.items()) if number)
        problem = f"holds no document ({others})" if others else "holds no document"
        if tally.broken is not None:
            problem = f"{problem}; the first is {tally.broken.place}: {tally.broken.reason}"
        raise UserError(f"corpus.{part}: {source.title}", problem, "correct the source, or take it out")
    unread.warn(source.title)
    sizes = {"documents": tally.documents, "bytes": tally.bytes, **left_out}
    row = {"part": part, "source": source.title, "kind": source.kind, **sizes}
    row |= {"undated": unread.number, "first_undated": unread.first}
    by = {who: number for who, number in sorted(tally.stated_by.items()) if number}
    return {**row, "licences": dict(sorted(tally.licences.items())), "licences_stated_by": by, "stamp": stamp}


def refuse_broken(first: FirstUnread, bad: int, good: int, share: float) -> None:
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
