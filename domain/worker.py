"""Run one stage in a separate process: ``main``, or ``python -m domain.worker JOB WORK``."""

from __future__ import annotations

import errno
import importlib
import inspect
import logging
import os
import sys
import threading
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from domain.advice import described
from domain.artifacts import Artifact
from domain.errors import UserError, first_line
from domain.jsonfile import JSONFileError, read_json
from domain.logs import RecordFile, TerminalHandler, handled_by
from domain.machine import Machine
from domain.manifest import Damaged, write_json
from domain.spec import Spec
from domain.stage import Stage
from domain.training.preemption import STOPPED, Stopped

logger = logging.getLogger(__name__)

# Messages about a full disk from libraries that raise no OSError (safetensors, SQLite).
FULL = ("No space left on device", "Disk quota exceeded", "disk is full")
# Messages about memory: torch on a GPU, torch on a CPU.
NO_MEMORY = ("out of memory", "can't allocate memory")
NO_REPLY = 74  # exit status if the reply could not be written because the disk is full


# Every stage that is run here, by name: its function, and the kind of its spec. A job file names no code of its own.
LAUNCHED = {
    "base": ("domain.training.pretrain:prepare", "domain.model.spec:Base"),
    "pretrain": ("domain.training.pretrain:pretrain", "domain.settings.learning:Training"),
    "tokenizer_pilot": ("domain.training.pretrain:tokenizer_pilot", "domain.settings.learning:Training"),
    "grid_pilot": ("domain.training.pretrain:grid_pilot", "domain.settings.learning:Training"),
    "tune": ("domain.training.tune:tune", "domain.training.tune:Tuning"),
    "evaluate": ("evals.evaluate:evaluate", "evals.evaluate:Evaluation"),
    "tokenizer_verdict": ("evals.pilots.tokenizer:tokenizer_verdict", "evals.pilots.tokenizer:Weighing"),
}
KINDS = {kind.__name__: kind for kind in Artifact.__subclasses__()}


class JobParent(Spec):
    """A finished artifact that a stage is made from: its kind, one of ``KINDS``, and its path from the work folder."""

    kind: str
    path: Path


class StageJob(Spec):
    """What one process runs, as the launcher writes it to ``<out>.job.json``; reply and log lie beside it.

    ``stage`` is a name in ``LAUNCHED``, and ``ranks`` says whether several processes train together.
    """

    stage: str
    spec: dict[str, Any]
    parents: dict[str, JobParent]
    machine: Machine
    ranks: bool


def read_job(job_file: Path) -> StageJob:
    """The job in a file. Raises ``UserError`` if it is malformed, ``FileNotFoundError`` if it is gone."""
    try:
        job = StageJob.model_validate(read_json(job_file))
        if job.stage not in LAUNCHED:
            raise JSONFileError(f"names no stage that is run in a process of its own: {job.stage[:50]!r}")
    except FileNotFoundError:
        raise
    except (OSError, JSONFileError, ValidationError) as error:
        reason = described(error) if isinstance(error, ValidationError) else first_line(error)
        problem = f"is not a job of Shoptalk's ({reason[:200]})"
        raise UserError(str(job_file), problem, "remove it, then run again") from None
    return job


def beside(out: Path, name: str) -> Path:
    """The file of a job that builds in ``out``: ``job.json``, ``reply.json`` or ``log.jsonl``."""
    return out.with_name(f"{out.name}.{name}")


def imported(name: str) -> Any:
    """The object ``package.module:name``."""
    module, _, attribute = name.partition(":")
    return getattr(importlib.import_module(module), attribute)


def end_with_parent() -> None:
    """Exit when standard input closes, so that the process does not outlive a killed launcher."""

    def wait() -> None:
        while os.read(0, 1):  # not sys.stdin: its lock would abort the interpreter at exit
            pass
        os._exit(1)

    threading.Thread(target=wait, daemon=True).start()


