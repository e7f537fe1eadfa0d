"""The datatrove blocks of curation: read a shard, judge, sign, keep; then write what stays to its split."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from datatrove.data import Document
from datatrove.executor.local import LocalPipelineExecutor
from datatrove.pipeline.base import PipelineStep
from datatrove.utils.logging import logger

from corpora.decontaminate import Decontamination, guard
from corpora.dedup.exact import text_key
from corpora.document import clean, to_trove
from corpora.filters.filter import Change, Drop, Filter
from corpora.ledger import entry
from corpora.lines import line, read_lines, write_lines
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
        out, protection = Path(self.out), guard(Path(self.protected))
        ledger: list[dict[str, Any]] = []
        keys: list[bytes] = []
        signatures: list[np.ndarray] = []
        with (out / "clean" / f"{rank:05d}.jsonl").open("w", encoding="utf-8") as file:
            for document in data:
                judgement = Judgement(document)
                hashes = judgement.passed(self.filters, protection)
                ledger.extend(judgement.ledger)
                if hashes is None:
                    continue
                keys.append(text_key(document.text))
                signatures.append(signature(hashes))
                file.write(line({**document.metadata, "id": document.id, "text": document.text}))
        write_lines(out / "ledger" / f"{rank:05d}.jsonl", ledger)
        stacked = np.stack(signatures) if signatures else np.empty((0, SIZE), np.uint32)
        raw = np.frombuffer(b"".join(keys), dtype=np.uint8).reshape(-1, 16)
        np.savez(out / "signs" / f"{rank:05d}.npz", keys=raw, signatures=stacked)
        yield from ()


class Judgement:
    """One document before all its judges, and the ledger lines that they make."""

    def __init__(self, document: Document) -> None:
        self.document, self.ledger = document, list[dict[str, Any]]()
        self.known = {"id": document.id, **document.metadata}

    def note(self, action: str, by: str, reason: str, detail: str) -> None:
        """Add a line to the ledger."""
        self.ledger.append(entry(self.known, action, by, reason, detail))

    def passed(self, filters: tuple[Filter, ...], protection: Decontamination) -> np.ndarray | None:
        """The word hashes of the document as it now reads, or None where it goes.

        It is compared with the protected texts as it came and as it stays: a mask, or a filter that takes
        something out, may break or join the words that both share.
        """
        split = words(self.document.text)
        hashes = word_hashes(split)
        came = hashes
        for each in filters:
            try:
                verdict = each.judge(self.document.text, split)
                if verdict is not None and not isinstance(verdict, Change | Drop):
                    raise TypeError(f"judge answered {verdict!r}, not None, Drop or Change")
                if isinstance(verdict, Change):
                    verdict = Change(clean(verdict.text), verdict.reason, verdict.detail)
            except Exception as error:
                # An object's address in a message would differ from run to run.
                told = re.sub(r"0x[0-9a-f]+", "0x", f"{type(error).__name__}: {error}")
                self.note("dropped", each.kind, "error", told)
                return None
            if isinstance(verdict, Change):
                self.note("changed", each.kind, verdict.reason, verdict.detail)
                self.document.text = verdict.text
                split = words(verdict.text)
                hashes = word_hashes(split)
            elif isinstance(verdict, Drop):
                self.note("dropped", each.kind, verdict.reason, verdict.detail)
                return None
        if not self.document.text:
            self.note("dropped", "curate", "empty", "nothing is left of its text")
            return None
        found = protection.judge(hashes) or (protection.judge(came) if hashes is not came else None)
        if found is not None:
            self.note("dropped", "decontaminate", found.reason, found.detail)
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
                files[split].write(line(row))
                size = len(document["text"].encode())
                kept.append({"source": document["source"], "part": part, "split": split, "bytes": size})
        finally:
            for file in files.values():
                file.close()
        write_lines(scratch / "kept" / f"{rank:05d}.jsonl", kept)
        yield from ()
