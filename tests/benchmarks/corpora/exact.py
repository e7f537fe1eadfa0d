"""Equal texts, from a file that is read to one that is written: against datatrove's three stages, same normalisation.

A tenth of the texts comes a second time in other case and white space; what is kept must be the same for both, which
fold alike (``domain.text.fold``). Each
has a process of its own: in this one, whose memory is full of other texts, ours takes a sixth longer.
"""

from __future__ import annotations

import contextlib
import io
import multiprocessing
import random
import tempfile
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import orjson

from corpora.dedup.exact import exact_keys, first_of_equals
from domain.text.fold import fold
from tests.benchmarks.corpora.near import BATCH, copied, records, written
from tests.benchmarks.rounds import interleaved, resident, row

TIMES = 5  # ours in a round, so that both are timed over seconds


def ours(path: Path, out: Path) -> None:
    """Read twice, write once."""
    lines, keys = records(path), [np.empty((0, 2), np.uint64)]
    while batch := list(islice(lines, BATCH)):
        keys.append(exact_keys([each["text"] for each in batch]))
    every = np.concatenate(keys)
    copied(path, out, first_of_equals(every, np.arange(len(every))) != np.arange(len(every)))


def several(path: Path, outs: list[Path]) -> None:
    """Ours for each of ``outs``."""
    for out in outs:
        ours(path, out)


def datatrove(path: Path, out: Path) -> None:
    """Signatures, finds, filter."""
    from datatrove.data import Document
    from datatrove.pipeline.dedup.exact_dedup import (
        ExactDedupConfig,
        ExactDedupFilter,
        ExactDedupSignature,
        ExactFindDedups,
    )  # fmt: skip
    from datatrove.pipeline.readers import JsonlReader
    from datatrove.pipeline.writers import JsonlWriter
    from datatrove.utils.logging import logger

    def content(document: Document) -> bytes:
        return " ".join(fold(document.text).text.casefold().split()).encode()

    content.__annotations__["return"] = bytes  # datatrove reads it, and it stands here as a string
    logger.disable("datatrove")
    source, config = str(path.parent), ExactDedupConfig(content_getter=content)
    with tempfile.TemporaryDirectory() as work, contextlib.redirect_stderr(io.StringIO()):
        ExactDedupSignature(f"{work}/signs", config).run(JsonlReader(source).run(), 0, 1)
        ExactFindDedups(f"{work}/signs", f"{work}/found", config).run(None, 0, 1)
        writer = JsonlWriter(str(out.parent), out.name, compression=None)
        for _ in writer.run(ExactDedupFilter(f"{work}/found", config).run(JsonlReader(source).run(), 0, 1), 0, 1):
            pass


def kept(out: Path) -> list[str]:
    """The ids that were written."""
    return [orjson.loads(text)["id"] for text in out.read_bytes().splitlines()]


def rows(texts: list[str], seed: int, rounds: int) -> Iterator[dict[str, Any]]:
    """One row."""
    chance = random.Random(seed)
    again = [text.upper() if text.isascii() else text for text in chance.sample(texts, len(texts) // 10)]
    every = texts + [f"\n{text}".replace(" ", "  ") for text in again]
    size = sum(len(text.encode()) for text in every) / 1e6
    fresh = multiprocessing.get_context("spawn")
    with tempfile.TemporaryDirectory() as given, fresh.Pool(1) as mine, fresh.Pool(1) as peer:
        path, theirs = written(Path(given), "all", every), Path(given) / "theirs.jsonl"
        outs = [Path(given) / f"ours{number}.jsonl" for number in range(TIMES)]
        ways = {
            "ours": lambda: mine.apply(several, (path, outs)),
            "theirs": lambda: peer.apply(datatrove, (path, theirs)),
        }
        seconds = interleaved(ways, rounds, tidy=lambda _: [out.unlink(missing_ok=True) for out in (theirs, *outs)])
        datatrove(path, theirs), ours(path, outs[0])
        same = kept(outs[0]) == kept(theirs)
        gate = {"kept": len(kept(outs[0])), "of": len(every), "identical": same}
        once = [each / TIMES for each in seconds["ours"]]
        memory = resident(ours, path, outs[0])
    yield row("exact", once, size, seconds["theirs"], size, 4.5, gate=gate, holds=same, resident_mb=memory)