def run(job: StageJob, out: Path, work: Path) -> None:
    """Open the parents, validate the spec and run the stage; rank 0 seals the artifact.

    The launcher has just verified the files of the parents, so they are not verified again here. Raises ``UserError``
    for a job that does not fit its stage.
    """
    stage, kind = (imported(name) for name in LAUNCHED[job.stage])
    check_parents(stage, job, out)
    try:
        spec = kind.model_validate(job.spec)
        parents = {name: KINDS[parent.kind].load(work / parent.path) for name, parent in job.parents.items()}
    except (ValidationError, Damaged) as error:
        reason = described(error) if isinstance(error, ValidationError) else first_line(error)
        raise UserError(str(out), f"cannot be made ({reason[:200]})", "run again") from None
    place = {"out": out, "machine": job.machine.replace(work=work)}
    if first():
        stage(spec, **parents, **place)
    else:
        stage.run(spec, **parents, **place)


def check_parents(stage: Stage[Any], job: StageJob, out: Path) -> None:
    """Raise ``UserError`` if a stage has other parents, or other kinds of them."""
    parameters = inspect.signature(stage.run).parameters
    others = [each for each in parameters.values() if each.kind is each.VAR_KEYWORD]
    fits = all(
        each.name in job.parents or each.default is not each.empty or each.kind is each.VAR_KEYWORD
        for each in parameters.values()
        if each.name not in ("spec", "out", "machine")
    )
    for name, parent in job.parents.items():
        parameter = parameters.get(name, others[0] if others else None)
        fits &= name not in ("spec", "out", "machine") and parent.kind in KINDS
        fits &= parameter is not None and parent.kind in str(parameter.annotation).split(" | ")
    if not fits:
        raise UserError(str(out), f"cannot be made: stage {job.stage} has other parents", "run again")


def first() -> bool:
    """Whether this is rank 0 of the processes started by torchrun."""
    return os.environ.get("RANK", "0") == "0"


def reply_to(error: Exception, stage: str, out: Path) -> dict[str, Any] | None:
    """The reply to an error that the user can fix; None for a bug, which needs its traceback."""
    text = str(error)
    if isinstance(error, UserError):
        return {"error": [error.place, error.problem, error.fix]}
    if isinstance(error, OSError) and error.errno is not None:
        return {"errno": error.errno, "file": str(error.filename or out)}
    if any(full in text for full in FULL):
        return {"errno": errno.ENOSPC, "file": str(out)}
    if isinstance(error, MemoryError) or (isinstance(error, RuntimeError) and any(m in text for m in NO_MEMORY)):
        fix = "lower --micro-batch and run again; the result stays the same"
        return {"error": [f"stage {stage}", "ran out of memory", fix]}
    return None


def main(job_file: Path, work: Path) -> None:
    """Run the job in the work folder, and write its reply: empty on success, otherwise the error."""
    out = job_file.with_name(job_file.name.removesuffix(".job.json"))
    end_with_parent()
    with handled_by(handler_of(out)):
        perform(job_file, out, work)


def first_node() -> bool:
    """Whether the launcher, which reads the log and the reply, is on this node."""
    return os.environ.get("GROUP_RANK", "0") == "0"


def handler_of(out: Path) -> logging.Handler:
    """A log file that the launcher reads if it is on this node; else this terminal."""
    return RecordFile(beside(out, "log.jsonl")) if first_node() else TerminalHandler()


def perform(job_file: Path, out: Path, work: Path) -> None:
    """Run the job, write the reply, and exit with the right status."""
    reply: dict[str, Any] = {}
    stage = "unknown"
    try:
        job = read_job(job_file)
        stage = job.stage
        run(job, out, work)
    except Stopped as stopped:
        reply = {"stopped": str(stopped)}
    except Exception as error:
        answer = reply_to(error, stage, out)
        if answer is None:
            logger.exception("stage %s failed", stage)
            sys.exit(1)
        if not first_node() and os.environ.get("LOCAL_RANK") == "0":
            logger.error("%s", error)
        reply = answer
    except KeyboardInterrupt:
        os._exit(130)
    if first():
        try:
            write_json(beside(out, "reply.json"), reply)
        except OSError:
            os._exit(NO_REPLY)
    if "stopped" in reply:
        os._exit(STOPPED)
    if "RANK" in os.environ:  # gloo threads that hold a tensor abort the interpreter at exit in 1 of 30 runs
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(0)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
