"""Tasks of one function in worker processes: each has its result, or what it did to its process."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import Any

import pytest

from corpora.workers.forked_worker import portable, results
from corpora.workers.pool import Died


class OddError(Exception):
    """It cannot be made again from its arguments."""

    def __init__(self, one: int, two: int) -> None:
        super().__init__(f"{one} and {two}")


def act(task: str) -> str:
    """What a task says."""
    what, _, rest = task.partition(":")
    match what:
        case "kill":
            os.kill(os.getpid(), signal.SIGKILL)
        case "leave":
            os._exit(7)
        case "memory":
            raise MemoryError
        case "raise":
            raise KeyError("what it lacks")
        case "odd":
            raise OddError(1, 2)
        case "interrupt":
            os.kill(os.getpid(), signal.SIGINT)
        case "once" if not Path(rest).exists():
            Path(rest).touch()
            os.kill(os.getpid(), signal.SIGKILL)
        case "child":  # it outlives its parent, and has the parent's pipe
            if os.fork() == 0:
                import time

                time.sleep(3)
                os._exit(0)
            os.kill(os.getpid(), signal.SIGKILL)
    return task.upper()


def done(tasks: list[str], workers: int) -> dict[str, Any]:
    return dict(results(act, tasks, workers))


@pytest.mark.parametrize("workers", [1, 3])
def test_a_task_that_kills_its_process_is_alone_to_blame(workers: int, tmp_path: Path) -> None:
    tasks = ["a", "kill", "b", "leave", f"once:{tmp_path / 'x'}", "c", "memory", "interrupt", "d"]
    found = done(tasks, workers)
    assert found.keys() == set(tasks)
    assert {task: str(result) for task, result in found.items() if isinstance(result, Died)} == {
        "kill": "SIGKILL",
        "leave": "code 7",
        "memory": "code 1",
    }
    assert {found[task] for task in ("a", "b", "c", "d", "interrupt")} == {"A", "B", "C", "D", "INTERRUPT"}
    assert done([], workers) == {}


def test_a_death_is_noticed_though_a_child_holds_the_pipe() -> None:
    assert done(["child", "a"], 2) == {"child": Died(-signal.SIGKILL), "a": "A"}


def test_what_a_task_raises_is_raised_with_its_traceback() -> None:
    with pytest.raises(KeyError, match="what it lacks") as error:
        done(["a", "raise"], 2)
    assert "in act" in "".join(error.value.__notes__)
    with pytest.raises(RuntimeError, match="OddError: 1 and 2"):
        done(["odd"], 1)
    assert isinstance(portable(ValueError("x")), ValueError)


def test_nothing_is_left_of_workers_where_the_caller_stops() -> None:
    import multiprocessing

    found = results(act, ["a", "b", "c"], 2)
    next(found)
    assert multiprocessing.active_children()
    found.close()  # type: ignore[attr-defined]
    assert not multiprocessing.active_children()
