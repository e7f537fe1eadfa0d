"""Ctrl-C, which a terminal sends to every process of a command, stops the command alone; its children are its own."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

CODE = """
import signal, subprocess, sys, time
signal.signal(signal.SIGINT, {handler})  # whatever the tests were started with
from flows.run.signals import interruptible
try:
    with interruptible():
        child = subprocess.Popen(
            [sys.executable, "-c", "import time; print('up', flush=True); time.sleep(60)"], stdout=subprocess.PIPE)
        child.stdout.readline()
        print("ready", flush=True)
        child.wait()
except KeyboardInterrupt:
    time.sleep(0.3)
    print("interrupted", child.poll(), flush=True)
    child.kill()
"""


@pytest.mark.parametrize(
    ("handler", "numbers"),
    [
        ("signal.default_int_handler", [signal.SIGINT]),
        ("signal.default_int_handler", [signal.SIGTERM]),
        ("signal.SIG_IGN", [signal.SIGINT, signal.SIGTERM]),  # in the background: the first is not heard
    ],
)
def test_only_the_command_is_interrupted(handler: str, numbers: list[signal.Signals]) -> None:
    home = Path(__file__).parents[3]
    code = CODE.format(handler=handler)
    with subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=home, start_new_session=True
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert process.stdout.readline() == b"ready\n"
        for number in numbers:
            if number == signal.SIGINT:
                os.killpg(process.pid, number)
            else:
                time.sleep(0.5)
                assert process.poll() is None
                process.send_signal(number)
        assert process.stdout.readline() == b"interrupted None\n"
        assert process.wait(timeout=10) == 0
        assert process.stderr.read() == b""


def test_what_fails_because_of_the_interrupt_is_the_interrupt() -> None:
    from flows.run.signals import interruptible

    def engine() -> None:
        try:
            signal.raise_signal(signal.SIGTERM)
        finally:
            raise ConnectionError("a worker got the signal too")

    with pytest.raises(KeyboardInterrupt), interruptible():
        engine()
    with pytest.raises(ConnectionError), interruptible():
        raise ConnectionError("of itself")


def test_what_was_set_before_is_set_after() -> None:
    from flows.run.signals import interruptible

    given = signal.signal(signal.SIGINT, signal.default_int_handler)
    before = (signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGUSR1), signal.pthread_sigmask(0, ()))
    with interruptible():
        assert signal.SIGINT in signal.pthread_sigmask(signal.SIG_BLOCK, ())
    assert before == (
        signal.getsignal(signal.SIGTERM),
        signal.getsignal(signal.SIGUSR1),
        signal.pthread_sigmask(signal.SIG_BLOCK, ()),
    )
    signal.signal(signal.SIGINT, given)


@pytest.mark.parametrize("handler", ["signal.default_int_handler", "signal.SIG_IGN"])
def test_what_was_stopped_goes_on(handler: str) -> None:
    code = f"""
import signal, time
signal.signal(signal.SIGINT, {handler})
from flows.run.signals import interruptible
with interruptible():
    print("ready", flush=True)
    time.sleep(2.5)
print("done", flush=True)
"""
    with subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, start_new_session=True
    ) as run:
        assert run.stdout is not None
        assert run.stdout.readline() == "ready\n"
        run.send_signal(signal.SIGSTOP)  # Ctrl-Z
        time.sleep(0.6)  # longer than the wait for a signal that it is in
        run.send_signal(signal.SIGCONT)
        assert run.stdout.read() == "done\n"
    assert run.returncode == 0
