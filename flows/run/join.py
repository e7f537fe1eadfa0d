"""Another node of multi-node trainings: waits for each to begin and takes part in it."""

from __future__ import annotations

import logging
import subprocess
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from domain.errors import UserError
from domain.machine import Machine
from domain.worker import read_job
from flows.run.launch import environment, learner, processes, torchrun
from flows.run.work_folder import guarded

logger = logging.getLogger(__name__)

POLLED = 0.5  # seconds between two looks for a new training


def join(machine: Machine, node: int) -> None:
    """Take part, as node ``node`` (from 1), in every training that begins in the work folder from now on.

    The work folder, the environment and the machine profile are those of the first node. Never returns.
    """
    if not 1 <= node < machine.nodes:
        problem = f"is {node}, and the profile has {machine.nodes} nodes, of which the first is 0"
        raise UserError("--node", problem, f"choose 1 to {machine.nodes - 1}" if machine.nodes > 1 else "set nodes")
    with guarded(machine.work, machine.shared):
        earlier = set(job_files(machine.work))
        logger.info("node %d of %d: waiting for trainings in %s", node, machine.nodes, machine.work)
        while True:
            for path, time_ns in job_files(machine.work):
                if (path, time_ns) not in earlier:
                    earlier.add((path, time_ns))
                    take_part(path, machine, node)
            time.sleep(POLLED)


def job_files(work: Path) -> Iterator[tuple[Path, int]]:
    """The jobs in progress, with their modification times."""
    for path in sorted((work / "building").glob("*.job.json")):
        with suppress(FileNotFoundError):  # it ended just now
            yield path, path.lstat().st_mtime_ns


def take_part(path: Path, machine: Machine, node: int) -> None:
    """Take part in one training, to its end, if it is one of several processes; a malformed job is logged."""
    try:
        if path.is_symlink():
            raise UserError(str(path), "is a link", "remove it")
        if not read_job(path).ranks:
            return
    except FileNotFoundError:  # it ended just now
        return
    except UserError as error:
        logger.warning("node %d: %s", node, error)
        return
    ranks = processes(machine)
    command = [*torchrun(machine, ranks, node), *learner(path, machine.work)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, env=environment(machine, ranks)) as child:
        try:
            code = child.wait()
        except KeyboardInterrupt:
            child.terminate()
            raise
    logger.warning("node %d: %s ended with %d", node, path.name.partition(".")[0], code)
