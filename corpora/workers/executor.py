"""Runs a datatrove pipeline, one task for each shard, locally, on Ray or on Slurm; a lost shard is an error."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from corpora.workers.forked_worker import results
from corpora.workers.pool import DEATHS_ALONE, Died
from domain.errors import UserError
from domain.machine import Machine
from domain.progress import progress

if TYPE_CHECKING:
    from datatrove.data import DocumentsPipeline


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
    from corpora.workers.clusters import on_cluster

    on_cluster(pipeline, tasks, what, logs, machine, deaths)


def ranks_done(
    pipeline: list[Any], ranks: Iterable[int], tasks: int, workers: int, what: str, deaths: int
) -> Iterator[int]:
    """Run ranks in processes of this machine; yields each as it is done."""
    for rank, result in results(partial(run_rank, pipeline, tasks), ranks, workers, deaths):
        if isinstance(result, Died):
            problem = f"{result} ended the process of shard {rank + 1:,} of {tasks:,} again and again, run alone too"
            raise UserError(what, problem, "fix the filter that kills it, or give it more memory")
        yield rank


def run_rank(pipeline: list[Any], tasks: int, rank: int) -> None:
    """Run a pipeline of datatrove for one rank, without its logs, which take 30 ms."""
    data: DocumentsPipeline = None
    for step in pipeline:
        data = step(data, rank, tasks)
    if data is not None:
        deque(data, maxlen=0)
