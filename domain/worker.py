"""Run one stage in a process of its own: ``main`` as the launcher calls it, or ``python -m domain.worker JOB``."""

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

# What libraries that raise no OSError say of a full disk (safetensors, SQLite).
FULL = ("No space left on device", "Disk quota exceeded", "disk is full")
# What they say of memory: torch on a GPU, torch on a CPU.
NO_MEMORY = ("out of memory", "can't allocate memory")
NO_REPLY = 74  # exit code where not even the reply could be written: the disk is full


def named(name: str) -> Any:
    """The object called ``package.module:name``."""
    module, _, attribute = name.partition(":")
    return getattr(importlib.import_module(module), attribute)


def end_with_parent() -> None:
    """Leave when standard input closes: a launcher that was killed must not leave a learner behind."""

    def wait() -> None:
        while os.read(0, 1):  # not sys.stdin: its lock would abort the interpreter's own end
            pass
        os._exit(1)

    threading.Thread(target=wait, daemon=True).start()


def run(job: dict[str, Any]) -> None:
    """Open the parents, validate the spec, run the stage; the first of several ranks seals.

    The launcher has verified the parents' bytes just before: no rank reads them once more.
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
    """Whether this process is the one that writes, of those that torchrun has started."""
    return os.environ.get("RANK", "0") == "0"


def reply_to(error: Exception, job: dict[str, Any]) -> dict[str, Any] | None:
    """The reply to an error that its user can fix; None for a defect, whose traceback is worth more."""
    text = str(error)
    if isinstance(error, UserError):
        return {"error": [error.place, error.problem, error.fix]}
    if isinstance(error, OSError) and error.errno is not None:
        return {"errno": error.errno, "file": str(error.filename or job["out"])}
    if any(full in text for full in FULL):
        return {"errno": errno.ENOSPC, "file": job["out"]}
    if isinstance(error, MemoryError) or (isinstance(error, RuntimeError) and any(m in text for m in NO_MEMORY)):
        place = job["stage"].partition(":")[2]
        fix = "lower --micro-batch, then run again; it changes nothing of what is made"
        return {"error": [f"stage {place}", "ran out of memory", fix]}
    return None


def main(job_file: Path) -> None:
    """Run the job and write its reply: an empty object, or what stopped it."""
    job = json.loads(job_file.read_text(encoding="utf-8"))
    end_with_parent()
    with handled_by(handler_of(job)):
        perform(job)


def handler_of(job: dict[str, Any]) -> logging.Handler:
    """To the launcher by a file, where that is on this node; else to this node's terminal."""
    if "log" in job and os.environ.get("GROUP_RANK", "0") == "0":
        return RecordFile(Path(job["log"]))
    return TerminalHandler()


def perform(job: dict[str, Any]) -> None:
    """Run the job, reply, and end the process where more than returning is needed."""
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
    if "RANK" in os.environ:  # torchrun's: threads of gloo that hold a tensor abort the interpreter's end, 1 in 30
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(0)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
