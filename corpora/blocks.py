"""The datatrove blocks of curation: read a shard, judge, sign, keep; then write what stays to its split."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from datatrove.data import Document
from datatrove.executor.local import LocalPipelineExecutor
from datatrove.pipeline.base import PipelineStep
from datatrove.utils.logging import logger

from corpora.decontaminate import Decontamination
from corpora.dedup.exact import text_key
from corpora.document import to_trove
from corpora.filters.filter import Change, Drop, Filter
from corpora.ledger import entry, read_lines, write_lines
from domain.text.minhash import SIZE, signature
from domain.text.words import word_hashes, words


class Executor(LocalPipelineExecutor):  # type: ignore[misc]
    """datatrove's local executor without its talk: progress is told once, by the stage."""

    def run(self) -> Any:
        logger.disable("datatrove")
        return super().run()

    def _run_for_rank(self, rank: int, local_rank: int = 0, node_rank: int = -1) -> Any:
        logger.disable("datatrove")
        return super()._run_for_rank(rank, local_rank, node_rank)


class ReadShard(PipelineStep):  # type: ignore[misc]
    """Rank r reads the r-th shard of Raw."""

    name, type = "read shard", "reader"

    def __init__(self, shards: list[str]) -> None:
        super().__init__()
        self.shards = shards

    def run(self, data: Any, rank: int = 0, world_size: int = 1) -> Iterator[Document]:
        """Documents with ``part`` and ``bytes`` (as they came in) in their metadata."""
        path = Path(self.shards[rank])
        for record in read_lines(path):
            document = to_trove(record)
            document.metadata["part"] = path.name.partition("-")[0]
            document.metadata["bytes"] = len(document.text.encode())
            yield document


class Judge(PipelineStep):  # type: ignore[misc]
    """All filters and the decontamination, on one split into words; then the survivors' signatures.

    A document that raises is dropped with its exception as the reason: it must not take its shard with it.
    Writes, for rank r: ``clean/r.jsonl``, ``signs/r.npz`` and ``ledger/r.jsonl``.
    """

    name, type = "judge", "filter"

    def __init__(self, filters: tuple[Filter, ...], protected: str, out: str) -> None:
        super().__init__()
        self.filters, self.protected, self.out = filters, protected, out

    def run(self, data: Iterable[Document], rank: int = 0, world_size: int = 1) -> Iterator[Document]:
        """Judge every document of the rank's shard; nothing is passed on but the files."""
        out = Path(self.out)
        guard = Decontamination(Path(self.protected))
        ledger: list[dict[str, Any]] = []
        keys: list[bytes] = []
        signatures: list[np.ndarray] = []
        with (out / "clean" / f"{rank:05d}.jsonl").open("w", encoding="utf-8") as clean:
            for document in data:
                known = {"id": document.id, **document.metadata}
                try:
                    hashes = self.judged(document, known, ledger, guard)
                    if hashes is None:
                        continue
                    key, sign = text_key(document.text), signature(hashes)
                except Exception as error:
                    ledger.append(entry(known, "dropped", "curate", "error", f"{type(error).__name__}: {error}"))
                    continue
                keys.append(key)
                signatures.append(sign)
                row = {**document.metadata, "id": document.id, "text": document.text}
                clean.write(json.dumps(row, ensure_ascii=False, sort_keys=True) + "\n")
        write_lines(out / "ledger" / f"{rank:05d}.jsonl", ledger)
        stacked = np.stack(signatures) if signatures else np.empty((0, SIZE), np.uint32)
        raw = np.frombuffer(b"".join(keys), dtype=np.uint8).reshape(-1, 16)
        np.savez(out / "signs" / f"{rank:05d}.npz", keys=raw, signatures=stacked)
        yield from ()

    def judged(
        self, document: Document, known: dict[str, Any], ledger: list[dict[str, Any]], guard: Decontamination
    ) -> np.ndarray | None:
        """Run the filters over a document, noting what they do; its word hashes, or None where it goes."""
        split = words(document.text)
        for each in self.filters:
            verdict = each.judge(document.text, split)
            if isinstance(verdict, Change):
                ledger.append(entry(known, "changed", each.kind, verdict.reason, verdict.detail))
                document.text = verdict.text
                split = words(document.text)
            elif isinstance(verdict, Drop):
                ledger.append(entry(known, "dropped", each.kind, verdict.reason, verdict.detail))
                return None
        hashes = word_hashes(split)
        verdict = guard.judge(hashes)
        if verdict is not None:
            ledger.append(entry(known, "dropped", "decontaminate", verdict.reason, verdict.detail))
            return None
        return hashes


class WriteSplits(PipelineStep):  # type: ignore[misc]
    """Rank r writes what stays of its shard to ``<split>/<part>-<n>.jsonl``, as ``places/r.jsonl`` says."""

    name, type = "write splits", "writer"

    def __init__(self, shards: list[str], scratch: str, out: str) -> None:
        super().__init__()
        self.shards, self.scratch, self.out = shards, scratch, out

    def run(self, data: Any, rank: int = 0, world_size: int = 1) -> Iterator[Document]:
        """One pass over the shard's clean documents, beside the decisions on them."""
        name, scratch = Path(self.shards[rank]).name, Path(self.scratch)
        files: dict[str, Any] = {}
        kept = []
        documents = read_lines(scratch / "clean" / f"{rank:05d}.jsonl")
        places = read_lines(scratch / "places" / f"{rank:05d}.jsonl")
        try:
            for document, place in zip(documents, places, strict=True):
                if place["split"] is None:
                    continue
                split = place["split"]
                if split not in files:
                    (Path(self.out) / split).mkdir(exist_ok=True)
                    files[split] = (Path(self.out) / split / name).open("w", encoding="utf-8")
                part = document.pop("part")
                del document["bytes"]
                row = {**document, "cluster": place["cluster"]}
                files[split].write(json.dumps(row, ensure_ascii=False, sort_keys=True) + "\n")
                size = len(document["text"].encode())
                kept.append({"source": document["source"], "part": part, "split": split, "bytes": size})
        finally:
            for file in files.values():
                file.close()
        write_lines(scratch / "kept" / f"{rank:05d}.jsonl", kept)
        yield from ()
