"""The whole of curation, from Raw to Corpus: two workers against one, and time and memory against the amount of text.

python -m tests.benchmarks.corpora --only pipeline
"""

from __future__ import annotations

import json
import math
import multiprocessing
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from corpora import Collection, collect
from corpora.dedup.exact import exact_keys
from domain.artifacts import Protected
from domain.machine import Machine
from domain.manifest import seal
from domain.text.minhash import band_hashes
from domain.text.words import Split

CURATE = """
import sys, time
from pathlib import Path
from corpora import Curation, curate
from domain.artifacts import Protected, Raw
from domain.machine import Machine

if __name__ == "__main__":
    few, raw, protected, work, workers, filters = sys.argv[1:]
    spec = Curation() if filters == "all" else Curation(filters=())
    for name, given in ("first", few), ("then", raw):
        machine = Machine(workers=int(workers), work=Path(work) / name)
        began = time.monotonic()
        parents = {"raw": Raw.open(Path(given)), "protected": Protected.open(Path(protected))}
        curate(spec, **parents, out=Path(work) / name / "out", machine=machine)
        seconds = time.monotonic() - began
    print(seconds)
"""

held: list[str]


def rows(texts: list[str], seed: int, rounds: int) -> Iterator[dict[str, Any]]:
    """Near-duplicates alone with one and two workers, then everything over a quarter and all of the text."""
    size = sum(len(text.encode()) for text in texts)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        raw = {share: collected(texts[: len(texts) // share], folder / f"x{share}") for share in (4, 1)}
        raw[0] = collected(texts[:200], folder / "few")
        protected = nothing(folder / "protected")
        one, two, machine = [], [], []
        for _ in range(rounds):
            machine.append(scaling(texts[:8_000]))
            one.append(curated(raw[0], raw[1], protected, 1, "none", weighed=False)[0])
            two.append(curated(raw[0], raw[1], protected, 2, "none", weighed=False)[0])
        ratios = sorted(a / b for a, b in zip(one, two, strict=True))
        ratio, took = statistics.median(ratios), statistics.median(two)
        yield {
            "stage": "near, two workers", "ratio": round(ratio, 2),
            "spread": [round(ratios[0], 2), round(ratios[-1], 2)],
            "goal": 1.6, "gate": None, "passed": ratio >= 1.6, "machine": round(statistics.median(machine), 2),
            "seconds": round(took, 2), "mb_per_s": round(size / 1e6 / took, 1),
        }  # fmt: skip
        seconds, memory = {}, {}
        for share in (4, 1):
            seconds[share], memory[share] = curated(raw[0], raw[share], protected, 1, "all", weighed=True)
        flat, slope = memory[1] / memory[4], math.log(seconds[1] / seconds[4]) / math.log(4)
        yield {
            "stage": "curate, 4 times the text", "ratio": round(flat, 2), "spread": None, "goal": 1.25, "gate": None,
            "passed": flat <= 1.25 and slope <= 1.1, "slope": round(slope, 2), "resident_mb": round(memory[1] / 1e6),
            "seconds": round(seconds[1], 2), "mb_per_s": round(size / 1e6 / seconds[1], 1),
        }  # fmt: skip


def scaling(texts: list[str]) -> float:
    """How many times one process two do of the same work, sharing nothing: what this machine's cores are worth now."""
    fork = multiprocessing.get_context("fork")
    with fork.Pool(1, hold, (texts,)) as pool:
        alone = pool.map(banded, range(1))[0]
    with fork.Pool(2, hold, (texts,)) as pool:
        return 2 * alone / max(pool.map(banded, range(2), 1))


def hold(texts: list[str]) -> None:
    """What a process of ``scaling`` begins with, and a first round that does not count."""
    global held
    held = texts
    banded(0)


def banded(number: int) -> float:
    """Seconds for the marks of the texts."""
    began = time.perf_counter()
    for begin in range(0, len(held), 256):
        exact_keys(held[begin : begin + 256])
        band_hashes(Split(held[begin : begin + 256]))
    return time.perf_counter() - began


def collected(texts: list[str], folder: Path) -> Path:
    """Raw of these texts."""
    folder.mkdir()
    for part, chosen in (("domain", texts[::2]), ("general", texts[1::2])):
        (folder / f"{part}.jsonl").write_text("".join(json.dumps({"text": text}) + "\n" for text in chosen))
    sources = {part: [{"kind": "files", "path": str(folder / f"{part}.jsonl")}] for part in ("domain", "general")}
    spec = Collection.model_validate({**sources, "licences": {"allow": ["unknown"]}})
    return collect(spec, out=folder / "raw", machine=Machine(work=folder)).path


def nothing(folder: Path) -> Path:
    """Protected texts: none."""
    folder.mkdir()
    (folder / "texts.jsonl").touch()
    seal(folder, stage="protect", version=1, kind="Protected", spec=None, parents={}, identity="none", facts={})
    return Protected.open(folder).path


def curated(few: Path, raw: Path, protected: Path, workers: int, filters: str, *, weighed: bool) -> tuple[float, float]:
    """(seconds, largest memory in bytes of all its processes together) of one curation, once a small one has warmed up.

    The memory is the proportional set size, if it is ``weighed``: that takes a core for a while, which two workers
    would miss and one would not. What starts Python and its libraries is not in the seconds.
    """
    with tempfile.TemporaryDirectory() as work:
        (Path(work) / "curate.py").write_text(CURATE)
        command = [sys.executable, f"{work}/curate.py", str(few), str(raw), str(protected), work, str(workers), filters]
        environment = {**os.environ, "PYTHONPATH": str(Path.cwd()), "OMP_NUM_THREADS": "1"}
        largest = 0.0
        with subprocess.Popen(
            command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, start_new_session=True
        ) as process:
            while weighed and process.poll() is None:
                largest = max(largest, sum(map(proportional, session(process.pid))))
                time.sleep(0.1)
            assert process.stdout is not None
            answer = process.stdout.read()
        if process.returncode:
            raise RuntimeError(f"curation ended with {process.returncode}")
        return float(answer), largest


def session(leader: int) -> list[int]:
    """The processes of a session."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            after = (entry / "stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(after[3]) == leader:
            found.append(int(entry.name))
    return found


def proportional(process: int) -> float:
    """Proportional set size in bytes: pages that are shared count in parts."""
    try:
        lines = Path(f"/proc/{process}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0.0
    return next((int(line.split()[1]) * 1024.0 for line in lines if line.startswith("Pss:")), 0.0)
