"""Run one stage in a separate process: ``main``, or ``python -m domain.worker JOB``."""

from __future__ import annotations

import errno
import importlib
import json
import logging
import os
import sys
import threading
from pathlib import Path
from typing import Any

from domain import artifacts
from domain.errors import UserError
from domain.logs import RecordFile, TerminalHandler, handled_by
from domain.machine import Machine
from domain.manifest import write_json
from domain.training.preemption import STOPPED, Stopped

logger = logging.getLogger(__name__)

# Messages about a full disk from libraries that raise no OSError (safetensors, SQLite).
FULL = ("No space left on device", "Disk quota exceeded", "disk is full")
# Messages about memory: torch on a GPU, torch on a CPU.
NO_MEMORY = ("out of memory", "can't allocate memory")
NO_REPLY = 74  # exit status if the reply could not be written because the disk is full


def named(name: str) -> Any:
    """Import the object ``package.module:name``."""
    module, _, attribute = name.partition(":")
    return getattr(importlib.import_module(module), attribute)


def end_with_parent() -> None:
    """Exit when standard input closes, so that the process does not outlive a killed launcher."""

    def wait() -> None:
        while os.read(0, 1):  # not sys.stdin: its lock would abort the interpreter at exit
            pass
        os._exit(1)

    threading.Thread(target=wait, daemon=True).start()


def run(job: dict[str, Any]) -> None:
    """Open the parents, validate the spec and run the stage; rank 0 seals the artifact.

    The launcher has just verified the files of the parents, so they are not verified again here.
    """
    stage = named(job["stage"])
    spec = named(job["spec_kind"]).model_validate(job["spec"])
    parents = {
        name: getattr(artifacts, parent["kind"]).load(Path(parent["path"])) for name, parent in job["parents"].items()
    }
    place = {"out": Path(job["out"]), "machine": Machine.model_validate(job["machine"])}
    if first():
        stage(spec, **parents, **place)
    else:
        stage.run(spec, **parents, **place)


def first() -> bool:
    """Whether this is rank 0 of the processes started by torchrun."""
    return os.environ.get("RANK", "0") == "0"


def reply_to(error: Exception, job: dict[str, Any]) -> dict[str, Any] | None:
    """The reply to an error that the user can fix; None for a bug, which needs its traceback."""
    text = str(error)
    if isinstance(error, UserError):
        return {"error": [error.place, error.problem, error.fix]}
    if isinstance(error, OSError) and error.errno is not None:
        return {"errno": error.errno, "file": str(error.filename or job["out"])}
    if any(full in text for full in FULL):
        return {"errno": errno.ENOSPC, "file": job["out"]}
    if isinstance(error, MemoryError) or (isinstance(error, RuntimeError) and any(m in text for m in NO_MEMORY)):
        place = job["stage"].partition(":")[2]
        fix = "lower --micro-batch and run again; the result stays the same"
        return {"error": [f"stage {place}", "ran out of memory", fix]}
    return None


def main(job_file: Path) -> None:
    """Run the job and write its reply: empty on success, otherwise the error."""
    job = json.loads(job_file.read_text(encoding="utf-8"))
    end_with_parent()
    with handled_by(handler_of(job)):
        perform(job)


def handler_of(job: dict[str, Any]) -> logging.Handler:
    """A log file that the launcher reads if it is on this node; else this terminal."""
    if "log" in job and os.environ.get("GROUP_RANK", "0") == "0":
        return RecordFile(Path(job["log"]))
    return TerminalHandler()


def perform(job: dict[str, Any]) -> None:
    """Run the job, write the reply, and exit with the right status."""
    reply: dict[str, Any] = {}
    try:
        run(job)
    except Stopped as stopped:
        reply = {"stopped": str(stopped)}
    except Exception as error:
        answer = reply_to(error, job)
        if answer is None:
            logger.exception("stage %s failed", job["stage"].partition(":")[2])
            sys.exit(1)
        reply = answer
    except KeyboardInterrupt:
        os._exit(130)
    if first():
        try:
            write_json(Path(job["reply"]), reply)
        except OSError:
            os._exit(NO_REPLY)
    if "stopped" in reply:
        os._exit(STOPPED)
    if "RANK" in os.environ:  # gloo threads that hold a tensor abort the interpreter at exit in 1 of 30 runs
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(0)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
