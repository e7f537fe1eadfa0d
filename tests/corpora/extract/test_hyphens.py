from __future__ import annotations

import time

import pytest

from corpora.extract.hyphens import rejoined


@pytest.mark.parametrize(
    ("elsewhere", "broken", "whole"),
    [
        ("long-term debt", "long-\nterm", "long-term"),
        ("long-term debt", "Long-\nterm", "Long-term"),
        ("longterm debt", "long-\nterm", "longterm"),
        ("LONG-TERM DEBT", "long-\nterm", "long-term"),
        ("long-term and long-term or longterm", "long-\nterm", "long-term"),
        ("long term debt", "long-\nterm", "long-term"),
        ("the statements", "state-\nments", "statements"),
        ("nothing of it", "state-\nments", "statements"),
        ("a statement", "state-\nments", "statements"),
        ("re-elected twice", "re-\nelected", "re-elected"),
        ("a co-operation", "co-\noperations", "co-operations"),
        ("cooperation", "co-\noperation", "cooperation"),
        ("non-profit", "non-\nessential", "non-essential"),
        ("", "non-\nUS", "non-US"),
        ("", "self-\nevident", "self-evident"),
        ("", "state-of-\nthe-art", "state-of-the-art"),
        ("", "year-\non-year", "year-on-year"),
        ("", "STATE-\nMENTS", "STATEMENTS"),
        ("", "short-\nand long-term", "short- and long-term"),
        ("", "Franco-\nGerman", "Franco-German"),
        ("long\u2010term", "long\u2010\nterm", "long-term"),
        ("", "long-  \n  itude", "longitude"),
        ("", "quar-\nter's", "quarter's"),
        ("the term", "two-\nterm", "two-term"),
        # other alphabets and languages
        ("", "Vor-\nund Nachteile", "Vor- und Nachteile"),
        ("", "Geschäfts-\nbericht", "Geschäftsbericht"),
        ("die EU-weite Regel", "EU-\nweite", "EU-weite"),
        ("", "EU-\nweite", "EU-weite"),
        ("", "Übung", "Übung"),
        ("", "дого-\nвора", "договора"),
        ("бизнес-план", "бизнес-\nплан", "бизнес-план"),
        ("", "συμβό-\nλαιο", "συμβόλαιο"),
        ("un arc-en-ciel", "arc-en-\nciel", "arc-en-ciel"),
        ("", "enga-\ngé", "engagé"),
        ("", "ve\u0301ri-\nfier", "ve\u0301rifier"),
        ("", "हिन्-\nदी", "हिन्दी"),
        ("", "պայմա\u058a\nնագիր", "պայմանագիր"),
        # soft hyphens
        ("", "state\u00ad\nments", "statements"),
        ("", "state\u00adments", "statements"),
        ("long-term", "long\u00ad\nterm", "long-term"),
        ("long-term", "long\u00adterm", "long-term"),
        # no words that are broken
        ("", "2020-\n2021", "2020-\n2021"),
        ("", "the end -\nthe start", "the end -\nthe start"),
        ("", "item\n- one", "item\n- one"),
        ("", "§-\nzeichen", "§-\nzeichen"),
        ("", "end-\n\nNext", "end-\n\nNext"),
        ("statements", "state-\n\nments", "statements"),
    ],
)
def test_a_hyphen_at_a_lines_end(elsewhere: str, broken: str, whole: str) -> None:
    assert rejoined(f"{elsewhere}.\nHere {broken} stands.") == f"{elsewhere}.\nHere {whole} stands."


def test_what_is_broken_everywhere_shows_nothing() -> None:
    assert rejoined("a state-\nments b state-\nments c") == "a statements b statements c"
    assert rejoined("") == ""


@pytest.mark.parametrize("part", ["a-\n", "a-", "-\n", "ab\u00ad", "a-\n\n", "word ", "a\u0301"])
def test_no_text_makes_it_slow(part: str) -> None:
    start = time.process_time()
    rejoined(part * 100_000)
    assert time.process_time() - start < 3
