"""The stage that encodes a corpus once, into memory-mapped token shards that keep each token's document."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from domain.artifacts import PARTS, Corpus, Tokenizer, Tokens
from domain.jsonlines import read_lines
from domain.machine import Machine
from domain.progress import progress
from domain.spec import Spec
from domain.stage import stage
from domain.tokenizer.encoding.fast import Fast, plain
from domain.tokenizer.encoding.texts import FAST_PATH_SAMPLE, batched, cache_of, frame, load_tokenizer, valid
from domain.tokens.finished_shards import FinishedShards, Note
from domain.tokens.shards import SPLITS, ShardWriter

if TYPE_CHECKING:
    import tokenizers

logger = logging.getLogger(__name__)

COUNTED = ("documents", "tokens", "bytes")
AT_ONCE = 1 << 20  # characters of documents that are held at once; the tokenizer itself shares them among the cores


class Encoding(Spec):
    """How text is encoded; the tokenizer and the corpus say everything else."""


@stage("encode", makes=Tokens, version=2, resumes=True)
def encode(spec: Encoding, corpus: Corpus, tokenizer: Tokenizer, *, out: Path, machine: Machine) -> dict[str, Any]:
    """Corpus -> Tokens: every train and validation document as ``[begin] ids [end]``, a shard for each of the corpus.

    facts: ``vocabulary`` and, by split and part, ``documents``, ``tokens`` (frames included) and ``bytes`` (UTF-8);
    ``sources``: the same three of train, by part and source. A shard that is finished is not encoded again after a
    crash. Threads encode a shard each, since tiktoken leaves the interpreter free.
    """
    finished = FinishedShards(out, corpus, tokenizer)
    loaded = load_tokenizer(tokenizer.path)
    cache = cache_of(loaded)
    fast = cache.prove(loaded.backend_tokenizer, list(sample(corpus)))
    path = f"the slow tokenizer path: {cache.why}" if fast is None else "tiktoken"
    logger.info("encode: using %s", path)
    work = EncodeWork(
        finished=finished, fast=fast, backend=loaded.backend_tokenizer, frame=frame(loaded),
        largest=max(loaded.get_vocab().values()),
    )  # fmt: skip
    facts: dict[str, Any] = {"vocabulary": len(loaded), "sources": {}}
    # The tokenizer itself is on all cores already.
    with ThreadPoolExecutor(machine.worker_count if fast else 1) as pool:
        for split in SPLITS:
            facts[split] = {}
            for part in PARTS:
                total = corpus.facts["splits"].get(split, {}).get(part, {}).get("bytes", 0)
                bar = progress(what=f"encode {part} {split}", total=total, unit="B")
                futures = [pool.submit(work.shard, split, path) for path in corpus.shards(split, part)]
                counts, sources = dict.fromkeys(COUNTED, 0), dict[str, dict[str, int]]()
                try:
                    for future in futures:
                        for source, tally in future.result().items():
                            add(counts, tally)
                            add(sources.setdefault(source, dict.fromkeys(COUNTED, 0)), tally)
                            bar.update(tally["bytes"])
                finally:  # after an error no other shard is begun; those that were are finished, and kept
                    for future in futures:
                        future.cancel()
                    bar.close()
                facts[split][part] = counts
                if split == "train":
                    facts["sources"][part] = dict(sorted(sources.items()))
    finished.move()
    return facts


def add(counts: dict[str, int], more: dict[str, int]) -> None:
    """Add to the counts."""
    for name in COUNTED:
        counts[name] += more[name]


def sample(corpus: Corpus) -> Iterator[str]:
    """The beginnings of some texts of each part."""
    for part in PARTS:
        for document in islice(corpus.documents("train", part), FAST_PATH_SAMPLE[0]):
            yield valid(document["text"])[: FAST_PATH_SAMPLE[1]]


@dataclass(frozen=True, kw_only=True)
class EncodeWork:
    """What it takes to encode the files of a corpus."""

    finished: FinishedShards
    fast: Fast | None
    backend: tokenizers.Tokenizer
    frame: tuple[int, int]
    largest: int  # id

    def shard(self, split: str, path: Path) -> Note:
        """Encode one file, unless that is done: documents, tokens and bytes by source."""
        note = self.finished.find(split, path.stem)
        if note is not None:
            return note
        note, (begin, end) = {}, self.frame
        stem = self.finished.stem(split, path.stem)
        with ShardWriter(stem, vocabulary=self.largest + 1) as writer:
            for documents in batched(read_lines(path), AT_ONCE, lambda document: len(document["text"])):
                texts = [valid(document["text"]) for document in documents]
                for document, text, ids in zip(documents, texts, self.ids(texts), strict=True):
                    size, source = len(text.encode()), document["source"]
                    writer.add(np.concatenate(([begin], ids, [end])), size, source=source, name=document["id"])
                    counts = note.setdefault(source, dict.fromkeys(COUNTED, 0))
                    add(counts, {"documents": 1, "tokens": len(ids) + 2, "bytes": size})
        self.finished.note(split, path.stem, note)
        return note

    def ids(self, texts: Sequence[str]) -> list[np.ndarray]:
        """The ids of each text, without its frame."""
        return plain(self.backend, texts) if self.fast is None else self.fast.all(texts)
