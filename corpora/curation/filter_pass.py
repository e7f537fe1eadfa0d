"""The first pass over the text: run all filters, and compute signatures for deduplication and decontamination."""

from __future__ import annotations

import errno
import os
import re
import secrets
import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import orjson
from datatrove.data import Document as TroveDocument
from datatrove.pipeline.base import PipelineStep

from corpora.decontamination.decontaminate import Decontamination, Guard, guard
from corpora.dedup import Passages
from corpora.dedup.exact import exact_keys
from corpora.dedup.passages import passage_hashes
from corpora.document import Document, from_trove, to_trove
from corpora.filters.filter import Change, Drop, Filter, FilterAnswer, Label
from corpora.filters.masked_names import masked_names
from corpora.filters.privacy import Privacy
from corpora.workers.crash_watch import CrashWatch
from corpora.workers.time_limit import TookTooLong, WaitedTooLong, time_limit
from domain.errors import UserError
from domain.files import remove
from domain.jsonlines import line, read_lines
from domain.manifest import seal
from domain.text.fold import fold_words
from domain.text.minhash import BANDS, band_hashes
from domain.text.words import Split, Words, mixed, split

if TYPE_CHECKING:
    from datatrove.data import DocumentsPipeline

DISK = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.EROFS}  # errors of the machine, not of a document
BATCH = 256  # documents that pass the filters together

Signatures = dict[str, np.ndarray]  # keys, bands, matches, passages


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
    """All filters of each source in their order, on one split into words; then keys, bands and matches of what stays.

    Rank r fills the folder ``outs[r]``, which appears once complete: ``states.jsonl``, a line for each document of the
    shard with its events; ``columns.json``, source, date and id of each; ``clean.jsonl``, the text of those that stay;
    ``signatures.npz``, the numbers; and ``manifest.json``. Of every document the numbers have the key and the bands of
    its text before any filter, by which its split is decided; ``rows`` are the places in the shard of those that stay,
    ``changed`` the places among these of those that a filter changed, with ``keys`` and ``bands`` of what is left.
    """

    name, type = "filter shards", "filter"

    def __init__(
        self, filters: tuple[Filter, ...], source_filters: Mapping[str, tuple[Filter, ...]],
        decontaminate: Decontamination, passages: Passages | None, texts: str, outs: list[str],
    ) -> None:  # fmt: skip
        super().__init__()
        self.source_filters = dict(source_filters)
        self.filters, self.decontaminate, self.passages = filters, decontaminate, passages
        self.texts, self.outs, self.tried = texts, outs, secrets.token_hex(8)

    def run(self, data: Iterable[TroveDocument], rank: int = 0, world_size: int = 1) -> Iterator[TroveDocument]:
        """Filter the shard of this rank; the result is in its files, and nothing is yielded."""
        out = Path(self.outs[rank])
        building, watch = out.with_name(f"{out.name}.part"), CrashWatch(out.with_name(f"{out.name}.at"), self.tried)
        documents = [from_trove(each) for each in data]
        protection = guard(Path(self.texts), self.decontaminate)
        if (suspect := watch.suspect) is not None:
            watch.trial(documents[suspect].id)
            self.filtered([documents[suspect]], [], protection)
            watch.survive()
        shutil.rmtree(building, ignore_errors=True)
        building.mkdir(parents=True)
        with (building / "states.jsonl").open("wb") as states, (building / "clean.jsonl").open("wb") as texts:
            signatures = list[Signatures]()
            columns: dict[str, list[str | None]] = {"source": [], "date": [], "id": []}
            begin = passed = 0
            while begin < len(documents):
                batch = documents[begin : begin + watch.batch(begin, BATCH)]
                watch.look(begin, len(batch))
                deadly = [number - begin for number in watch.notes.deadly if 0 <= number - begin < len(batch)]
                results, signed = self.filtered(batch, deadly, protection, begin, passed)
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
                texts.writelines(line({"text": state.document.text}) for state in staying)
                for name, column in columns.items():
                    column.extend(getattr(state.document, name) for state in results)
                signatures.append(signed)
                begin, passed = begin + len(batch), passed + len(staying)
        (building / "columns.json").write_bytes(orjson.dumps(columns))
        np.savez(building / "signatures.npz", **joined(signatures))  # type: ignore[arg-type]
        seal(building)
        remove(out)
        os.rename(building, out)
        watch.end()
        yield from ()

    def filtered(
        self, documents: list[Document], deadly: Sequence[int], protection: Guard, begin: int = 0, passed: int = 0
    ) -> tuple[list[DocumentState], Signatures]:
        """The state of each document, and its signatures; all work on documents is done here.

        ``deadly`` are places of documents that are not looked at, ``begin`` the number of those before in the shard,
        ``passed`` of those among these that stay.
        """
        came = list(Split(["" if i in deadly else document.text for i, document in enumerate(documents)]))
        states = [
            DocumentState(document, words, len(document.text.encode()))
            for document, words in zip(documents, came, strict=True)
        ]
        for number in deadly:
            states[number].record("filters", "quarantined", "error", "its worker died on it")
        for source in dict.fromkeys(document.source for document in documents):
            own = [state for state in states if state.document.source == source]
            self.apply(self.source_filters.get(source, self.filters), own)
        staying = [state for state in states if state.stays]
        texts = [state.document.text for state in staying]
        raw_keys, raw_bands = exact_keys([words.text for words in came]), band_hashes(fold_words(Split.of(came)))
        for number in deadly:  # by its name: by no text all of them would be one cluster
            raw_keys[number] = exact_keys([documents[number].id])
            raw_bands[number] = mixed(raw_keys[number, 0] + np.arange(BANDS, dtype=np.uint64))
        split_texts = Split.of([state.words for state in staying])
        # Compared as it came and as it stays: a mask or a cut may break or join the words that both share.
        changed = [i for i, state in enumerate(states) if state.stays and state.events]
        places = np.flatnonzero([state.stays for state in states])
        before = Split.of([came[i] for i in changed])
        signatures = {
            "raw_keys": raw_keys,
            "raw_bands": raw_bands,
            "rows": begin + places,
            "changed": passed + np.searchsorted(places, changed),
            "keys": exact_keys([states[i].document.text for i in changed]),
            "bands": band_hashes(fold_words(Split.of([states[i].words for i in changed]))),
            "matches": np.concatenate(
                [
                    protection.matches(split_texts, passed + np.arange(len(staying))),
                    protection.matches(before, passed + np.searchsorted(places, changed)),
                ]
            ),
        }
        if self.passages is not None:
            signatures["passages"] = passage_hashes(texts, self.passages, passed)
        return states, signatures

    def apply(self, filters: tuple[Filter, ...], states: Sequence[DocumentState]) -> None:
        """Run filters over documents, each over those that stay."""
        for each in filters:
            staying = [state for state in states if state.stays]
            for state, answer in zip(staying, answers(each, staying), strict=True):
                apply_answer(state, each, answer)
        if any(isinstance(each, Privacy) for each in filters):
            mask_names(states)


