"""Ctrl-C and SIGTERM interrupt the run alone; it ends its workers and trainings itself."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from flows.run.disk import chain


@contextmanager
def interruptible() -> Iterator[None]:
    """Raise ``KeyboardInterrupt`` in the main thread, and there alone, on SIGINT and SIGTERM.

    A terminal sends SIGINT to every process of a command, and each Python process would print a traceback. So SIGINT is
    blocked, which children inherit; a thread waits for it and wakes the main thread. A command that was started in the
    background with SIGINT ignored keeps ignoring it.

    SIGTERM may reach workers too, as ``timeout`` sends it to all of them: an error that follows counts as the
    interrupt. So does Prefect's own error for the signal, which it handles while a flow runs.
    """
    main = threading.current_thread()
    if main is not threading.main_thread():
        yield  # only the main thread can handle signals
        return
    awaited = set() if signal.getsignal(signal.SIGINT) is signal.SIG_IGN else {signal.SIGINT}

    stopped = threading.Event()

    def stop(*_: object) -> None:
        stopped.set()
        raise KeyboardInterrupt

    done = threading.Event()

    def watch() -> None:
        while not done.is_set():
            info = signal.sigtimedwait(awaited, 0.2)
            # Also returns, without a signal, after a stop (Ctrl-Z) that was longer than the wait.
            if info and info.si_signo in awaited and main.ident is not None:
                signal.pthread_kill(main.ident, signal.SIGUSR1)

    before = {number: signal.signal(number, stop) for number in (signal.SIGUSR1, signal.SIGTERM)}
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, awaited)
    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    try:
        yield
    except Exception as error:
        if stopped.is_set() or any(type(each).__name__ == "TerminationSignal" for each in chain(error)):
            raise KeyboardInterrupt from error
        raise
    finally:
        done.set()
        watcher.join()
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        for number, handler in before.items():
            signal.signal(number, handler)
