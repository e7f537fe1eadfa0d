"""The second pass over the text: what stays goes to its split, and each document's fate into the ledger."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from datatrove.data import Document as TroveDocument
from datatrove.pipeline.base import PipelineStep

from corpora.decontaminate import Decontamination, guard
from corpora.dedup import Passages
from corpora.dedup.passages import cut
from corpora.ledger import Row, entry, write_ledger
from domain.jsonlines import line, read_lines, write_lines

ShardKey = tuple[str, str, str]  # source, part, split


class Publish(PipelineStep):  # type: ignore[misc]
    """Rank r writes what stays of a judged shard to ``<split>/<shard>.jsonl``, as ``decided/r.jsonl`` says.

    Besides, in ``scratch``: ``ledger/r.parquet``, and ``kept/r.jsonl``, counted from the lines as they were written, so
    that the counts are checked from lists that were made apart.
    """

    name, type = "publish", "writer"

    def __init__(
        self, shards: list[str], judged: list[str], decontaminate: Decontamination, passages: Passages | None,
        texts: str, scratch: str, out: str,
    ) -> None:  # fmt: skip
        super().__init__()
        self.shards, self.judged, self.decontaminate, self.passages = shards, judged, decontaminate, passages
        self.texts, self.scratch, self.out = texts, scratch, out

    def run(self, data: Any, rank: int = 0, world_size: int = 1) -> Iterator[TroveDocument]:
        """One pass over the shard's documents, beside the decisions on them."""
        judged, scratch, shard = Path(self.judged[rank]), Path(self.scratch), Path(self.shards[rank]).name
        texts = read_lines(judged / "clean.jsonl")
        decided = read_lines(scratch / "decided" / f"{rank:05d}.jsonl")
        twice = np.load(scratch / "twice.npy")
        files: dict[str, Any] = {}
        ledger, kept, sizes = list[Row](), Counter[ShardKey](), Counter[ShardKey]()
        try:
            for fate in read_lines(judged / "fates.jsonl"):
                said = fate.pop("said")
                known = {**fate, "part": shard.partition("-")[0], "shard": shard}
                if all(each["action"] == "changed" for each in said):
                    decision, text = next(decided), next(texts)["text"]
                    text, more = self.finished(text, decision, twice)
                    said += more
                    if decision["said"]:
                        pass
                    elif not text:
                        said.append({"stage": said[-1]["stage"], "action": "dropped", "reason": "empty"})
                    else:
                        split, cluster = decision["split"], decision["cluster"]
                        if split not in files:
                            (Path(self.out) / split).mkdir(exist_ok=True)
                            files[split] = (Path(self.out) / split / shard).open("wb")
                        row = {key: value for key, value in fate.items() if key not in ("bytes", "confidence")}
                        files[split].write(line({**row, "text": text, "cluster": cluster}))
                        size = len(text.encode())
                        kept[known["source"], known["part"], split] += 1
                        sizes[known["source"], known["part"], split] += size
                        where = {"split": split, "cluster": cluster, "bytes_kept": size}
                        said.append({"stage": "holdout", "action": "kept", **where})
                ledger.extend(entry(known, **each) for each in said)
        finally:
            for file in files.values():
                file.close()
        write_ledger(scratch / "ledger" / f"{rank:05d}.parquet", ledger)
        counted = [
            {"source": s, "part": p, "split": t, "documents": n, "bytes": sizes[s, p, t]}
            for (s, p, t), n in kept.items()
        ]
        write_lines(scratch / "kept" / f"{rank:05d}.jsonl", counted)
        yield from ()

    def finished(self, text: str, decision: dict[str, Any], twice: np.ndarray) -> tuple[str, list[dict[str, Any]]]:
        """The text with what was decided cut out of it, and what is to be said of that."""
        said = list(decision["said"])
        if said:
            return text, said
        if found := decision.get("cut"):
            text, count = guard(Path(self.texts), self.decontaminate).cut(text, found)
            said.append({"stage": "decontaminate", "action": "changed", "reason": "passage cut", "detail": str(count)})
        if self.passages is not None:
            text, count = cut(text, self.passages, twice, decision["number"])
            if count:
                said.append({"stage": "passages", "action": "changed", "reason": "boilerplate", "detail": str(count)})
        return text, said
