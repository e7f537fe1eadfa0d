"""The n-grams of a corpus's test text in a look-up table, and how much of it training text contains, by source."""

from __future__ import annotations

import json
import shutil
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from corpora.decontamination.overlap import Overlap
from corpora.dedup.range_sort import ArrayParts, RangeSort
from corpora.ledger.ledger import PartSource
from domain.jsonlines import write_lines
from domain.machine import Machine
from domain.text.words import mixed

IN_PLACE = 5_000  # documents that are read here: starting workers takes longer
LARGEST_TABLE = 1 << 25  # n-grams of test text that are looked up: 400 MB on disk; of more, a sample
OVERLAP_FOLDER = "test_overlap"
OVERLAP_COLUMNS = ("ngrams", "came", "stays")


def hash_test_text(
    spec: Overlap, rows: Sequence[Sequence[int]], filtered: Sequence[str], scratch: Path, machine: Machine
) -> None:
    """Write the table of test text to ``<scratch>/test_overlap``, which numbers its documents in their order.

    ``rows`` are their places among the texts of each filtered shard.
    """
    from corpora.decontamination.overlap_pass import HashTestText
    from corpora.workers.executor import execute

    out = scratch / OVERLAP_FOLDER
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir(parents=True)
    with_tests = [(folder, list(own)) for folder, own in zip(filtered, rows, strict=True) if len(own)]
    step = HashTestText([folder for folder, _ in with_tests], [own for _, own in with_tests], spec.words, str(out))
    tasks = len(with_tests)
    if sum(map(len, rows)) <= IN_PLACE:
        for rank in range(tasks):
            list(step.run((), rank, tasks))
    else:
        logs = scratch / "logs" / "test text"
        execute([step], tasks=tasks, what="curate: hash test text", logs=logs, machine=machine)
    write_table(out, [out / f"{rank:05d}.npz" for rank in range(tasks)])


def write_table(out: Path, parts: Iterable[Path]) -> None:
    """``keys.npy``: the n-grams, ascending, each once; ``begins.npy`` and ``texts.npy``: which test documents hold
    each; ``sizes.npy``: how many n-grams each test document has; ``limit.npy``: hashes below it are the sample.
    """
    parts = list(parts)
    total = sum(int(np.load(part)["sizes"].sum()) for part in parts)
    one_of = 1
    while total > one_of * LARGEST_TABLE:
        one_of *= 2
    limit = np.uint64((1 << 64) // one_of - 1)
    sort, sizes, count = RangeSort(out / "sort", total // one_of), [np.empty(0, np.int64)], 0
    for part in parts:
        with np.load(part) as arrays:
            grams, here = arrays["grams"], arrays["sizes"]
        owners = np.repeat(np.arange(len(here)), here)
        chosen = mixed(grams) <= limit
        sort.add(grams[chosen], owners[chosen] + count)
        sizes.append(np.bincount(owners[chosen], minlength=len(here)))
        count += len(here)
    ArrayParts(np.unique(grams) for grams, _ in sort.parts()).save(out / "keys.npy")
    ArrayParts(texts for _, texts in sort.parts()).save(out / "texts.npy")
    ArrayParts(begins(grams for grams, _ in sort.parts())).save(out / "begins.npy")
    np.save(out / "sizes.npy", np.concatenate(sizes))
    np.save(out / "limit.npy", limit)


def begins(parts: Iterable[np.ndarray]) -> Iterator[np.ndarray]:
    """int64: where each n-gram begins among all of them (uint64, sorted, in parts), and the end of the last."""
    count = 0
    for grams in parts:
        yield count + np.unique(grams, return_index=True)[1]
        count += len(grams)
    yield np.array([count])


def overlap_facts(
    folder: Path, names: Sequence[str], sources: Sequence[PartSource], ids: Iterable[str], out: Path
) -> dict[str, Any]:
    """``test``: by source, how much of its test text stands in training text, as it came and as it stays; ``train``: by
    source, how many training documents share an n-gram with test text, and how many of them went.

    ``names`` are those under which shards were saved, ``sources`` and ``ids`` the (part, source) and id of the table's
    documents. Of each of these a line is written to ``out``.
    """
    keys, texts = np.load(folder / "keys.npy", mmap_mode="r"), np.load(folder / "texts.npy", mmap_mode="r")
    begins, sizes = np.load(folder / "begins.npy"), np.load(folder / "sizes.npy")
    came, stays = np.zeros(len(keys), bool), np.zeros(len(keys), bool)
    sharing, gone = Counter[tuple[str, str]](), Counter[tuple[str, str]]()
    for name in names:
        with np.load(folder / f"{name}.npz") as arrays:
            came[arrays["came"]] = stays[arrays["stays"]] = True
        counts, part = json.loads((folder / f"{name}.json").read_bytes()), name.partition("-")[0]
        sharing.update({(part, source): count for source, count in counts["sharing"].items()})
        gone.update({(part, source): count for source, count in counts["gone"].items()})
    each = np.diff(begins)
    of_text = [
        sizes, *(np.bincount(texts[np.repeat(marks, each)], minlength=len(sizes)) for marks in (came, stays))
    ]  # fmt: skip
    totals = {of: OverlapCounts() for of in dict.fromkeys(sources)}

    def rows() -> Iterator[dict[str, Any]]:
        """A line for each test document."""
        for name, of, *numbers in zip(ids, sources, *(column.tolist() for column in of_text), strict=True):
            totals[of].add(*numbers)
            yield {"id": name, "part": of[0], "source": of[1], **dict(zip(OVERLAP_COLUMNS, numbers, strict=True))}

    write_lines(out, rows())
    test = [{"part": part, "source": source, **vars(counts)} for (part, source), counts in totals.items()]
    train = [{"part": p, "source": s, "sharing": n, "gone": gone[p, s]} for (p, s), n in sorted(sharing.items())]
    return {"test": test, "train": train}


@dataclass
class OverlapCounts:
    """Of a source: test documents, their n-grams, and how many of both stood in training text, or still do."""

    documents: int = 0
    ngrams: int = 0
    came: int = 0
    came_half: int = 0
    stays: int = 0
    stays_half: int = 0

    def add(self, ngrams: int, came: int, stays: int) -> None:
        """Count a document."""
        self.documents += 1
        self.ngrams += ngrams
        self.came += came
        self.came_half += 2 * came > ngrams
        self.stays += stays
        self.stays_half += 2 * stays > ngrams
