"""Raw -> Corpus: the order of it all."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import chain
from pathlib import Path
from typing import Annotated, Any

import numpy as np
from pydantic import Field

from corpora.decontaminate import guard
from corpora.dedup import KIN, AnyDedup, Near
from corpora.dedup.exact import first_of_equals
from corpora.dedup.near import clusters, similar_pairs
from corpora.filters import AnyFilter
from corpora.holdout import Holdout, split
from corpora.ledger import counted, entry
from corpora.lines import read_lines, write_lines
from domain.artifacts import Corpus, Protected, Raw
from domain.errors import Refusal
from domain.machine import Machine
from domain.manifest import SCRATCH, write_json
from domain.progress import progress
from domain.spec import Spec, fingerprint
from domain.stage import stage

ERRORS = 0.1  # share of documents on which filters may raise; beyond it a filter is broken, not a document


class Curation(Spec):
    """How Raw is cleaned and split. The order of filters is the order in which they judge."""

    filters: Annotated[tuple[AnyFilter, ...], Field(description="quality, privacy, harm, with their thresholds")] = (
        "quality", "privacy", "harm",
    )  # type: ignore[assignment] # fmt: skip
    dedup: Annotated[tuple[AnyDedup, ...], Field(description="exact, near")] = ("exact", "near")  # type: ignore[assignment]
    holdout: Holdout = Holdout()


@stage("curate", makes=Corpus, version=1)
def curate(spec: Curation, raw: Raw, protected: Protected, *, out: Path, machine: Machine) -> dict[str, Any]:
    """Raw -> Corpus. facts: the counts of ``ledger.counted``, and ``unprotected`` texts that are too short to guard.

    Raises ``Refusal`` where nothing of a part is left to train on, ``RuntimeError`` where counts do not add up.
    """
    from corpora.blocks import Judge, ReadShard, WriteSplits

    scratch = out / SCRATCH
    shutil.rmtree(scratch, ignore_errors=True)
    for name in ("clean", "signs", "ledger", "places", "kept"):
        (scratch / name).mkdir(parents=True, exist_ok=True)
    shards = [
        str(path) for part in ("domain", "general") for path in sorted((raw.path / "documents").glob(f"{part}-*"))
    ]
    texts = protected.path / "texts.jsonl"
    judge = Judge(spec.filters, str(texts), str(scratch))
    run([ReadShard(shards), judge], "curate: filter", shards, spec, raw, scratch, machine)
    late = decide(spec, shards, scratch)
    run([WriteSplits(shards, str(scratch), str(out))], "curate: write", shards, spec, raw, scratch, machine)

    judged = chain.from_iterable(read_lines(path) for path in sorted((scratch / "ledger").iterdir()))
    write_lines(out / "ledger.jsonl", chain(judged, late))
    kept = chain.from_iterable(read_lines(path) for path in sorted((scratch / "kept").iterdir()))
    counts = counted(read_lines(raw.path / "inventory.jsonl"), read_lines(out / "ledger.jsonl"), kept)
    write_json(out / "counts.json", counts)
    refuse_errors(counts, out / "ledger.jsonl")
    refuse_empty(counts, shards)
    return {**counts, "unprotected": guard(texts).unprotected}


def decide(spec: Curation, shards: list[str], scratch: Path) -> list[dict[str, Any]]:
    """Which document stays, and in which split: writes ``places/``, returns the ledger of what goes."""
    loaded = [np.load(scratch / "signs" / f"{rank:05d}.npz") for rank in range(len(shards))]
    keys = np.concatenate([entry["keys"] for entry in loaded])
    signatures = np.concatenate([entry["signatures"] for entry in loaded])
    known = [
        {key: row[key] for key in ("id", "part", "source", "date", "bytes")}
        for rank in range(len(shards))
        for row in read_lines(scratch / "clean" / f"{rank:05d}.jsonl")
    ]
    count = len(known)
    stays = np.ones(count, dtype=bool)
    ledger = []
    pairs, similarities = similar_pairs(signatures, KIN)
    for step in spec.dedup:
        if isinstance(step, Near):
            reason, roots = "near duplicate", clusters(count, pairs[similarities >= step.threshold])
        else:
            reason, roots = "exact duplicate", first_of_equals(np.ascontiguousarray(keys).view("S16").ravel())
        for index in np.flatnonzero(stays & (roots != np.arange(count))):
            ledger.append(entry(known[index], "dropped", step.kind, reason, known[roots[index]]["id"]))
            stays[index] = False
    kin = clusters(count, pairs)
    staying = np.flatnonzero(stays)
    splits = split(
        [keys[i].tobytes() for i in staying],
        [(known[i]["part"], known[i]["source"]) for i in staying],
        [known[i]["date"] for i in staying],
        [int(kin[i]) for i in staying],
        spec.holdout,
    )
    chosen = dict(zip(staying.tolist(), splits, strict=True))
    start = 0
    for rank, arrays in enumerate(loaded):
        here = range(start, start + len(arrays["keys"]))
        write_lines(
            scratch / "places" / f"{rank:05d}.jsonl",
            ({"split": chosen.get(i), "cluster": known[kin[i]]["id"]} for i in here),
        )
        start = here.stop
    return ledger


def run(
    pipeline: list[Any], what: str, shards: list[str], spec: Spec, raw: Raw, scratch: Path, machine: Machine
) -> None:
    """Run a pipeline, a task for each shard, on the machine's workers.

    The logging folder is named by pipeline, input and tasks: datatrove skips what a folder calls completed,
    whatever was asked for then. Whether all tasks completed is counted here, not believed.
    """
    from corpora.blocks import Executor

    name = fingerprint([what, raw.identity, spec.asked(), len(shards)])[:16]
    logs = scratch / "logs" / name
    shutil.rmtree(logs, ignore_errors=True)
    workers = max(1, min(machine.worker_count, len(shards)))
    executor = Executor(pipeline=pipeline, tasks=len(shards), workers=workers, logging_dir=str(logs))
    with watching(logs / "completions", what, len(shards)):
        executor.run()
    completed = len(list((logs / "completions").iterdir()))
    if completed != len(shards):
        raise RuntimeError(f"{what}: {completed} of {len(shards)} shards completed")


@contextmanager
def watching(folder: Path, what: str, total: int) -> Iterator[None]:
    """A bar that follows the files in ``folder``."""
    bar, done = progress(what=what, total=total, unit="shard"), threading.Event()

    def follow() -> None:
        while not done.wait(0.5):
            if folder.exists():
                bar.update(len(list(folder.iterdir())) - bar.n)

    watcher = threading.Thread(target=follow, daemon=True)
    watcher.start()
    try:
        yield
    finally:
        done.set()
        watcher.join()
        if folder.exists():
            bar.update(len(list(folder.iterdir())) - bar.n)
        bar.close()


def refuse_errors(counts: dict[str, Any], ledger: Path) -> None:
    """Raise a ``Refusal`` where filters raised on more than a tenth of all documents, with the first of them."""
    errors = counts["dropped"].get("error", 0)
    if errors > ERRORS * counts["documents_in"]:
        row = next(row for row in read_lines(ledger) if row["reason"] == "error")
        found = f"{row['by']} raised on {errors:,} of {counts['documents_in']:,} documents"
        first = f"the first is {row['id']}: {row['detail']}".splitlines()[0]
        raise Refusal("corpus.filters", f"{found}; {first}", "mend the filter, or take it out")


def refuse_empty(counts: dict[str, Any], shards: list[str]) -> None:
    """Raise a ``Refusal`` where a part has no text left to train on."""
    for part in sorted({Path(shard).name.partition("-")[0] for shard in shards}):
        if not counts["splits"].get("train", {}).get(part):
            reasons = ", ".join(f"{reason} {count:,}" for reason, count in counts["dropped"].items()) or "none"
            found = f"no document is left to train on after curation (dropped: {reasons})"
            raise Refusal(f"corpus.{part}", found, "loosen corpus.filters, lower corpus.holdout, or give more text")
