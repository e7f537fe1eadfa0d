"""Lines of the log: bare on a terminal, and as JSON records from a stage's process to the one that launched it."""

from __future__ import annotations

import json
import logging
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from contextvars import copy_context
from pathlib import Path

from domain.url_secrets import shown

PACKAGES = ("domain", "corpora", "evals", "flows")
RELAY_SECONDS = 0.2  # between two looks for new records of a stage's process


class TerminalHandler(logging.Handler):
    """Bare lines: warnings and errors to standard error, the rest to standard output, as these are at that moment."""

    def emit(self, record: logging.LogRecord) -> None:
        """Write one line."""
        try:
            stream = sys.stderr if record.levelno >= logging.WARNING else sys.stdout
            stream.write(f"{self.format(record)}\n")
            stream.flush()
        except BrokenPipeError:  # whoever read the output has enough: the command ends by it
            raise
        except Exception:
            self.handleError(record)


class RecordFile(logging.Handler):
    """Appends each record to a file as a line of JSON; several processes may append to the same file."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.file = path.open("ab", buffering=0)

    def emit(self, record: logging.LogRecord) -> None:
        """Write one record, a traceback as text."""
        try:
            fields = {"name": record.name, "levelno": record.levelno, "levelname": record.levelname}
            fields |= {"msg": self.format(record), "created": record.created, "process": record.process}
            self.file.write(json.dumps(fields).encode() + b"\n")
        except Exception:
            self.handleError(record)

    def close(self) -> None:
        """Close the file."""
        self.file.close()
        super().close()


@contextmanager
def handled_by(handler: logging.Handler, level: int = logging.INFO) -> Iterator[None]:
    """The product's loggers pass their records to ``handler``, from ``level`` on; other libraries' are left alone."""
    handler.addFilter(without_secrets)
    loggers = [logging.getLogger(name) for name in PACKAGES]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.addHandler(handler)
        if logger.level == logging.NOTSET:
            logger.setLevel(level)
    try:
        yield
    finally:
        for logger, before in zip(loggers, levels, strict=True):
            logger.removeHandler(handler)
            logger.setLevel(before)


def without_secrets(record: logging.LogRecord) -> bool:
    """Hide the secrets of addresses in a record's message; it is a logging filter that lets every record pass."""
    if "://" in (message := record.getMessage()):
        record.msg, record.args = shown(message), ()
    return True


@contextmanager
def relayed(path: Path) -> Iterator[None]:
    """Pass on, as this process's own, the records that others append to ``path``; the file is removed at the end."""
    path.write_bytes(b"")
    done = threading.Event()

    def relay() -> None:
        rest, last = b"", False
        with path.open("rb") as file:
            while not last:
                last = done.wait(RELAY_SECONDS)
                *lines, rest = (rest + file.read()).split(b"\n")
                for line in lines:
                    pass_on(line)

    # In the caller's context: a handler may look there for the run to which a record belongs.
    thread = threading.Thread(target=copy_context().run, args=(relay,), daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()
        path.unlink(missing_ok=True)


def pass_on(line: bytes) -> None:
    """Hand one record to the logger of its name here; a line that is torn, or none of ``RecordFile``, is left out."""
    try:
        fields = json.loads(line)
        name, level, message = str(fields["name"]), int(fields["levelno"]), str(fields["msg"])
        when, process = float(fields["created"]), int(fields["process"])
    except (ValueError, KeyError, TypeError, RecursionError, OverflowError):
        return
    record = logging.makeLogRecord({"name": name, "levelno": level, "levelname": logging.getLevelName(level)})
    record.msg, record.created, record.process = message, when, process
    logger = logging.getLogger(record.name)
    if logger.isEnabledFor(record.levelno):
        with suppress(BrokenPipeError):
            logger.handle(record)
