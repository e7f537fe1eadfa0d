from __future__ import annotations

import gzip
import json
from pathlib import Path

import numpy as np
import pytest

from corpora.dedup import Passages
from corpora.dedup.passages import NOBODY, cut, paragraphs, passage_hashes, repeated

LEGAL = (
    "This report holds forward-looking statements within the meaning of the Private Securities Litigation Reform Act."
)
NOTES = "The accompanying notes are an integral part of these consolidated financial statements, and so is this line."


def own(name: str) -> str:
    return f"{name} sold more machines than in the year before, mostly to customers abroad, as it had said it would do."


def cleaned(texts: list[str], order: list[int] | None = None, **settings: int) -> list[tuple[str, int]]:
    spec = Passages(**settings)  # type: ignore[arg-type]
    ranked = np.array(order if order is not None else range(len(texts)))
    twice = repeated(passage_hashes(texts, spec), ranked, spec)
    return [cut(text, spec, twice, number) for number, text in enumerate(texts)]


def test_a_shared_paragraph_stays_in_the_earliest_document() -> None:
    texts = [f"{own('A')}\n{LEGAL}", f"{LEGAL.upper()}\n\n{own('B')}", own("C")]
    assert cleaned(texts) == [(texts[0], 0), (own("B"), 1), (texts[2], 0)]
    assert cleaned(texts, [1, 0, 2]) == [(own("A"), 1), (texts[1], 0), (texts[2], 0)]


def test_within_a_document_too_the_first_one_stays() -> None:
    text = "\n".join([own("A"), NOTES, own("B"), NOTES, "Item 7.", NOTES])
    assert cleaned([text]) == [("\n".join([own("A"), NOTES, own("B"), "Item 7."]), 2)]


def test_short_ones_are_never_cut() -> None:
    heading = "Item 9. Changes in and disagreements with accountants"
    texts = [f"{own(name)}\n{heading}" for name in "AB"]
    assert cleaned(texts) == [(text, 0) for text in texts]
    assert cleaned(texts, words=8)[1] == (own("B"), 1)


def test_what_many_documents_hold_goes_everywhere() -> None:
    texts = [f"{own(name)}\n{LEGAL}" for name in "ABC"]
    assert [count for _, count in cleaned(texts, most=3)] == [0, 1, 1]
    assert cleaned(texts, most=2) == [(own(name), 1) for name in "ABC"]
    # Within one document it may stand as often as it likes: documents are counted.
    assert cleaned([f"{own('A')}\n{LEGAL}\n{LEGAL}\n{LEGAL}"], most=1)[0][1] == 2


def test_nothing_may_be_left() -> None:
    assert cleaned([LEGAL, LEGAL])[1] == ("", 1)


def test_wrapped_lines_are_no_paragraphs() -> None:
    body = (
        "BAHIA COCOA REVIEW\n\nShowers continued throughout the week in\nthe Bahia cocoa zone, said\n"
        "    The dry period means the temporao will be late this year and\nnext, a trader said.\n Reuter"
    )
    assert paragraphs(body) == [
        "BAHIA COCOA REVIEW\n\n", "Showers continued throughout the week in\nthe Bahia cocoa zone, said\n",
        "    The dry period means the temporao will be late this year and\nnext, a trader said.\n", " Reuter",
    ]  # fmt: skip
    other = body.replace("BAHIA COCOA REVIEW", "GHANA COCOA").replace("Showers continued", "Dry weather went on")
    assert cleaned([body, other])[1][1] == 1
    assert cleaned([body, other])[1][0].endswith("zone, said\n Reuter")


@pytest.mark.parametrize("text", ["", "a", "a\n\nb\n", "\n\n \n", f"{LEGAL}\n\n\n{NOTES}\n x", "a\n b\n\n\n c"])
def test_paragraphs_join_to_the_text(text: str) -> None:
    assert "".join(paragraphs(text)) == text
    assert passage_hashes([text], Passages()).shape[1] == 2


def test_marks_are_the_same_in_any_batch() -> None:
    texts = [f"{own(name)}\n{LEGAL}" for name in "ABC"]
    together = passage_hashes(texts, Passages(), 10)
    apart = [passage_hashes([text], Passages(), 10 + number) for number, text in enumerate(texts)]
    assert np.array_equal(np.concatenate(apart), together)
    assert set(together[:, 0].tolist()) == {10, 11, 12}
    assert passage_hashes([], Passages()).shape == (0, 2)
    assert repeated(passage_hashes([], Passages()), np.arange(0), Passages(most=1)).shape == (0, 2)
    alone = repeated(passage_hashes([own("A")], Passages()), np.arange(1), Passages())
    assert alone.shape == (0, 2)
    assert NOBODY not in alone


def test_real_annual_reports_lose_a_part_of_their_text_and_no_number_of_documents(standard_data: Path) -> None:
    with gzip.open(standard_data / "finance" / "10k.jsonl.gz", "rt", encoding="utf-8") as file:
        texts = [json.loads(line)["text"] for line in file]
    left = cleaned(texts)
    share = 1 - sum(len(text) for text, _ in left) / sum(map(len, texts))
    assert 0.05 < share < 0.2  # 14% of the characters stand in lines of 12 words or more that came before
    assert all(text for text, _ in left)
