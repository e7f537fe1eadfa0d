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

POLLED = 0.5  # seconds between two looks


def join(machine: Machine, node: int) -> None:
    """Take part in every training that begins in the work folder from now on, as node ``node`` (from 1).

    The work folder and the environment are those of the first node, and so is the machine profile. Never returns.
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
    """What is being learned by several processes: the file that says what, and when it was written."""
    entries = []
    for path in sorted((work / "building").glob("*.job.json")):
        try:
            if json.loads(path.read_bytes())["ranks"]:
                entries.append((path, path.stat().st_mtime_ns))
        except (OSError, ValueError):
            continue  # it ended just now
    return entries


def take_part(job: Path, machine: Machine, node: int) -> None:
    """Learn along in one training, to its end."""
    ranks = processes(machine)
    command = [*torchrun(machine, ranks, node), *learner(job)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, env=environment(machine, ranks)) as child:
        try:
            code = child.wait()
        except KeyboardInterrupt:
            child.terminate()
            raise
    logger.warning("node %d: %s ended with %d", node, job.name.partition(".")[0], code)
