"""Shards as tasks of a Ray or Slurm cluster, several to a task; each runs as it would on this machine."""

from __future__ import annotations

import json
import logging
import shutil
import socket
import subprocess
import sys
import threading
import time
import traceback
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from multiprocessing.reduction import ForkingPickler
from pathlib import Path
from typing import TYPE_CHECKING, Any

from datatrove.executor.slurm import SlurmPipelineExecutor
from datatrove.pipeline.base import PipelineStep
from datatrove.utils.logging import logger

from corpora.workers.executor import ranks_done, run_rank
from domain.errors import UserError, first_line
from domain.machine import Machine
from domain.manifest import write_json
from domain.progress import progress

if TYPE_CHECKING:
    from datatrove.data import DocumentsPipeline

POLL = 5.0  # seconds between two looks at a cluster's queue
SUBMISSIONS = 3  # of what a cluster left undone, such as where a node failed or a job reached its limit of time
SHARDS_PER_TASK = 16  # 64 MB of text, some 10 s of work: a cluster takes a second and more to start a task


class RunShards(PipelineStep):  # type: ignore[misc]
    """Task r runs the ranks of ``groups[r]``, one after the other, in a process of its own.

    So a shard whose process dies is run again by the same rules as on one machine, and datatrove, whose executors
    lose all of a task with its process or wait for ever, never sees that. ``done`` has a file for each rank that is
    complete, and for an error the error. Modules are found where whoever submits this finds them, such as filters of a
    team's own; so the pipeline is unpickled after that.
    """

    name, type = "run shards", "runner"

    def __init__(
        self, pipeline: list[Any], groups: list[list[int]], tasks: int, what: str, done: Path, deaths: int
    ) -> None:
        super().__init__()
        self.pipeline, self.groups, self.tasks, self.what = bytes(ForkingPickler.dumps(pipeline)), groups, tasks, what
        self.done, self.deaths, self.path = done, deaths, [*sys.path]

    def run(self, data: DocumentsPipeline, rank: int = 0, world_size: int = 1) -> Iterator[Any]:
        """Run what is left of the group."""
        left = [each for each in self.groups[rank] if not (self.done / f"{each}").exists()]
        sys.path += [each for each in self.path if each not in sys.path]
        try:
            for each in ranks_done(ForkingPickler.loads(self.pipeline), left, self.tasks, 1, self.what, self.deaths):
                (self.done / f"{each}").touch()
        except UserError as error:
            self.fail(rank, error)
        except Exception as error:
            place = self.done / f"traceback-{rank}.txt"
            place.write_text("".join(traceback.format_exception(error)))
            self.fail(rank, UserError(self.what, f"{type(error).__name__}: {first_line(error)}", f"look into {place}"))
        yield from ()

    def fail(self, rank: int, error: UserError) -> None:
        """Leave an error to whoever submitted this."""
        write_json(self.done / f"error-{rank}.json", [error.place, error.problem, error.fix])


class SlurmTasks(SlurmPipelineExecutor):  # type: ignore[misc]
    """datatrove's, without its logs and what it asks of the environment for pipelines that span nodes."""

    def _run_for_rank(self, rank: int, local_rank: int = 0, node_rank: int = -1) -> None:
        run_rank(self.pipeline, self.world_size, rank)
        self.mark_rank_as_completed(rank)

    def launch_merge_stats(self) -> None:
        """There are none."""


def on_cluster(pipeline: list[Any], tasks: int, what: str, logs: Path, machine: Machine, deaths: int) -> None:
    """Run all ranks on the cluster of the machine profile, and again what it leaves, in up to ``SUBMISSIONS``."""
    submit = on_ray if machine.executor == "ray" else on_slurm
    done = logs.resolve() / "done"
    shutil.rmtree(logs, ignore_errors=True)
    done.mkdir(parents=True)
    left = list(range(tasks))
    with watching(done, what, tasks):
        for number in range(SUBMISSIONS):
            size = shards_per_task(len(left), machine)
            groups = [left[begin : begin + size] for begin in range(0, len(left), size)]
            step = RunShards(pipeline, groups, tasks, what, done, deaths)
            submit(step, len(groups), logs / f"{number}", machine)
            for error in sorted(done.glob("error-*.json")):
                raise UserError(*json.loads(error.read_bytes()))
            left = [rank for rank in left if not (done / f"{rank}").exists()]
            if not left:
                return
    problem = f"{machine.executor} left {len(left):,} of {tasks:,} shards undone in {SUBMISSIONS} submissions"
    raise UserError(what, problem, f"look into {logs}, then run again: what is done is kept")


def shards_per_task(shards: int, machine: Machine) -> int:
    """How many shards a task has: ``SHARDS_PER_TASK``, or fewer where workers of a stated number would have none."""
    return max(1, min(SHARDS_PER_TASK, shards // machine.workers if machine.workers else SHARDS_PER_TASK))


def on_ray(step: RunShards, tasks: int, logs: Path, machine: Machine) -> None:
    """datatrove's Ray executor, on the cluster that the profile names, or on one of this machine."""
    try:
        import ray
    except ImportError:
        raise UserError("executor", "ray is not installed", "pip install 'shoptalk[ray]'") from None
    from datatrove.executor.ray import RayPipelineExecutor

    logger.disable("datatrove")
    workers = max(1, min(machine.worker_count, tasks))
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
        RayPipelineExecutor([step], tasks=tasks, workers=workers, logging_dir=str(logs)).run()
    finally:
        ray.shutdown()


def on_slurm(step: RunShards, tasks: int, logs: Path, machine: Machine) -> None:
    """datatrove's Slurm executor; waits until its jobs have left the queue."""
    assert machine.slurm is not None
    if shutil.which("sbatch") is None:
        raise UserError("executor", "there is no sbatch on this machine", "run it where Slurm's jobs are submitted")
    logger.disable("datatrove")
    executor = SlurmTasks(
        [step],
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
    try:
        executor.run()
    except subprocess.CalledProcessError as error:
        problem = f"sbatch failed with exit code {error.returncode}"
        raise UserError("executor", problem, "correct slurm of the machine profile; sbatch has said why") from None
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
