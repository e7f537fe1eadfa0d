"""A document on which a filter takes too long is quarantined, and the others are filtered."""

from __future__ import annotations

import re
import signal
import threading
import time

import pytest

from corpora import time_limit as bounds
from corpora.document import Document
from corpora.filter_pass import DocumentState, answers, apply_answer
from corpora.filters.filter import Drop, Filter, FilterAnswer
from corpora.time_limit import TookTooLong, time_limit
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


@pytest.mark.parametrize("way", ["loop", "swallow", "pattern", "sleep"])
def test_one_document_that_takes_too_long(way: str) -> None:
    states = [DocumentState(Document(id=text, text=text, source="s"), split(text), 1) for text in ("a", way, "drop")]
    for state, answer in zip(states, answers(Slow(), states), strict=True):
        apply_answer(state, Slow(), answer)
    assert [state.stays for state in states] == [True, False, False]
    event = states[1].events[0]
    assert (event["action"], event["reason"]) == ("quarantined", "time")
    assert event["detail"] == "took more than 0 s of processor time"
    assert states[2].events[0]["reason"] == "asked"


def test_nothing_is_left_of_a_limit() -> None:
    before = signal.getsignal(signal.SIGPROF), signal.getsignal(signal.SIGALRM)
    with time_limit(1_000):
        pass
    with pytest.raises(TookTooLong):
        endless()
    assert (signal.getsignal(signal.SIGPROF), signal.getsignal(signal.SIGALRM)) == before
    assert signal.getitimer(signal.ITIMER_PROF) == signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0)


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
