"""Render the chat template of a tokenizer: Shoptalk's own here, others in a process with limits."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import weakref
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from domain.errors import first_line
from domain.training.instruction.template_worker import LONGEST, RENDERING_MEMORY, RENDERING_SECONDS

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

WORKER = Path(__file__).with_name("template_worker.py")
QUIET = {"HF_HUB_OFFLINE": "1", "TRANSFORMERS_VERBOSITY": "critical", "OPENBLAS_NUM_THREADS": "1"}


class TemplateError(ValueError):
    """Why a template cannot write a conversation."""


class TemplateProcess:
    """Renders as ``tokenizer.apply_chat_template`` does, in a process that starts with the first conversation."""

    def __init__(self, tokenizer: PreTrainedTokenizerFast) -> None:
        self.tokenizer = tokenizer
        self.process: subprocess.Popen[str] | None = None

    def render(self, messages: Sequence[dict[str, str]], *, opened: bool) -> str:
        """The conversation, with the start of an answer if ``opened``. Raises ``TemplateError``."""
        if self.process is None:
            self.start()
        reply = self.ask({"messages": list(messages), "opened": opened})
        if reply is None:
            self.process = None
            limits = f"{RENDERING_SECONDS:g} seconds, {RENDERING_MEMORY // 2**20} MB or {LONGEST:,} characters"
            raise TemplateError(f"it takes more than {limits}")
        if "error" in reply:
            raise TemplateError(reply["error"])
        return str(reply["text"])

    def start(self) -> None:
        """Start the process and hand it the template; raises ``TemplateError`` if the tokenizer has no default."""
        try:
            template = self.tokenizer.get_chat_template()
        except (TypeError, ValueError) as error:
            raise TemplateError(first_line(error)) from None
        self.process = subprocess.Popen(
            [sys.executable, "-P", str(WORKER)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={**os.environ, **QUIET},
            text=True,
            encoding="utf-8",
        )
        weakref.finalize(self, end, self.process)
        self.send([template, self.tokenizer.special_tokens_map])

    def ask(self, request: dict[str, Any]) -> dict[str, str] | None:
        """The reply to a request; None where the process was ended."""
        assert self.process is not None
        assert self.process.stdout is not None
        self.send(request)
        line = self.process.stdout.readline()
        return json.loads(line) if line else None

    def send(self, value: object) -> None:
        """Write a line; whether the process is still there shows when it is to answer."""
        assert self.process is not None
        assert self.process.stdin is not None
        with suppress(BrokenPipeError):
            self.process.stdin.write(json.dumps(value, default=str) + "\n")
            self.process.stdin.flush()


def end(process: subprocess.Popen[str]) -> None:
    """End a process and close its pipes."""
    process.kill()
    process.wait()
    for pipe in (process.stdin, process.stdout):
        if pipe is not None:
            with suppress(BrokenPipeError):  # of what it did not read any more
                pipe.close()
