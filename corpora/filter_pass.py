"""The first pass over the text: run all filters, and compute signatures for deduplication and decontamination."""

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
from typing import TYPE_CHECKING, Any

import numpy as np
import orjson
from datatrove.data import Document as TroveDocument
from datatrove.pipeline.base import PipelineStep

from corpora.decontaminate import Decontamination, guard
from corpora.dedup import Passages
from corpora.dedup.exact import exact_keys
from corpora.dedup.passages import passage_hashes
from corpora.document import Document, from_trove, to_trove
from corpora.filters.filter import Change, Drop, Filter, FilterAnswer, Label
from corpora.filters.privacy import Privacy
from corpora.masked_names import masked_names
from corpora.time_limit import TookTooLong, time_limit
from domain.errors import UserError
from domain.jsonlines import line, read_lines
from domain.text.minhash import BANDS, band_hashes
from domain.text.words import Split, Words, split

if TYPE_CHECKING:
    from datatrove.data import DocumentsPipeline

DISK = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.EROFS}  # errors of the machine, not of a document
BATCH = 256  # documents that pass the filters together


@dataclass
class DocumentState:
    """A document between filters: its current text, its words, and the events recorded for it."""

    document: Document
    words: Words
    size: int
    confidence: float | None = None  # in its language
    events: list[dict[str, Any]] = field(default_factory=list)
    stays: bool = True

    def record(self, stage: str, action: str, reason: str, detail: str = "", score: float | None = None) -> None:
        """Note what a stage events; whatever is not a change ends the way."""
        self.events.append({"stage": stage, "action": action, "reason": reason, "detail": detail, "score": score})
        self.stays = self.stays and action == "changed"


class ReadShard(PipelineStep):  # type: ignore[misc]
    """Rank r reads the r-th shard of Raw."""

    name, type = "read shard", "reader"

    def __init__(self, shards: list[str]) -> None:
        super().__init__()
        self.shards = shards

    def run(self, data: DocumentsPipeline, rank: int = 0, world_size: int = 1) -> Iterator[TroveDocument]:
        """Every record of the shard."""
        for record in read_lines(Path(self.shards[rank])):
            yield to_trove(record)


class FilterShards(PipelineStep):  # type: ignore[misc]
    """All filters in their order, on one split into words; then keys, bands and matches of what stays.

    Rank r fills the folder ``outs[r]``, which appears once complete: ``states.jsonl``, a line for each document of the
    shard with its events; of those that stay, ``clean.jsonl``, the text; ``columns.json``, source, date and id by
    column; ``signatures.npz``, the numbers.
    """

    name, type = "filter shards", "filter"

    def __init__(
        self, filters: tuple[Filter, ...], decontaminate: Decontamination, passages: Passages | None, texts: str,
        outs: list[str],
    ) -> None:  # fmt: skip
        super().__init__()
        self.filters, self.decontaminate, self.passages = filters, decontaminate, passages
        self.texts, self.outs, self.tried = texts, outs, secrets.token_hex(8)

    def run(self, data: Iterable[TroveDocument], rank: int = 0, world_size: int = 1) -> Iterator[TroveDocument]:
        """Filter the shard of this rank; the result is in its files, and nothing is yielded."""
        out = Path(self.outs[rank])
        building, watch = out.with_name(f"{out.name}.part"), CrashWatch(out.with_name(f"{out.name}.at"), self.tried)
        shutil.rmtree(building, ignore_errors=True)
        building.mkdir(parents=True)
        protection = guard(Path(self.texts), self.decontaminate)
        with (building / "states.jsonl").open("wb") as states, (building / "clean.jsonl").open("wb") as texts:
            keys, bands, matches, passages = [], [], [], []
            columns: dict[str, list[str | None]] = {"source": [], "date": [], "id": []}
            begin = passed = 0
            stream = map(from_trove, data)
            while batch := list(islice(stream, 1 if watch.careful else BATCH)):
                results, came = self.filtered(batch, begin, watch)
                for state in results:
                    row = {
                        **state.document.row(),
                        "bytes": state.size,
                        "confidence": state.confidence,
                        "events": state.events,
                    }
                    del row["text"]
                    states.write(line(row))
                staying = [state for state in results if state.stays]
                stay = Split.of([state.words for state in staying])
                texts.writelines(line({"text": state.document.text}) for state in staying)
                for name, column in columns.items():
                    column.extend(getattr(state.document, name) for state in staying)
                keys.append(exact_keys([state.document.text for state in staying]))
                bands.append(band_hashes(stay))
                # Compared as it came and as it stays: a mask or a cut may break or join the words that both share.
                changed = [i for i, state in enumerate(results) if state.stays and state.events]
                places = np.flatnonzero([state.stays for state in results])
                matches.append(protection.matches(stay, passed + np.arange(len(staying))))
                before = Split.of([came[i] for i in changed])
                matches.append(protection.matches(before, passed + np.searchsorted(places, changed)))
                if self.passages is not None:
                    passages.append(passage_hashes([state.document.text for state in staying], self.passages, passed))
                begin, passed = begin + len(batch), passed + len(staying)
        (building / "columns.json").write_bytes(orjson.dumps(columns))
        np.savez(
            building / "signatures.npz",
            keys=np.concatenate([np.empty((0, 2), np.uint64), *keys]),
            bands=np.concatenate([np.empty((0, BANDS), np.uint64), *bands]),
            matches=np.unique(np.concatenate([np.empty((0, 2), np.int64), *matches]), axis=0),
            passages=np.concatenate([np.empty((0, 2), np.uint64), *passages]),
        )
        shutil.rmtree(out, ignore_errors=True)
        os.rename(building, out)
        watch.end()
        yield from ()

    def filtered(
        self, documents: list[Document], begin: int, watch: CrashWatch
    ) -> tuple[list[DocumentState], list[Words]]:
        """The state of each document, and its words before any filter."""
        came = list(Split([document.text for document in documents]))
        states = [
            DocumentState(document, words, len(document.text.encode()))
            for document, words in zip(documents, came, strict=True)
        ]
        for number, state in enumerate(states, begin):
            if number in watch.deadly:
                state.record("filters", "quarantined", "error", "its worker died on it")
        watch.look(begin)
        for each in self.filters:
            staying = [state for state in states if state.stays]
            for state, answer in zip(staying, answers(each, staying), strict=True):
                apply_answer(state, each, answer)
        if any(isinstance(each, Privacy) for each in self.filters):
            mask_names(states)
        return states, came


