"""Sources -> Raw: what was there on a day, with its inventory; licences are settled here or the run stops."""

from __future__ import annotations

import hashlib
import json
from collections import Counter, defaultdict
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field

from corpora.document import Document, Quarantined
from corpora.licence import Licences
from corpora.sources import AnySource
from domain.artifacts import Raw
from domain.errors import Refusal
from domain.machine import Machine
from domain.progress import progress
from domain.spec import Share, Spec
from domain.stage import stage

SHARD_BYTES = 4_000_000  # of text; a worker's task, so it never depends on how many workers there are


class Collection(Spec):
    """What is collected, and under which licences."""

    domain: Annotated[tuple[AnySource, ...], Field(min_length=1, description="sources of the field's own text")]
    general: Annotated[tuple[AnySource, ...], Field(min_length=1, description="sources of general text")]
    licences: Licences
    broken: Annotated[Share, Field(description="share of records that may be unreadable")] = 0.001
    as_of: Annotated[date | None, Field(description="leave out what is dated later")] = None

    def sources(self) -> Iterator[tuple[str, Any]]:
        """(part, source) in the recipe's order."""
        for part in ("domain", "general"):
            for source in getattr(self, part):
                yield part, source

    def asked(self) -> dict[str, Any]:
        """What the sources hold now, and how they are read; no path on this machine."""
        settings = self.model_dump(mode="json", exclude={"domain", "general"})
        local = {"path", "dataset"}
        stamps = [
            [part, source.title, source.model_dump(mode="json", exclude=local), source.stamp(Machine())]
            for part, source in self.sources()
        ]
        return {**settings, "sources": stamps}


class Shards:
    """Writes ``<part>-<n>.jsonl``, a new one at every source and whenever one is full."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.numbers, self.size = folder, Counter[str](), 0
        folder.mkdir()
        self.file: Any = None

    def cut(self) -> None:
        """The next document begins a new shard."""
        if self.file is not None:
            self.file.close()
        self.file, self.size = None, 0

    def add(self, part: str, line: str, size: int) -> None:
        """Append a document's line; ``size`` counts its text's UTF-8 bytes."""
        if self.file is None:
            self.file = (self.folder / f"{part}-{self.numbers[part]:05d}.jsonl").open("w", encoding="utf-8")
            self.numbers[part] += 1
        self.file.write(line)
        self.size += size
        if self.size >= SHARD_BYTES:
            self.cut()


@stage("collect", makes=Raw, version=1, snapshot=True)
def collect(spec: Collection, *, out: Path, machine: Machine) -> dict[str, Any]:
    """Sources -> Raw. facts: ``documents`` and ``bytes`` (UTF-8) by part, ``quarantined``, ``later`` than ``as_of``.

    Raises ``Refusal`` for a licence that is not allowed, a source that is empty, or too many broken records.
    """
    shards = Shards(out / "documents")
    ids: Counter[str] = Counter()
    documents, sizes = Counter[str](), Counter[str]()
    licences: dict[str, Counter[str]] = defaultdict(Counter)
    quarantine: list[Quarantined] = []
    later = 0
    with (out / "inventory.jsonl").open("w", encoding="utf-8") as inventory:
        rows = []
        for part, source in spec.sources():
            shards.cut()
            count = size = 0
            for found in progress(source.documents(machine), what=f"collect {source.title}", unit="doc"):
                if isinstance(found, Quarantined):
                    quarantine.append(found)
                    continue
                if spec.as_of is not None and found.date is not None and found.date > spec.as_of.isoformat():
                    later += 1
                    continue
                licences[source.title][found.licence or "unknown"] += 1
                name = unique(found.id, ids)
                raw = found.text.encode()
                shards.add(part, line(found, name), len(raw))
                entry = {"id": name, "part": part, "source": found.source, "bytes": len(raw)}
                entry["sha256"] = hashlib.sha256(raw).hexdigest()
                inventory.write(json.dumps(entry, ensure_ascii=False, sort_keys=True) + "\n")
                count, size = count + 1, size + len(raw)
            too_many(quarantine, sum(documents.values()) + count, spec.broken)
            if not count:
                raise Refusal(
                    f"corpus.{part}: {source.title}", "holds no document", "correct the source, or take it out"
                )
            documents[part] += count
            sizes[part] += size
            rows.append({"part": part, "source": source.title, "kind": source.kind, "documents": count, "bytes": size})
        shards.cut()
    refuse_licences(licences, spec.licences)
    for row in rows:
        row["licences"] = dict(sorted(licences[str(row["source"])].items()))
    write_lines(out / "sources.jsonl", rows)
    write_lines(out / "quarantine.jsonl", [{"place": Path(q.place).name, "reason": q.reason} for q in quarantine])
    return {"documents": dict(documents), "bytes": dict(sizes), "quarantined": len(quarantine), "later": later}


def line(document: Document, name: str) -> str:
    """The document's line under its unique id."""
    return document.line() if document.id == name else Document(**{**vars(document), "id": name}).line()


def unique(name: str, seen: Counter[str]) -> str:
    """The id, with #2, #3 behind it where it was there before."""
    seen[name] += 1
    return name if seen[name] == 1 else unique(f"{name}#{seen[name]}", seen)


def write_lines(path: Path, rows: list[dict[str, Any]]) -> None:
    """JSON Lines, keys sorted."""
    path.write_text("".join(json.dumps(r, ensure_ascii=False, sort_keys=True) + "\n" for r in rows), encoding="utf-8")


def too_many(quarantine: list[Quarantined], good: int, share: float) -> None:
    """Raise a ``Refusal`` where more than ``share`` of the records could not be read."""
    bad = len(quarantine)
    if bad > share * (good + bad):
        first = quarantine[0]
        more = f", and {bad - 1:,} more of {good + bad:,} records" if bad > 1 else f" (1 of {good + bad:,} records)"
        mend = f"mend the file, or raise corpus.broken above {share:g}"
        raise Refusal(first.place, first.reason + more, mend)


def refuse_licences(found: dict[str, Counter[str]], licences: Licences) -> None:
    """Raise a ``Refusal`` that names every source with documents under a licence that is not allowed."""
    wrong = [
        f"{source} ({count:,} {'document' if count == 1 else 'documents'} under {licence})"
        for source, counts in found.items()
        for licence, count in sorted(counts.items())
        if not licences.permits(licence)
    ]
    if wrong:
        mend = "state or clear their licence and add it to the list (unknown may be listed), or take them out"
        raise Refusal("corpus.licences.allow", f"does not cover {', '.join(wrong)}", mend)
