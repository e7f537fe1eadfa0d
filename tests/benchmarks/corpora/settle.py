"""What the deciding step of curation takes for very many documents, on made-up signatures.

    python -m tests.benchmarks.corpora.settle --documents 1 5 20 --workers 2

For each size, in millions, it writes what the first pass over the text would leave: 5% near duplicates, 1% equal ones,
15% dropped and 8% changed by filters, three sources, two of them dated. Then a fresh process reads it, finds the
duplicates, decides, remembers, and writes the decisions. A line of JSON each: seconds, the largest resident memory of
that process and of all processes together, and bytes a document; last the line through all sizes. Not in it: what needs
the text, that is the n-grams by which held-out text is known again.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import orjson

from domain.text.minhash import BANDS
from domain.text.words import mixed

SHARD = 4_000  # documents: 4 MB of text
SOURCES = ("filings", "news", "web")
SCALES = (10**8, 10**9)  # documents for which the line is read
GOAL = 60  # bytes a document


def signatures(numbers: np.ndarray, salt: int) -> tuple[np.ndarray, np.ndarray]:
    """Keys (uint64 [texts, 2]) and bands (uint64 [texts, 14]) of texts that are called so."""
    columns = np.arange(BANDS + 2, dtype=np.uint64) + np.uint64(salt * (BANDS + 2))
    hashes = mixed(mixed(numbers.astype(np.uint64))[:, None] + columns[None])
    return hashes[:, :2], hashes[:, 2:]


def write_shard(folder: Path, start: int, count: int, documents: int, chance: np.random.Generator) -> None:
    """Write what the first pass leaves of a shard."""
    folder.mkdir(parents=True)
    numbers = np.arange(start, start + count)
    keys, bands = signatures(numbers, 0)
    copies = np.flatnonzero(chance.random(count) < 0.06)
    originals = signatures(chance.integers(0, documents, len(copies)), 0)
    equal = chance.random(len(copies)) < 1 / 6
    keys[copies[equal]] = originals[0][equal]
    shared = (chance.random((len(copies), BANDS)) < 0.5) | equal[:, None]
    bands[copies] = np.where(shared, originals[1], bands[copies])
    rows = np.flatnonzero(chance.random(count) < 0.85)
    changed = np.flatnonzero(chance.random(len(rows)) < 0.1)
    after = signatures(numbers[rows[changed]], 1)
    near = chance.random((len(changed), BANDS)) < 0.5  # a mask leaves the other bands as they were
    np.savez(
        folder / "signatures.npz", raw_keys=keys, raw_bands=bands, rows=rows, changed=changed, keys=after[0],
        bands=np.where(near, bands[rows[changed]], after[1]), matches=np.empty((0, 2), np.int64),
        passages=np.empty((0, 2), np.uint64),
    )  # fmt: skip
    of = [SOURCES[place] for place in (numbers % len(SOURCES)).tolist()]
    days = np.datetime_as_string(np.datetime64("2001-01-01") + chance.integers(0, 9_000, count)).tolist()
    columns = {
        "source": of,
        "date": [None if source == "web" else day for source, day in zip(of, days, strict=True)],
        "id": [f"{source}/{day[:4]}/{number:010}" for source, day, number in zip(of, days, numbers, strict=True)],
    }
    (folder / "columns.json").write_bytes(orjson.dumps(columns))


def settle(folder: Path, workers: int) -> dict[str, Any]:
    """Decide on the documents of a folder; seconds by step, and memory."""
    from corpora.curation.decide import decide
    from corpora.decontamination.decontaminate import Decontamination, guard
    from corpora.dedup import Exact, Near
    from corpora.dedup.bucket_pass import find_buckets
    from corpora.dedup.candidates import candidates_of
    from corpora.dedup.index import Index
    from corpora.heldout.history import History
    from corpora.heldout.holdout import Holdout
    from domain.machine import Machine

    machine, scratch = Machine(workers=workers, work=folder / "work"), folder / "scratch"
    filtered = [str(path) for path in sorted((folder / "filtered").iterdir())]
    shards = [Path(path).name for path in filtered]
    (folder / "texts.jsonl").write_text('{"task": "quiz", "item": 0, "text": "a b c d e f g h i j k l m n o p"}\n')
    protection = guard(folder / "texts.jsonl", Decontamination())
    base, times = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, [time.perf_counter()]
    candidates = candidates_of(shards, filtered, scratch / "columns")
    times.append(time.perf_counter())
    find_buckets(candidates.folder, candidates.signatures, machine, scratch / "logs")
    times.append(time.perf_counter())
    index, holdout = Index(scratch / "segments"), Holdout(later=0.01)
    history = History.of([], holdout, candidates, shards, scratch, machine)
    decisions = decide(candidates, (Exact(), Near()), holdout, protection, index, history)
    times.append(time.perf_counter())
    decisions.write(scratch, candidates, index)
    index.save(folder / "index")
    times.append(time.perf_counter())
    own = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - base) * 1024
    steps = dict(zip(("read", "buckets", "decide", "write"), np.diff(times).round(1).tolist(), strict=True))
    stay = int((candidates.read("passed") & (decisions.reasons == 0)).sum())
    return {"bytes_a_document": round(own / len(candidates), 1), "own_mb": own >> 20, "steps": steps, "stay": stay}


def resident_of_session(session: int) -> int:
    """Resident KB of all processes of a session."""
    total = 0
    for path in Path("/proc").glob("[0-9]*"):
        try:
            if os.getsid(int(path.name)) == session:
                total += int((path / "statm").read_text().split()[1]) * resource.getpagesize() // 1024
        except (OSError, IndexError):
            continue
    return total


def measured(folder: Path, documents: int, workers: int) -> dict[str, Any]:
    """The figures of one size."""
    chance = np.random.default_rng(documents)
    for number, start in enumerate(range(0, documents, SHARD)):
        name = f"domain-{number:06}"
        write_shard(folder / "filtered" / name, start, min(SHARD, documents - start), documents, chance)
    module = "tests.benchmarks.corpora.settle"
    command = [sys.executable, "-m", module, "--only", str(folder), "--workers", str(workers)]
    began, peak = time.perf_counter(), 0
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, start_new_session=True)
    lines = list[str]()
    reader = threading.Thread(target=lambda: lines.extend(process.stdout or ()))
    reader.start()
    while process.poll() is None:
        peak = max(peak, resident_of_session(process.pid))
        time.sleep(0.2)
    reader.join()
    if process.returncode:
        sys.exit(f"settle: the deciding step ended with {process.returncode}")
    seconds = round(time.perf_counter() - began, 1)
    return {"documents": documents, "seconds": seconds, "all_mb": peak >> 10, **json.loads(lines[-1])}


def line(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """Least squares through memory and time over documents, and what it says of more of them."""
    documents = np.array([row["documents"] for row in rows])
    answers: dict[str, Any] = {}
    for name in ("own_mb", "seconds"):
        steep, base = np.polyfit(documents, np.array([row[name] for row in rows]), 1)
        answers[name] = {f"{scale:,}": round(float(base + steep * scale)) for scale in SCALES}
        if name == "own_mb":
            answers["bytes_a_document"] = round(float(steep) * 2**20, 1)
            answers["bound_mb"] = round(float(base))
    return {**answers, "passed": answers["bytes_a_document"] <= GOAL}


def main() -> int:
    """Every size in turn, then the line."""
    options = argparse.ArgumentParser(prog="settle")
    options.add_argument("--documents", type=float, nargs="+", default=[1, 5, 20], help="in millions")
    options.add_argument("--workers", type=int, default=2)
    options.add_argument("--only", type=Path, help="decide on what an earlier run wrote to this folder")
    given = options.parse_args()
    if given.only is not None:
        print(json.dumps(settle(given.only, given.workers)))
        return 0
    rows = []
    for millions in given.documents:
        with tempfile.TemporaryDirectory() as folder:
            rows.append(measured(Path(folder), round(millions * 1e6), given.workers))
        print(json.dumps(rows[-1]), flush=True)
    if len(rows) < 2:
        return 0
    through = line(rows)
    print(json.dumps(through))
    return 0 if through["passed"] else 1


if __name__ == "__main__":
    sys.exit(main())
