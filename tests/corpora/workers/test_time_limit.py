"""A document on which a filter takes too long is quarantined, and the others are filtered."""

from __future__ import annotations

import re
import resource
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from corpora.curation.filter_pass import DocumentState, answers, apply_answer
from corpora.document import Document
from corpora.filters.filter import Drop, Filter, FilterAnswer
from corpora.workers import time_limit as bounds
from corpora.workers.time_limit import TookTooLong, time_limit
from domain.errors import UserError
from domain.text.words import Split, split


class Slow(Filter):
    """Takes its time over what says so, in one of several ways."""

    kind: str = "slow"

    def judge(self, documents: list[Document], split: Split) -> list[FilterAnswer]:  # type: ignore[override]
        """Drop what is called so."""
        for document in documents:
            match document.text:
                case "loop":
                    while True:
                        pass
                case "swallow":
                    while True:
                        try:
                            sum(range(1_000))
                        except Exception:
                            continue
                case "pattern":
                    re.search("(x+x+)+y", "x" * 60)
                case "sleep":
                    time.sleep(3_600)
        return [Drop("asked") if document.text == "drop" else None for document in documents]


def endless() -> None:
    with time_limit(1_000):
        while True:
            pass


@pytest.fixture(autouse=True)
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bounds, "SECONDS", 0.2)
    monkeypatch.setattr(bounds, "SECONDS_IN_BATCH", 0.01)
    monkeypatch.setattr(bounds, "BY_THE_CLOCK", 5.0)


@pytest.mark.parametrize("way", ["loop", "swallow", "pattern"])
def test_one_document_that_takes_too_long(way: str) -> None:
    states = [DocumentState(Document(id=text, text=text, source="s"), split(text), 1) for text in ("a", way, "drop")]
    for state, answer in zip(states, answers(Slow(), states), strict=True):
        apply_answer(state, Slow(), answer)
    assert [state.stays for state in states] == [True, False, False]
    event = states[1].events[0]
    assert (event["action"], event["reason"]) == ("quarantined", "time")
    assert event["detail"] == "took more than 0 s of processor time"
    assert states[2].events[0]["reason"] == "asked"


def test_a_filter_that_hangs_ends_the_run_and_blames_no_document() -> None:
    states = [DocumentState(Document(id=text, text=text, source="s"), split(text), 1) for text in ("a", "sleep")]
    with pytest.raises(UserError, match=r"corpus.filters: slow took more than 1 s by the clock over sleep, twice"):
        answers(Slow(), states)


def test_a_process_that_cannot_be_interrupted_is_ended(tmp_path: Path) -> None:
    """As where a library of C never returns; here both signals are blocked."""
    code = (
        "import signal; from corpora.workers import time_limit as t; t.SECONDS = t.ENDED_AT = 0.3\n"
        "with t.time_limit(0):\n"
        "    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGPROF, signal.SIGALRM])\n"
        "    while True: pass\n"
    )
    answer = subprocess.run([sys.executable, "-c", code], timeout=60, check=False)
    assert answer.returncode == -signal.SIGXCPU


def test_nothing_is_left_of_a_limit() -> None:
    before = signal.getsignal(signal.SIGPROF), signal.getsignal(signal.SIGALRM)
    limit = resource.getrlimit(resource.RLIMIT_CPU)
    with time_limit(1_000):
        pass
    with pytest.raises(TookTooLong):
        endless()
    assert (signal.getsignal(signal.SIGPROF), signal.getsignal(signal.SIGALRM)) == before
    assert signal.getitimer(signal.ITIMER_PROF) == signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0)
    assert resource.getrlimit(resource.RLIMIT_CPU) == limit


def test_more_text_has_more_time_and_other_threads_have_no_limit() -> None:
    with time_limit(100_000_000):
        assert signal.getitimer(signal.ITIMER_PROF)[0] > 1_900
    with time_limit(1_000_000, patience=10):
        assert 200 < signal.getitimer(signal.ITIMER_PROF)[0] < 210
    done: list[bool] = []

    def work() -> None:
        with time_limit(1):
            done.append(True)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert done