def joined(signatures: list[Signatures]) -> Signatures:
    """The signatures of a shard, from those of its batches."""
    empty: Signatures = {
        "raw_keys": np.empty((0, 2), np.uint64),
        "raw_bands": np.empty((0, BANDS), np.uint64),
        "rows": np.empty(0, np.int64),
        "changed": np.empty(0, np.int64),
        "keys": np.empty((0, 2), np.uint64),
        "bands": np.empty((0, BANDS), np.uint64),
        "matches": np.empty((0, 2), np.int64),
        "passages": np.empty((0, 2), np.uint64),
    }
    whole = {
        name: np.concatenate([none, *(each[name] for each in signatures if name in each)])
        for name, none in empty.items()
    }
    return {**whole, "matches": np.unique(whole["matches"], axis=0)}


def mask_names(states: Sequence[DocumentState]) -> None:
    """Mask the ids and addresses of documents; last, since filters may ask for an address."""
    ids = masked_names([state.document.id for state in states])
    urls = masked_names([state.document.url or "" for state in states])
    for state, name, url in zip(states, ids, urls, strict=True):
        state.document = replace(state.document, id=name, url=url or None)


def answers(
    each: Filter, states: Sequence[DocumentState], *, hung: bool = False
) -> Sequence[FilterAnswer | BaseException]:
    """A filter's answer for each document; if it fails on a batch or takes too long over it, it is run again on each
    document alone.

    Raises errors that no document causes: ``UserError``, as for a model that cannot be read or a filter that hangs
    twice, disk errors, and ``MemoryError``, after which a process is of no use (see ``CrashWatch``).
    """
    documents = [state.document for state in states]
    try:
        with time_limit(sum(len(document.text) for document in documents), len(documents), each.patience):
            return each.judge(documents, Split.of([state.words for state in states]))
    except (Exception, SystemExit, TookTooLong) as error:
        if isinstance(error, UserError | MemoryError) or (isinstance(error, OSError) and error.errno in DISK):
            raise  # no document is to blame
        waited = isinstance(error, WaitedTooLong)
        if len(states) == 1 and not waited:
            return [error]
        if len(states) == 1 and hung:
            problem = f"{each.kind} {error} over {states[0].document.id}, twice"
            raise UserError(
                "corpus.filters", problem, "fix what the filter waits for, or ask less of the machine"
            ) from None
        return [answers(each, [state], hung=waited)[0] for state in states]


def apply_answer(state: DocumentState, each: Filter, answer: FilterAnswer | BaseException) -> None:
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
        case BaseException() as error:
            # An object's address in a message would differ from run to run.
            message = re.sub(r"0x[0-9a-f]+", "0x", f"{type(error).__name__}: {error}")
            state.record(each.kind, "quarantined", "error", message)
