"""The first pass over the text: every filter over every document, and the marks by which the rest is decided."""

from __future__ import annotations

import errno
import os
import re
import secrets
import shutil
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import orjson
from datatrove.data import Document as TroveDocument
from datatrove.pipeline.base import PipelineStep

from corpora.decontaminate import Decontamination, guard
from corpora.dedup import Passages
from corpora.dedup.exact import exact_keys
from corpora.dedup.passages import marks
from corpora.document import Document, from_trove, to_trove
from corpora.filters.filter import Change, Drop, Filter, FilterAnswer, Label
from domain.errors import UserError
from domain.jsonlines import line, read_lines
from domain.text.minhash import BANDS, band_hashes
from domain.text.words import Split, Words, split

DISK = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.EROFS}  # the machine's trouble, no document's
BATCH = 256  # documents that pass the filters together


@dataclass
class DocumentState:
    """A document on its way: as it now reads, its words, and what was said of it."""

    document: Document
    words: Words
    size: int
    confidence: float | None = None  # in its language
    said: list[dict[str, Any]] = field(default_factory=list)
    stays: bool = True

    def say(self, stage: str, action: str, reason: str, detail: str = "", score: float | None = None) -> None:
        """Note what a stage said; whatever is not a change ends the way."""
        self.said.append({"stage": stage, "action": action, "reason": reason, "detail": detail, "score": score})
        self.stays = self.stays and action == "changed"


class ReadShard(PipelineStep):  # type: ignore[misc]
    """Rank r reads the r-th shard of Raw."""

    name, type = "read shard", "reader"

    def __init__(self, shards: list[str]) -> None:
        super().__init__()
        self.shards = shards

    def run(self, data: Any, rank: int = 0, world_size: int = 1) -> Iterator[TroveDocument]:
        """Every record of the shard."""
        for record in read_lines(Path(self.shards[rank])):
            yield to_trove(record)


class Judge(PipelineStep):  # type: ignore[misc]
    """All filters in their order, on one split into words; then keys, bands and finds of what stays.

    Rank r fills the folder ``outs[r]``, which is there once it is whole: ``fates.jsonl``, a line for each document of
    the shard with what was said of it; of those that stay, ``clean.jsonl``, the text; ``known.json``, source, date and
    id, by column; ``marks.npz``, the numbers.
    """

    name, type = "judge", "filter"

    def __init__(
        self, filters: tuple[Filter, ...], decontaminate: Decontamination, passages: Passages | None, texts: str,
        outs: list[str],
    ) -> None:  # fmt: skip
        super().__init__()
        self.filters, self.decontaminate, self.passages = filters, decontaminate, passages
        self.texts, self.outs, self.tried = texts, outs, secrets.token_hex(8)

    def run(self, data: Iterable[TroveDocument], rank: int = 0, world_size: int = 1) -> Iterator[TroveDocument]:
        """Judge the rank's shard; nothing is passed on but the files."""
        out = Path(self.outs[rank])
        building, watch = out.with_name(f"{out.name}.part"), Watch(out.with_name(f"{out.name}.at"), self.tried)
        shutil.rmtree(building, ignore_errors=True)
        building.mkdir(parents=True)
        protection = guard(Path(self.texts), self.decontaminate)
        with (building / "fates.jsonl").open("wb") as fates, (building / "clean.jsonl").open("wb") as texts:
            keys, bands, finds, passages = [], [], [], []
            known: dict[str, list[str | None]] = {"source": [], "date": [], "id": []}
            begin = kept = 0
            stream = map(from_trove, data)
            while batch := list(islice(stream, 1 if watch.careful else BATCH)):
                judged, came = self.judged(batch, begin, watch)
                for fate in judged:
                    row = {**fate.document.row(), "bytes": fate.size, "confidence": fate.confidence, "said": fate.said}
                    del row["text"]
                    fates.write(line(row))
                staying = [fate for fate in judged if fate.stays]
                stay = Split.of([fate.words for fate in staying])
                texts.writelines(line({"text": fate.document.text}) for fate in staying)
                for name, column in known.items():
                    column.extend(getattr(fate.document, name) for fate in staying)
                keys.append(exact_keys([fate.document.text for fate in staying]))
                bands.append(band_hashes(stay))
                # Compared as it came and as it stays: a mask or a cut may break or join the words that both share.
                changed = [i for i, fate in enumerate(judged) if fate.stays and fate.said]
                places = np.flatnonzero([fate.stays for fate in judged])
                finds.append(protection.finds(stay, kept + np.arange(len(staying))))
                before = Split.of([came[i] for i in changed])
                finds.append(protection.finds(before, kept + np.searchsorted(places, changed)))
                if self.passages is not None:
                    passages.append(marks([fate.document.text for fate in staying], self.passages, kept))
                begin, kept = begin + len(batch), kept + len(staying)
        (building / "known.json").write_bytes(orjson.dumps(known))
        np.savez(
            building / "marks.npz",
            keys=np.concatenate([np.empty((0, 2), np.uint64), *keys]),
            bands=np.concatenate([np.empty((0, BANDS), np.uint64), *bands]),
            finds=np.unique(np.concatenate([np.empty((0, 2), np.int64), *finds]), axis=0),
            passages=np.concatenate([np.empty((0, 2), np.uint64), *passages]),
        )
        shutil.rmtree(out, ignore_errors=True)
        os.rename(building, out)
        watch.end()
        yield from ()

    def judged(self, documents: list[Document], begin: int, watch: Watch) -> tuple[list[DocumentState], list[Words]]:
        """The fate of each document, and its words as it came."""
        came = list(Split([document.text for document in documents]))
        fates = [
            DocumentState(document, words, len(document.text.encode()))
            for document, words in zip(documents, came, strict=True)
        ]
        for number, fate in enumerate(fates, begin):
            if number in watch.deadly:
                fate.say("filters", "quarantined", "error", "its worker died on it")
        watch.look(begin)
        for each in self.filters:
            staying = [fate for fate in fates if fate.stays]
            for fate, verdict in zip(staying, verdicts(each, staying), strict=True):
                apply_verdict(fate, each, verdict)
        return fates, came


