"""The process that extracts pages: it exits at its limit of time or memory, or when its parent is gone."""

from __future__ import annotations

import importlib
import json
import logging
import os
import resource
import signal
import struct
import sys
import threading
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any, BinaryIO

from corpora.extract.job import Extracted

SIZE_HEADER = struct.Struct("<Q")
ROOM = 2_000_000_000  # bytes of address space beyond what a worker holds at its start
MEMORY_EXIT = 71  # code of a process that needed more


def reader(job: dict[str, Any]) -> Callable[[bytes], Extracted]:
    """What reads the form of a job; its libraries are loaded, so that no page's time is spent on that."""
    if job["form"] == "html":
        import trafilatura  # noqa: F401
        from resiliparse.extract import html2text  # noqa: F401

        from corpora.extract.html import page

        return lambda content: page(content, charset=job["charset"], mode=job["mode"])
    if job["form"] == "pdf":
        import pypdf  # noqa: F401

        from corpora.extract.pdf import pdf

        return pdf
    module, _, name = job["form"].partition(":")
    function: Callable[[bytes], Extracted] = getattr(importlib.import_module(module), name)
    return function


def answer(job: dict[str, Any], content: bytes) -> dict[str, Any]:
    """The fields of ``Extracted``, or the ``reason`` why there is none.

    The processor's time decides; the clock is for what hangs. Both signals end the process: that works within C, too.
    """
    try:
        read = reader(job)
        signal.setitimer(signal.ITIMER_PROF, job["seconds"])
        signal.setitimer(signal.ITIMER_REAL, job["clock"])
        return asdict(read(content))
    except MemoryError:
        os._exit(MEMORY_EXIT)  # what comes next would lack it, too
    except RecursionError:
        return {"reason": "is nested too deeply"}
    except Exception as error:
        message = " ".join(str(error).split())[:300]
        return {
            "reason": message if isinstance(error, ValueError) and message else f"{type(error).__name__}: {message}"
        }
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.setitimer(signal.ITIMER_REAL, 0)


def limit_memory() -> None:
    """Let this process grow by ``ROOM`` and no more, where the system can say how large it is."""
    size = Path("/proc/self/statm")
    if size.exists():
        resident = int(size.read_text().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (resident + ROOM, resident + ROOM))


def serve(requests: BinaryIO, replies: BinaryIO) -> None:
    """Answer jobs until the asking side is closed."""
    while header := requests.read(2 * SIZE_HEADER.size):
        (about,), (size,) = (
            SIZE_HEADER.unpack(header[: SIZE_HEADER.size]),
            SIZE_HEADER.unpack(header[SIZE_HEADER.size :]),
        )
        job = json.loads(requests.read(about))
        reply = json.dumps(answer(job, requests.read(size))).encode()
        replies.write(SIZE_HEADER.pack(len(reply)) + reply)
        replies.flush()


def follow(life: int) -> None:
    """End this process with the one that asks it, whatever page it reads then."""
    os.read(life, 1)
    os._exit(1)


def main() -> None:
    """Serve on what were standard input and output; what a library prints goes nowhere."""
    replies = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    signal.signal(signal.SIGPROF, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_SETMASK, [])
    logging.disable(logging.CRITICAL)
    threading.Thread(target=follow, args=(int(sys.argv[1]),), daemon=True).start()
    limit_memory()
    serve(sys.stdin.buffer, replies)


if __name__ == "__main__":
    main()
