"""One stage in a process of its own, as the launcher (or torchrun) starts it: ``python -m domain.launched JOB``."""

from __future__ import annotations

import importlib
import json
import os
import sys
import threading
from pathlib import Path
from typing import Any

from domain import artifacts
from domain.errors import Refusal
from domain.machine import Machine
from domain.manifest import write_json


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
    """Open the parents (every byte checked), validate the spec, run the stage and seal what it made."""
    stage = named(job["stage"])
    spec = named(job["spec_kind"]).model_validate(job["spec"])
    parents = [getattr(artifacts, parent["kind"]).open(Path(parent["path"])) for parent in job["parents"]]
    stage(spec, *parents, out=Path(job["out"]), machine=Machine.model_validate(job["machine"]))


def main(job_file: Path) -> None:
    """Run the job and write its reply: an empty object, or the refusal that stopped it."""
    job = json.loads(job_file.read_text(encoding="utf-8"))
    end_with_parent()
    reply: dict[str, Any] = {}
    try:
        run(job)
    except Refusal as refusal:
        reply = {"refusal": [refusal.place, refusal.found, refusal.mend]}
    except OSError as error:
        if error.errno is None:
            raise
        reply = {"errno": error.errno, "file": str(error.filename or job["out"])}
    except KeyboardInterrupt:
        os._exit(130)
    write_json(Path(job["reply"]), reply)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
