"""Another node of multi-node trainings: waits for each to begin and takes part in it."""

from __future__ import annotations

import json
import logging
import subprocess
import time
from pathlib import Path

from domain.errors import UserError
from domain.machine import Machine
from flows.run.launch import environment, learner, processes, torchrun

logger = logging.getLogger(__name__)

POLLED = 0.5  # seconds between two looks for a new training


def join(machine: Machine, node: int) -> None:
    """Take part, as node ``node`` (from 1), in every training that begins in the work folder from now on.

    The work folder, the environment and the machine profile are those of the first node. Never returns.
    """
    if not 1 <= node < machine.nodes:
        problem = f"is {node}, and the profile has {machine.nodes} nodes, of which the first is 0"
        raise UserError("--node", problem, f"choose 1 to {machine.nodes - 1}" if machine.nodes > 1 else "set nodes")
    earlier = set(jobs(machine.work))
    logger.info("node %d of %d: waiting for trainings in %s", node, machine.nodes, machine.work)
    while True:
        for job in (each for each in jobs(machine.work) if each not in earlier):
            earlier.add(job)
            take_part(job[0], machine, node)
        time.sleep(POLLED)


def jobs(work: Path) -> list[tuple[Path, int]]:
    """The job files of the trainings in progress that run in several processes, with their modification times."""
    entries = []
    for path in sorted((work / "building").glob("*.job.json")):
        try:
            if json.loads(path.read_bytes())["ranks"]:
                entries.append((path, path.stat().st_mtime_ns))
        except (OSError, ValueError):
            continue  # it ended just now
    return entries


def take_part(job: Path, machine: Machine, node: int) -> None:
    """Take part in one training, to its end."""
    ranks = processes(machine)
    command = [*torchrun(machine, ranks, node), *learner(job)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, env=environment(machine, ranks)) as child:
        try:
            code = child.wait()
        except KeyboardInterrupt:
            child.terminate()
            raise
    logger.warning("node %d: %s ended with %d", node, job.name.partition(".")[0], code)
