from __future__ import annotations

import json
from pathlib import Path

import pytest

from corpora.decontamination.decontaminate import Decontamination
from corpora.decontamination.instruction_check import refuse_asked
from domain.errors import UserError
from domain.training.instruction.examples_file import ExamplesFile

LONG = "Does the tenant owe the landlord interest on rent that is paid after the third day of the month?"
SHORT = "Who pays for the broken window?"  # 6 words: matched whole


@pytest.fixture
def protected(tmp_path: Path) -> Path:
    path = tmp_path / "texts.jsonl"
    path.write_text("".join(json.dumps({"task": t, "text": q}) + "\n" for t, q in (("rent", LONG), ("damage", SHORT))))
    return path


def asked(folder: Path, protected: Path, *records: dict[str, object], **settings: object) -> None:
    path = folder / "orders.jsonl"
    path.write_text("".join(json.dumps(record) + "\n" for record in records))
    refuse_asked(ExamplesFile(path=str(path)).read(), protected, Decontamination.model_validate(settings))


def order(instruction: str, text: str = "", label: str = "The tenant.") -> dict[str, object]:
    return {"instruction": instruction, "input": text, "label": label}


def test_orders_of_ones_own_pass(tmp_path: Path, protected: Path) -> None:
    asked(tmp_path, protected, order("Who pays for the window?"), order("Sum it up.", LONG.partition(" on ")[0]))


def test_lines_that_hold_a_question_are_named_with_its_task(tmp_path: Path, protected: Path) -> None:
    talk = [{"role": "user", "content": "Yes?"}, {"role": "assistant", "content": f"Well. {LONG.upper()}"}]
    records = [order("A."), order("B.", f"So: {LONG}"), {"messages": talk}, order(SHORT), *[order("C.")] * 300]
    told = (
        r"^instruction_tuning.path: 3 of 304 orders hold what the evals ask: orders.jsonl:2 \(rent\), "
        r"orders.jsonl:3 \(rent\), orders.jsonl:4 \(damage\)\. Fix: take these lines out of the file\.$"
    )
    for hit in ("drop", "cut"):
        with pytest.raises(UserError, match=told):
            asked(tmp_path, protected, *records, on_match=hit)


def test_many_are_counted_and_a_question_is_no_boilerplate_however_many_share_it(
    tmp_path: Path, protected: Path
) -> None:
    for count in (10, 11, 40):
        problem = rf"^instruction_tuning.path: {count} of {count} orders .*:5 \(damage\) and {count - 5} more\. Fix"
        with pytest.raises(UserError, match=problem):
            asked(tmp_path, protected, *[order(SHORT, f"Case {number}.") for number in range(count)])


def test_an_instruction_that_items_and_more_than_ten_orders_share_is_boilerplate(tmp_path: Path) -> None:
    form = "Read the lease below and answer with one of the letters that stand before the answers: "
    path = tmp_path / "texts.jsonl"
    lines = [{"task": "rent", "item": n, "text": f"{form} {LONG} case {n}"} for n in range(3)]
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    with pytest.raises(UserError, match="10 of 10 orders"):
        asked(tmp_path, path, *[order(form, f"Case {number}.") for number in range(10)])
    asked(tmp_path, path, *[order(form, f"Case {number}.") for number in range(11)])


def test_nothing_is_protected(tmp_path: Path) -> None:
    (tmp_path / "texts.jsonl").touch()
    asked(tmp_path, tmp_path / "texts.jsonl", order(LONG))
