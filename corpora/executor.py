"""Runs a datatrove pipeline, a task for each shard: on this machine, on Ray or on Slurm; no shard is lost unseen."""

from __future__ import annotations

import logging
import multiprocessing
import os
import shutil
import socket
import threading
import time
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager, suppress
from multiprocessing import connection
from pathlib import Path
from typing import TYPE_CHECKING, Any

from datatrove.executor.local import LocalPipelineExecutor
from datatrove.utils.logging import logger

from domain.errors import UserError, first_line
from domain.machine import Machine
from domain.progress import progress

if TYPE_CHECKING:
    from datatrove.data import DocumentsPipeline

DEATHS = 12  # of workers, before a run is given up: each names one document that kills
POLL = 5.0  # seconds between two looks at a cluster's queue


class Quiet(LocalPipelineExecutor):  # type: ignore[misc]
    """datatrove's local executor without its logs, which take 30 ms a task: progress is told once, by the stage."""

    def _run_for_rank(self, rank: int, local_rank: int = 0, node_rank: int = -1) -> None:
        data: DocumentsPipeline = None
        for step in self.pipeline:
            data = step(data, rank, self.world_size)
        deque(data, maxlen=0)
        self.mark_rank_as_completed(rank)


def execute(pipeline: list[Any], *, tasks: int, what: str, logs: Path, machine: Machine) -> None:
    """Run ranks 0 to ``tasks`` - 1 of a pipeline; what a block raises is raised.

    ``logs`` must be the caller's own, and new: datatrove skips what a folder calls completed, whatever was asked for
    then, and reports success. Which ranks completed is counted here. What a dead worker left is tried again, so that
    the block can find out which document kills (``corpora.filter_pass``). Raises ``UserError`` if workers keep dying.
    """
    shutil.rmtree(logs, ignore_errors=True)
    logs.mkdir(parents=True)
    workers = max(1, min(machine.worker_count, tasks))
    executor = Quiet(pipeline=pipeline, tasks=tasks, workers=workers, logging_dir=str(logs))
    with watching(logs / "completions", what, tasks):
        if machine.executor == "ray":
            on_ray(pipeline, tasks, workers, logs, machine)
        elif machine.executor == "slurm":
            on_slurm(pipeline, tasks, logs, machine)
        for attempt in range(DEATHS):
            left = executor.get_incomplete_ranks()
            if not left:
                return
            # From the other end each time: what stands behind a shard that kills gets its turn.
            in_pool(executor, left[:: (-1) ** attempt], min(workers, len(left)))
    if left := executor.get_incomplete_ranks():
        problem = f"its workers died {DEATHS} times with {len(left):,} of {tasks:,} shards left, perhaps out of memory"
        raise UserError(what, problem, "name fewer --workers, or fix the filter that kills them")


running: Quiet  # in a worker: the executor whose ranks it runs


def take(executor: Quiet, umask: int) -> None:
    """What a worker begins with; the pipeline is sent once and not with each of its ranks.

    The umask is the caller's now: the server that workers are forked from may have been started before it was set.
    A worker waits for ranks on a pipe that it holds open itself, so it would outlive a killed run for ever.
    """
    global running
    running = executor
    os.umask(umask)
    parent = multiprocessing.parent_process()
    assert parent is not None

    def follow() -> None:
        connection.wait([parent.sentinel])
        os._exit(1)

    threading.Thread(target=follow, daemon=True).start()


def run_rank(rank: int) -> None:
    """One task, in a worker."""
    running._run_for_rank(rank)


def in_pool(executor: Quiet, ranks: list[int], workers: int) -> None:
    """Run ranks in worker processes; returns early where one dies. Raises what a block raised.

    Workers come from a server process that has no threads: a fork of this one might inherit a held lock.
    """
    umask = os.umask(0o077)  # there is no other way to read it
    os.umask(umask)
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["corpora.executor", "corpora.preload"])
    pool = ProcessPoolExecutor(workers, mp_context=context, initializer=take, initargs=(executor, umask))
    try:
        futures: list[Future[None]] = [pool.submit(run_rank, rank) for rank in ranks]
        for future in as_completed(futures):
            future.result()
    except BrokenProcessPool:
        pass
    except BaseException:
        for child in multiprocessing.active_children():
            child.kill()
        raise
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def on_ray(pipeline: list[Any], tasks: int, workers: int, logs: Path, machine: Machine) -> None:
    """datatrove's Ray executor, on the cluster that the profile names, or on one of this machine."""
    try:
        import ray
    except ImportError:
        raise UserError("executor", "ray is not installed", "pip install 'shoptalk[ray]'") from None
    from datatrove.executor.ray import RayPipelineExecutor

    logger.disable("datatrove")
    place = {"address": machine.ray} if machine.ray else {"num_cpus": workers, "include_dashboard": False}
    try:
        if machine.ray and machine.ray != "auto":  # Ray itself asks for eight minutes
            host, _, port = machine.ray.removeprefix("ray://").rpartition(":")
            socket.create_connection((host, int(port)), timeout=10).close()
        ray.init(log_to_driver=False, logging_level=logging.ERROR, **place)
    except (OSError, ValueError) as error:
        problem = f"no Ray cluster answers ({first_line(error)})"
        raise UserError(f"ray: {machine.ray}", problem, "start it, or correct the machine profile") from None
    try:
        RayPipelineExecutor(pipeline, tasks=tasks, workers=workers, logging_dir=str(logs)).run()
    finally:
        ray.shutdown()


def on_slurm(pipeline: list[Any], tasks: int, logs: Path, machine: Machine) -> None:
    """datatrove's Slurm executor; waits until its jobs have left the queue."""
    import subprocess
    import sys

    from datatrove.executor.slurm import SlurmPipelineExecutor

    assert machine.slurm is not None
    if shutil.which("sbatch") is None:
        raise UserError("executor", "there is no sbatch on this machine", "run it where Slurm's jobs are submitted")
    logger.disable("datatrove")
    executor = SlurmPipelineExecutor(
        pipeline,
        tasks=tasks,
        workers=machine.workers or -1,
        time=machine.slurm.time,
        partition=machine.slurm.partition,
        mem_per_cpu_gb=machine.slurm.memory_gb,
        qos=machine.slurm.qos,
        mail_type="NONE",
        job_name="shoptalk",
        logging_dir=str(logs),
        env_command=f'export PATH="{Path(sys.executable).parent}:$PATH"',
    )
    executor.run()
    while executor.get_incomplete_ranks():
        jobs = ["squeue", "--noheader", "--jobs", str(executor.job_id)]
        queue = subprocess.run(jobs, capture_output=True, text=True, check=False)  # found on the cluster's PATH
        if queue.returncode or not queue.stdout.strip():
            break
        time.sleep(POLL)


@contextmanager
def watching(folder: Path, what: str, total: int) -> Iterator[None]:
    """A bar that follows the files in ``folder``."""
    bar, done = progress(what=what, total=total, unit="shard"), threading.Event()

    def look() -> None:
        with suppress(FileNotFoundError):
            bar.update(sum(1 for _ in folder.iterdir()) - bar.n)

    def follow() -> None:
        while not done.wait(0.5):
            look()

    watcher = threading.Thread(target=follow, daemon=True)
    watcher.start()
    try:
        yield
    finally:
        done.set()
        watcher.join()
        look()
        bar.close()
