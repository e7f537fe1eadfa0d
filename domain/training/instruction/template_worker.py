"""The script that renders a chat template in a process of its own, with limits of time, memory and length.

A line of JSON on standard input holds the template and its variables, every further one a conversation; each of these
is answered by a line with ``text`` or ``error``. The kernel ends the process where a rendering takes too long, so that
a template which does not end, even within one call of the interpreter's, cannot hold up a run.
"""

from __future__ import annotations

import json
import random
import resource
import signal
import sys
from datetime import datetime
from pathlib import Path
from typing import Any

RENDERING_SECONDS = 2.0  # of processor time for a conversation
RENDERING_MEMORY = 512 * 2**20  # bytes beyond what the process has before the first
LONGEST = 10_000_000  # characters of a conversation
TODAY = datetime(2024, 7, 26)  # templates of Llama 3 state it where none is given


def limit_memory() -> None:
    """Allow ``RENDERING_MEMORY`` more than is mapped now, where the system says how much that is, and no core file."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    status = Path("/proc/self/statm")
    if status.exists():
        most = int(status.read_text().split()[0]) * resource.getpagesize() + RENDERING_MEMORY
        resource.setrlimit(resource.RLIMIT_AS, (most, most))


class Clock:
    """What ``strftime_now`` of a template asks: it is always the same day."""

    @staticmethod
    def now() -> datetime:
        """The day that every conversation is written on."""
        return TODAY


def answer(template: str, variables: dict[str, Any], request: dict[str, Any]) -> dict[str, str]:
    """What ``tokenizer.apply_chat_template`` writes, or why it cannot.

    A template that asks for the time or for chance gets the same each time, whenever a tuning is run or resumed.
    """
    from transformers.utils.chat_template_utils import render_jinja_template

    random.seed(0)
    try:
        (text,), _ = render_jinja_template(
            conversations=[request["messages"]],
            chat_template=template,
            add_generation_prompt=request["opened"],
            **variables,
        )
    except MemoryError:
        return {"error": f"it takes more than {RENDERING_MEMORY // 2**20} MB"}
    except Exception as error:  # a template raises whatever its author chose
        return {"error": (str(error).splitlines() or [type(error).__name__])[0][:300] or type(error).__name__}
    return {"text": text} if len(text) <= LONGEST else {"error": f"it writes more than {LONGEST:,} characters"}


def main() -> None:
    """Answer conversations until there are no more."""
    import transformers.utils.chat_template_utils as chat_template_utils  # before memory is limited

    setattr(chat_template_utils, "datetime", Clock)  # noqa: B010 - its functions take no clock, and no other function
    template, variables = json.loads(sys.stdin.readline())
    limit_memory()
    for line in sys.stdin:
        request = json.loads(line)
        signal.setitimer(signal.ITIMER_PROF, RENDERING_SECONDS)
        reply = answer(template, variables, request)
        signal.setitimer(signal.ITIMER_PROF, 0)
        sys.stdout.write(json.dumps(reply) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
