"""Runs a datatrove pipeline, a task for each shard: on this machine, on Ray or on Slurm; no shard is lost unseen."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from multiprocessing.reduction import ForkingPickler
from pathlib import Path
from typing import Any

from corpora.forked_worker import ForkedWorker, RankResult
from corpora.worker_pool import DEATHS_ALONE, Died, WorkerPool
from domain.errors import UserError
from domain.machine import Machine
from domain.progress import progress


def execute(
    pipeline: list[Any], *, tasks: int, what: str, logs: Path, machine: Machine, deaths: int = DEATHS_ALONE
) -> None:
    """Run ranks 0 to ``tasks`` - 1 of a pipeline; what a block raises is raised.

    ``logs`` must be the caller's own. A rank whose process dies is run again alone, in a fresh one, until ``deaths`` of
    these have died, too. Raises ``UserError`` then, and where a cluster leaves ranks undone.
    """
    if machine.executor == "local":
        workers = max(1, min(machine.worker_count, tasks))
        for _ in progress(
            ranks_done(pipeline, range(tasks), tasks, workers, what, deaths), what=what, total=tasks, unit="shard"
        ):
            pass
        return
    from corpora.clusters import on_cluster

    on_cluster(pipeline, tasks, what, logs, machine, deaths)


def ranks_done(
    pipeline: list[Any], ranks: Iterable[int], tasks: int, workers: int, what: str, deaths: int
) -> Iterator[int]:
    """Run ranks in processes of this machine; yields each as it is done."""
    message = bytes(ForkingPickler.dumps((pipeline, tasks)))  # once, and not for each worker or rank
    pool = WorkerPool[int, RankResult](workers, lambda: ForkedWorker(message), deaths)
    waiting = deque(ranks)
    try:
        while waiting or pool.unfinished:
            while waiting and not pool.full:
                pool.give(waiting.popleft())
            for rank, result in pool.wait():
                if isinstance(result, Died):
                    problem = f"{result} ended the process of shard {rank + 1:,} of {tasks:,} again and again"
                    fix = "fix the filter that kills it, or give it more memory"
                    raise UserError(what, f"{problem}, run alone too", fix)
                if result.error is not None:
                    raise result.error
                yield rank
    finally:
        pool.close()