def mask_names(states: Sequence[DocumentState]) -> None:
    """Mask the ids and addresses of documents; last, since filters may ask for an address."""
    ids = masked_names([state.document.id for state in states])
    urls = masked_names([state.document.url or "" for state in states])
    for state, name, url in zip(states, ids, urls, strict=True):
        state.document = replace(state.document, id=name, url=url or None)


def answers(each: Filter, states: Sequence[DocumentState]) -> Sequence[FilterAnswer | Exception | TookTooLong]:
    """A filter's answer for each document; if it fails on a batch or takes too long over it, it is run again on each
    document alone.

    Raises errors that no document causes: ``UserError``, as for a model that cannot be read, and disk errors.
    """
    documents = [state.document for state in states]
    try:
        with time_limit(sum(len(document.text) for document in documents), len(documents), each.patience):
            return each.judge(documents, Split.of([state.words for state in states]))
    except (Exception, TookTooLong) as error:
        if isinstance(error, UserError) or (isinstance(error, OSError) and error.errno in DISK):
            raise  # no document is to blame
        if len(states) == 1:
            return [error]
        return [answers(each, [state])[0] for state in states]


def apply_answer(state: DocumentState, each: Filter, answer: FilterAnswer | Exception | TookTooLong) -> None:
    """Apply the answer of a filter to a document."""
    match answer:
        case None:
            return
        case Drop(reason=reason, detail=detail, score=score):
            state.record(each.kind, "dropped", reason, detail, score)
        case Label(language=language, score=score):
            state.confidence = round(score, 4)
            state.document = replace(state.document, language=language)
        case Change(text=text, reason=reason, detail=detail):
            state.document = replace(state.document, text=text)
            state.words = split(state.document.text)
            state.record(each.kind, "changed", reason, detail)
            if not state.document.text:
                state.record(each.kind, "dropped", "empty", "nothing is left of its text")
        case TookTooLong() as error:
            state.record(each.kind, "quarantined", "time", str(error))
        case Exception() as error:
            # An object's address in a message would differ from run to run.
            message = re.sub(r"0x[0-9a-f]+", "0x", f"{type(error).__name__}: {error}")
            state.record(each.kind, "quarantined", "error", message)


class CrashWatch:
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
        """Note that the documents from ``number`` on are being filtered."""
        note = {"run": self.run, "careful": self.careful, "at": number, "deadly": self.deadly}
        self.path.write_bytes(orjson.dumps(note))

    def end(self) -> None:
        """Remove the note: the shard is complete."""
        self.path.unlink(missing_ok=True)
