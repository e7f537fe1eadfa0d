"""The second pass over the text: writes kept text to its split, and the outcome of every document to the ledger."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np
from datatrove.data import Document as TroveDocument
from datatrove.pipeline.base import PipelineStep

from corpora.curation.decisions import read_decisions
from corpora.decontamination.decontaminate import Decontamination, guard
from corpora.decontamination.overlap import Overlap, OverlapOfShard, overlap_table
from corpora.decontamination.overlap_table import OVERLAP_FOLDER
from corpora.dedup import Passages
from corpora.dedup.passages import cut
from corpora.ledger.ledger import Row, entry, write_ledger
from domain.jsonlines import line, read_lines, write_lines

if TYPE_CHECKING:
    from datatrove.data import DocumentsPipeline

BATCH = 256  # documents that are held against test text together
ShardKey = tuple[str, str, str]  # source, part, split


@dataclass
class DocumentOutcome:
    """What becomes of a document: ``split`` is None for one that goes, ``events`` say why."""

    state: dict[str, Any]
    events: list[dict[str, Any]]
    text: str = ""
    split: str | None = None
    cluster: str | None = None


def without_overlap(batch: Sequence[DocumentOutcome], overlap: OverlapOfShard) -> None:
    """Drop or cut what the training documents among these share with test text."""
    train = [each for each in batch if each.split == "train" and each.text]
    settled = overlap.settled([each.state["source"] for each in train], [each.text for each in train])
    for each, (text, event) in zip(train, settled, strict=True):
        each.text = text
        if event is not None:
            each.events.append(event)
            each.split = None if event["action"] == "dropped" else each.split


class WriteSplits(PipelineStep):  # type: ignore[misc]
    """Rank r writes what stays of a filtered shard to ``<split>/<shard>.jsonl``, as ``decided/r.json`` says.

    Besides, in ``scratch``: ``ledger/r.parquet``, and ``kept/r.jsonl``, counted from the lines as they were written, so
    that the counts are checked against an independent source.
    """

    name, type = "write splits", "writer"

    def __init__(
        self, shards: list[str], filtered: list[str], decontaminate: Decontamination, passages: Passages | None,
        overlap: Overlap, texts: str, scratch: str, out: str,
    ) -> None:  # fmt: skip
        super().__init__()
        self.shards, self.filtered, self.decontaminate, self.passages = shards, filtered, decontaminate, passages
        self.overlap = overlap
        self.texts, self.scratch, self.out = texts, scratch, out

    def run(self, data: DocumentsPipeline, rank: int = 0, world_size: int = 1) -> Iterator[TroveDocument]:
        """Write one shard: its documents and the decisions on them, read in step."""
        filtered, scratch, shard = Path(self.filtered[rank]), Path(self.scratch), Path(self.shards[rank]).name
        written = (scratch / OVERLAP_FOLDER / "keys.npy").stat().st_mtime_ns
        overlap = OverlapOfShard(overlap_table(scratch / OVERLAP_FOLDER, self.overlap, written))
        files: dict[str, BinaryIO] = {}
        ledger, counts, sizes = list[Row](), Counter[ShardKey](), Counter[ShardKey]()
        twice = repeated_paragraphs(scratch / "twice")
        documents = self.decided(filtered, scratch / "decided" / f"{rank:05d}.json", twice)
        try:
            while batch := list(islice(documents, BATCH)):
                without_overlap(batch, overlap)
                for each in batch:
                    document = {**each.state, "part": shard.partition("-")[0], "shard": shard}
                    if each.split is not None and not each.text:
                        stage = each.events[-1]["stage"]
                        each.events.append({"stage": stage, "action": "dropped", "reason": "empty"})
                    elif each.split is not None:
                        split, cluster = each.split, each.cluster
                        if split not in files:
                            (Path(self.out) / split).mkdir(exist_ok=True)
                            files[split] = (Path(self.out) / split / shard).open("wb")
                        row = {key: value for key, value in each.state.items() if key not in ("bytes", "confidence")}
                        files[split].write(line({**row, "text": each.text, "cluster": cluster}))
                        size = len(each.text.encode())
                        counts[document["source"], document["part"], split] += 1
                        sizes[document["source"], document["part"], split] += size
                        where = {"split": split, "cluster": cluster, "bytes_kept": size}
                        each.events.append({"stage": "holdout", "action": "kept", **where})
                    ledger.extend(entry(document, **event) for event in each.events)
        finally:
            for file in files.values():
                file.close()
        write_ledger(scratch / "ledger" / f"{rank:05d}.parquet", ledger)
        counted = [
            {"source": s, "part": p, "split": t, "documents": n, "bytes": sizes[s, p, t]}
            for (s, p, t), n in counts.items()
        ]
        write_lines(scratch / "kept" / f"{rank:05d}.jsonl", counted)
        overlap.save(scratch / OVERLAP_FOLDER, shard)
        yield from ()

    def decided(self, filtered: Path, decisions: Path, twice: np.ndarray) -> Iterator[DocumentOutcome]:
        """Each document of a shard with the text as it stays, read in step with the decisions."""
        texts, decided = read_lines(filtered / "clean.jsonl"), read_decisions(decisions)
        for state in read_lines(filtered / "states.jsonl"):
            events = state.pop("events")
            if not all(each["action"] == "changed" for each in events):
                yield DocumentOutcome(state, events)
                continue
            decision, text = next(decided), next(texts)["text"]
            text, more = self.finished(text, decision, twice)
            stays = not decision["events"]
            split, cluster = (decision["split"], decision["cluster"] or state["id"]) if stays else (None, None)
            yield DocumentOutcome(state, [*events, *more], text, split, cluster)

    def finished(self, text: str, decision: dict[str, Any], twice: np.ndarray) -> tuple[str, list[dict[str, Any]]]:
        """The text without the passages to cut, and the events that record it."""
        events = list(decision["events"])
        if events:
            return text, events
        events += decision["notes"]
        if decision["cut"]:
            text, count = guard(Path(self.texts), self.decontaminate).cut(text, decision["cut"])
            events.append(
                {"stage": "decontaminate", "action": "changed", "reason": "passage cut", "detail": str(count)}
            )
        if self.passages is not None:
            text, count = cut(text, self.passages, twice, decision["number"])
            if count:
                events.append({"stage": "passages", "action": "changed", "reason": "boilerplate", "detail": str(count)})
        return text, events


def repeated_paragraphs(path: Path) -> np.ndarray:
    """uint64 [paragraphs, 2], searched on disk: the hash of each repeated one, and which document keeps it."""
    if not path.stat().st_size:
        return np.empty((0, 2), np.uint64)
    return np.memmap(path, np.uint64, "r").reshape(-1, 2)
