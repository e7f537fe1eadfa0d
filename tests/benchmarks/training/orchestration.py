"""What Prefect, MLflow and the launcher add to a training of ten minutes.

The same small training in a process that has everything imported, and as the command runs it: a flow with a server of
its own, a task, a stage in a process of its own, its points forwarded to MLflow. The difference is the fixed cost. What
goes on while it learns is counted as processor seconds of all processes but the learner, a second of training: as if
the learner stood still for as long. A batch has the 8,192 tokens of a recipe that states none: some 0.3 s a step, a
point each.
"""

from __future__ import annotations

import multiprocessing
import os
import sys
import threading
import time
from collections.abc import Iterator
from datetime import date
from multiprocessing.connection import Connection
from pathlib import Path
from statistics import median
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

from domain.artifacts import Checkpoint, Tokens
from domain.machine import Machine
from domain.settings.learning import Training
from tests.benchmarks.training.material import Given, row
from tests.benchmarks.training.text import LEARNING, based, texts

BATCH = 8_192
STEPS, MINUTES, GOAL, ROUNDS = 60, 10, 0.05, 3
CLOCK = os.sysconf("SC_CLK_TCK")


def opened(folder: Path) -> tuple[Training, Checkpoint, Tokens]:
    """What is trained."""
    spec = Training.model_validate({**LEARNING, "batch": BATCH, "tokens": STEPS * BATCH})
    return spec, Checkpoint.open(folder / "base"), Tokens.open(folder / "tokens")


def inside(folder: Path, machine: Machine, out: Connection) -> None:
    """Seconds of the training in this process, when it has trained before."""
    from domain.training.pretrain import pretrain

    spec, base, tokens = opened(folder)
    pretrain(spec.replace(tokens=5 * BATCH), base=base, tokens=tokens, out=machine.work / "before", machine=machine)
    began = time.perf_counter()
    pretrain(spec, base=base, tokens=tokens, out=machine.work / "out", machine=machine)
    out.send((time.perf_counter() - began, 0.0))


def launched(folder: Path, machine: Machine, out: Connection) -> None:
    """Seconds of the same by the launcher alone."""
    from domain.training.pretrain import pretrain
    from flows.run.launch import launch

    spec, base, tokens = opened(folder)
    place = machine.work / "out"
    place.mkdir(parents=True)
    began = time.perf_counter()
    launch(pretrain, spec, (base, tokens), out=place, machine=machine)
    out.send((time.perf_counter() - began, 0.0))


def whole(folder: Path, machine: Machine, out: Connection) -> None:
    """Seconds of the whole way, imports of the engine included, and the processor seconds beside it, a second."""
    began = time.perf_counter()
    from domain.stage import Store
    from domain.training.pretrain import pretrain
    from flows.run.prefect_server import configure_prefect, start_server
    from flows.run.record import RunRecord
    from flows.run.runner import Engine, StageRunner
    from flows.tracking.background import BackgroundTracker
    from flows.tracking.mlflow_tracker import MLflow
    from flows.tracking.tracker import Several, Tracker

    configure_prefect(machine.work)
    from flows.run import prefect_flow

    spec, base, tokens = opened(folder)
    store, day = Store(machine.work), date(2024, 1, 1)
    recipe, tracker = SimpleNamespace(name="benchmark"), BackgroundTracker(MLflow(machine, "benchmark", "0", day))

    def made(_: Any, day: date, machine: Machine, until: str, *, engine: Engine, page: Tracker) -> bool:
        journey = RunRecord(machine.work, "benchmark")
        runner = StageRunner(
            machine=machine, store=store, journey=journey, tracker=Several(tracker, page), until=until, engine=engine
        )
        journey.begin({}, day.isoformat())
        with tracker:
            runner(pretrain, spec, base=base, tokens=tokens)
        return True

    with patch.object(prefect_flow, "load_recipe", lambda *_: recipe), patch.object(prefect_flow, "make_all", made):
        watch = Beside(machine.work)
        tracker.prepare()
        start_server(machine.work)
        prefect_flow.adapt("benchmark", [], day, machine=machine)
    if tracker.broken:
        raise RuntimeError("MLflow was not told")
    out.send((time.perf_counter() - began, watch.rate()))


class Beside:
    """Watches what this process and those it started use of the processors, the learner apart, while that learns."""

    def __init__(self, work: Path) -> None:
        self.work, self.seen = work, list[tuple[float, float]]()
        threading.Thread(target=self.watch, daemon=True).start()

    def watch(self) -> None:
        """Every second, from the learner's first point to its end; what comes afterwards is in the fixed cost."""
        while not any(path.stat().st_size for path in self.work.glob("building/*.spool.jsonl")):
            time.sleep(0.5)
        others = helpers(os.getpid())
        while any(self.work.glob("building/*.job.json")):
            self.seen.append((time.perf_counter(), time.process_time() + sum(map(used, others))))
            time.sleep(1.0)

    def rate(self) -> float:
        """Processor seconds a second."""
        (first, before), (last, after) = self.seen[0], self.seen[-1]
        return (after - before) / (last - first)


def helpers(parent: int) -> list[int]:
    """The processes that ``parent`` started, and not one with a job to learn."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            own = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
            if own == parent and b"domain.worker" not in (entry / "cmdline").read_bytes():
                found.append(int(entry.name))
        except OSError:
            continue
    return found


def used(process: int) -> float:
    """Processor seconds of a process, its threads and its children that ended."""
    try:
        fields = (Path("/proc") / str(process) / "stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return sum(map(int, fields[11:15])) / CLOCK


def timed(way: Any, folder: Path, machine: Machine) -> tuple[float, float]:
    """(Seconds, processor seconds a second) of one way, in a fresh process."""
    get, put = multiprocessing.Pipe(False)
    process = multiprocessing.get_context("spawn").Process(target=way, args=(folder, machine, put))
    process.start()
    put.close()
    try:
        told: tuple[float, float] = get.recv()
    except EOFError:
        sys.exit(f"{way.__name__} failed; its error stands above")
    process.join()
    return told


def rows(given: Given) -> Iterator[dict[str, Any]]:
    """One row; ``launcher`` and ``engine`` are the fixed costs in seconds of each, imports and servers included."""
    folder = given.folder("orchestration")
    machine = given.machine(device="cpu", precision="fp32").replace(
        threads=1
    )  # on a busy machine steps this short suffer
    based(folder, texts(given), "causal", machine)
    times: dict[str, list[tuple[float, float]]] = {}
    for number in range(ROUNDS):
        for way in (inside, launched, whole):
            work = given.folder(f"orchestration-{way.__name__}-{number}")
            times.setdefault(way.__name__, []).append(timed(way, folder, machine.replace(work=work)))
    alone, one, full = ([seconds for seconds, _ in each] for each in times.values())
    rate = median(rate for _, rate in times["whole"])
    fixed = [all_ - bare for all_, bare in zip(full, alone, strict=True)]
    shares = [each / (60.0 * MINUTES) + rate for each in fixed]
    yield row(
        f"orchestration: {MINUTES} minutes", shares, GOAL, most=True, training_seconds=round(median(alone), 1),
        launcher=round(median(a - b for a, b in zip(one, alone, strict=True)), 1),
        engine=round(median(a - b for a, b in zip(full, one, strict=True)), 1), beside=round(rate, 4),
    )  # fmt: skip
