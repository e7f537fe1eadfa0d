"""Starts stages that train or score in a process of their own, which imports torch but no engine."""

from __future__ import annotations

import errno
import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from domain.artifacts import Artifact
from domain.errors import UserError
from domain.files import remove
from domain.jsonfile import JSONFileError, read_json
from domain.logs import relayed
from domain.machine import Machine
from domain.manifest import write_json
from domain.spec import Spec
from domain.stage import A, Stage
from domain.worker import LAUNCHED, NO_REPLY, JobParent, StageJob, beside

# The child looks for modules where this process does: a folder of the user's called "domain" must not come first.
START = """\
import json, sys
from pathlib import Path
sys.path[:] = json.loads(sys.argv[3])
from domain.worker import main
main(Path(sys.argv[1]), Path(sys.argv[2]))
"""

# glibc returns large blocks to the kernel and allocates them again, zeroed, at every step. Keeping them makes training
# on a CPU 14% faster for 5% more memory (mallopt(3); paired runs of a 2.6M model). Other libcs ignore these names.
KEEP_MEMORY = {"MALLOC_MMAP_THRESHOLD_": str(32 * 2**20), "MALLOC_TRIM_THRESHOLD_": str(8 * 2**30)}

# Tokens/s of two threads on two quiet cores, and beside ten busy processes: spin 6,240 and 190, brief_spin 6,650 and
# 580, sleep 5,130 and 960 (tests/benchmarks/training/contention.py). GNU's OpenMP by default spins 300,000 times.
WAITING: dict[str, dict[str, str]] = {
    "brief_spin": {"GOMP_SPINCOUNT": "1000"},
    "sleep": {"OMP_WAIT_POLICY": "PASSIVE"},
    "spin": {},
}

SAVING = 60.0  # seconds that a training gets to finish its step and save its state


def job(made_by: Stage[A], spec: Spec, parents: Mapping[str, Artifact], machine: Machine) -> StageJob:
    """What the process runs. Raises ``ValueError`` for a stage or a spec that ``domain.worker`` does not list."""
    listed = tuple(f"{kind.__module__}:{kind.__name__}" for kind in (made_by.run, type(spec)))
    if LAUNCHED.get(made_by.name) != listed:
        raise ValueError(f"{made_by.name} is launched with {listed}, which domain.worker does not list")
    return StageJob(
        stage=made_by.name,
        spec=spec.model_dump(mode="json"),
        parents={
            name: JobParent(kind=type(parent).__name__, path=within(machine.work, parent.path))
            for name, parent in parents.items()
        },
        machine=machine,
        ranks=made_by.ranks,
    )


def within(work: Path, path: Path) -> Path:
    """A path from the work folder, which may lie elsewhere on another node; absolute if it is not in it."""
    path, work = path.resolve(), work.resolve()
    return path.relative_to(work) if path.is_relative_to(work) else path


def launch(made_by: Stage[A], spec: Spec, parents: Mapping[str, Artifact], *, out: Path, machine: Machine) -> None:
    """Run the stage into ``out`` and wait; raises its ``UserError``, or one for how the process ended."""
    job_file, reply_file, log = (beside(out, name) for name in ("job.json", "reply.json", "log.jsonl"))
    write_json(job_file, job(made_by, spec, parents, machine).model_dump(mode="json"))
    for earlier in (reply_file, log):  # never written or read through a link
        remove(earlier)
    ranks = processes(machine) if made_by.ranks else 1
    together = made_by.ranks and (ranks > 1 or machine.nodes > 1)
    command = [*(torchrun(machine, ranks) if together else []), *learner(job_file, machine.work)]
    try:
        code = wait_for(command, environment(machine, ranks), log)
        try:
            reply = read_json(reply_file)
        except (OSError, JSONFileError):
            raise stopped(made_by.name, code) from None
    finally:
        remove(job_file)
        remove(reply_file)
    raise_error(made_by.name, reply)


def wait_for(command: Sequence[str], environment: Mapping[str, str], log: Path) -> int:
    """Run a command to its end, with the log of its stage passed on, and return its exit code."""
    # Nothing is written to the pipe: the child ends when it closes, which it does even after kill -9 of this process.
    with relayed(log), subprocess.Popen(command, stdin=subprocess.PIPE, env=environment) as child:
        try:
            return child.wait()
        except BaseException:  # Ctrl-C, or Prefect's own for SIGTERM
            child.terminate()  # a training then saves its state
            with suppress(subprocess.TimeoutExpired):
                child.wait(SAVING)
            raise


def raise_error(stage: str, reply: Mapping[str, object]) -> None:
    """Raise the error that a process replied, if it did."""
    match reply:
        case {"error": [str(place), str(problem), str(fix)]}:
            raise UserError(place, problem, fix)
        case {"stopped": str(reason)}:
            raise UserError(f"stage {stage}", reason, "run again to continue")
        case {"errno": int(number), "file": str(file)}:
            raise OSError(number, os.strerror(number), file)


def processes(machine: Machine) -> int:
    """Training processes on this node."""
    if machine.processes or machine.device == "cpu":
        return machine.processes or 1
    import torch

    return max(1, torch.cuda.device_count())


def environment(machine: Machine, ranks: int) -> dict[str, str]:
    """The environment of a training process, one of ``ranks`` on this node."""
    threads = {"OMP_NUM_THREADS": str(max(1, machine.thread_count // ranks)), "TOKENIZERS_PARALLELISM": "true"}
    return {**KEEP_MEMORY, **WAITING[machine.thread_wait], **os.environ, **threads}


def learner(job_file: Path, work: Path) -> list[str]:
    """The command that runs a job file in a work folder."""
    return [sys.executable, "-P", "-c", START, str(job_file), str(work), json.dumps(sys.path)]


def torchrun(machine: Machine, ranks: int, node: int = 0) -> list[str]:
    """The beginning of a command that starts the rest of it once for each rank on this node."""
    meet = ["--standalone"]
    if machine.nodes > 1:
        host, _, port = machine.rendezvous.partition(":")
        meet = ["--nnodes", str(machine.nodes), "--node-rank", str(node), "--master-addr", host, "--master-port", port]
    return [sys.executable, "-P", "-m", "torch.distributed.run", *meet, "--nproc-per-node", str(ranks), "--no-python"]


def stopped(name: str, code: int) -> Exception:
    """The error of a process that ended without a reply."""
    if code == NO_REPLY:
        return OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    if code < 0:
        return UserError(
            f"stage {name}",
            f"its process was ended by signal {-code}" + (" (out of memory?)" if code == -9 else ""),
            "run again to continue from the last checkpoint; a smaller --micro-batch needs less memory",
        )
    return RuntimeError(f"stage {name} failed with exit code {code}; its error is above")
