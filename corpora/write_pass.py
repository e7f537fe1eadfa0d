"""The second pass over the text: kept text goes to its split, the outcome of every document to the ledger."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np
from datatrove.data import Document as TroveDocument
from datatrove.pipeline.base import PipelineStep

from corpora.decontaminate import Decontamination, guard
from corpora.dedup import Passages
from corpora.dedup.passages import cut
from corpora.ledger import Row, entry, write_ledger
from domain.jsonlines import line, read_lines, write_lines

if TYPE_CHECKING:
    from datatrove.data import DocumentsPipeline

ShardKey = tuple[str, str, str]  # source, part, split


class WriteSplits(PipelineStep):  # type: ignore[misc]
    """Rank r writes what stays of a filtered shard to ``<split>/<shard>.jsonl``, as ``decided/r.jsonl`` says.

    Besides, in ``scratch``: ``ledger/r.parquet``, and ``kept/r.jsonl``, counted from the lines as they were written, so
    that the counts are checked against an independent source.
    """

    name, type = "write splits", "writer"

    def __init__(
        self, shards: list[str], filtered: list[str], decontaminate: Decontamination, passages: Passages | None,
        texts: str, scratch: str, out: str,
    ) -> None:  # fmt: skip
        super().__init__()
        self.shards, self.filtered, self.decontaminate, self.passages = shards, filtered, decontaminate, passages
        self.texts, self.scratch, self.out = texts, scratch, out

    def run(self, data: DocumentsPipeline, rank: int = 0, world_size: int = 1) -> Iterator[TroveDocument]:
        """Write one shard: its documents and the decisions on them, read in step."""
        filtered, scratch, shard = Path(self.filtered[rank]), Path(self.scratch), Path(self.shards[rank]).name
        texts = read_lines(filtered / "clean.jsonl")
        decided = read_lines(scratch / "decided" / f"{rank:05d}.jsonl")
        twice = np.load(scratch / "twice.npy")
        files: dict[str, BinaryIO] = {}
        ledger, counts, sizes = list[Row](), Counter[ShardKey](), Counter[ShardKey]()
        try:
            for state in read_lines(filtered / "states.jsonl"):
                events = state.pop("events")
                document = {**state, "part": shard.partition("-")[0], "shard": shard}
                if all(each["action"] == "changed" for each in events):
                    decision, text = next(decided), next(texts)["text"]
                    text, more = self.finished(text, decision, twice)
                    events += more
                    if decision["events"]:
                        pass
                    elif not text:
                        events.append({"stage": events[-1]["stage"], "action": "dropped", "reason": "empty"})
                    else:
                        split, cluster = decision["split"], decision["cluster"]
                        if split not in files:
                            (Path(self.out) / split).mkdir(exist_ok=True)
                            files[split] = (Path(self.out) / split / shard).open("wb")
                        row = {key: value for key, value in state.items() if key not in ("bytes", "confidence")}
                        files[split].write(line({**row, "text": text, "cluster": cluster}))
                        size = len(text.encode())
                        counts[document["source"], document["part"], split] += 1
                        sizes[document["source"], document["part"], split] += size
                        where = {"split": split, "cluster": cluster, "bytes_kept": size}
                        events.append({"stage": "holdout", "action": "kept", **where})
                ledger.extend(entry(document, **each) for each in events)
        finally:
            for file in files.values():
                file.close()
        write_ledger(scratch / "ledger" / f"{rank:05d}.parquet", ledger)
        counted = [
            {"source": s, "part": p, "split": t, "documents": n, "bytes": sizes[s, p, t]}
            for (s, p, t), n in counts.items()
        ]
        write_lines(scratch / "kept" / f"{rank:05d}.jsonl", counted)
        yield from ()

    def finished(self, text: str, decision: dict[str, Any], twice: np.ndarray) -> tuple[str, list[dict[str, Any]]]:
        """The text without the passages to cut, and the events that record it."""
        events = list(decision["events"])
        if events:
            return text, events
        events += decision.get("notes", [])
        if runs := decision.get("cut"):
            text, count = guard(Path(self.texts), self.decontaminate).cut(text, runs)
            events.append(
                {"stage": "decontaminate", "action": "changed", "reason": "passage cut", "detail": str(count)}
            )
        if self.passages is not None:
            text, count = cut(text, self.passages, twice, decision["number"])
            if count:
                events.append({"stage": "passages", "action": "changed", "reason": "boilerplate", "detail": str(count)})
        return text, events