def verdicts(each: Filter, fates: Sequence[DocumentState]) -> Sequence[FilterAnswer | Exception]:
    """What a filter says of each; where it raises on many at once, it is asked for each alone.

    Raises what is not a document's fault: a ``UserError``, as of a model that cannot be read, and the disk's errors.
    """
    documents = [fate.document for fate in fates]
    try:
        return each.judge_all(documents, Split.of([fate.words for fate in fates]))
    except Exception as error:
        if isinstance(error, UserError) or (isinstance(error, OSError) and error.errno in DISK):
            raise  # no document is to blame
        if len(fates) == 1:
            return [error]
        return [verdicts(each, [fate])[0] for fate in fates]


def apply_verdict(fate: DocumentState, each: Filter, verdict: FilterAnswer | Exception) -> None:
    """Do as a filter says."""
    match verdict:
        case None:
            return
        case Drop(reason=reason, detail=detail, score=score):
            fate.say(each.kind, "dropped", reason, detail, score)
        case Label(language=language, score=score):
            fate.confidence = round(score, 4)
            fate.document = replace(fate.document, language=language)
        case Change(text=text, reason=reason, detail=detail):
            fate.document = replace(fate.document, text=text)
            fate.words = split(fate.document.text)
            fate.say(each.kind, "changed", reason, detail)
            if not fate.document.text:
                fate.say(each.kind, "dropped", "empty", "nothing is left of its text")
        case Exception() as error:
            # An object's address in a message would differ from run to run.
            told = re.sub(r"0x[0-9a-f]+", "0x", f"{type(error).__name__}: {error}")
            fate.say(each.kind, "quarantined", "error", told)


class Watch:
    """Notes where a worker is, in a file that outlives it: a document that kills its worker is found by trying again.

    The first death makes the next try careful, a document at a time; the next one names the document. Notes of another
    run do not count: whoever killed that one may have killed it at any document.
    """

    def __init__(self, path: Path, run: str) -> None:
        self.path, self.run = path, run
        try:
            before = orjson.loads(path.read_bytes())
        except (FileNotFoundError, ValueError):
            before = None
        if before is not None and before["run"] != run:
            before = None
        self.careful = before is not None
        self.deadly: list[int] = []
        if before is not None:
            self.deadly = before["deadly"] + ([before["at"]] if before["careful"] else [])

    def look(self, number: int) -> None:
        """The documents from ``number`` on are judged now."""
        note = {"run": self.run, "careful": self.careful, "at": number, "deadly": self.deadly}
        self.path.write_bytes(orjson.dumps(note))

    def end(self) -> None:
        """All went well."""
        self.path.unlink(missing_ok=True)
