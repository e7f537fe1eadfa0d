"""Batches of examples: whole, each once in a pass, the same however often and by how many they are read."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import pytest

from domain.errors import UserError
from domain.training.instruction.batches import InstructionBatches, hold_out
from domain.training.instruction.chat import ChatExample


def examples(lengths: list[int]) -> list[ChatExample]:
    """As many examples with so many tokens, of which the last is learned."""
    return [
        ChatExample(f"f:{n}", str(n), np.full(length, n), np.arange(length) == length - 1)
        for n, length in enumerate(lengths)
    ]


LENGTHS = [int(n) for n in np.random.default_rng(0).integers(3, 33, 40)]


def test_batches_are_a_function_of_the_seed_and_their_number() -> None:
    def made(seed: int) -> InstructionBatches:
        return InstructionBatches(examples(LENGTHS), "decoder", rows=4, context=32, epochs=3, seed=seed)

    def places(tasks: InstructionBatches, index: int) -> list[list[str]]:
        return [[e.place for e in row] for row in tasks.part(index, 0, 1).rows]

    one, other = made(0), made(0)
    back = [places(other, index) for index in reversed(range(len(other)))][::-1]
    assert [places(one, index) for index in range(len(one))] == back
    assert back != [places(made(1), index) for index in range(len(one))]
    with pytest.raises(IndexError):
        one.part(len(one), 0, 1)


@pytest.mark.parametrize(
    ("family", "packing"), [("decoder", "best_fit"), ("encoder_decoder", "best_fit"), ("decoder", "separate")]
)
def test_every_example_is_read_once_in_a_pass_and_whole(family: Any, packing: Any) -> None:
    lengths = LENGTHS if family == "encoder_decoder" else [min(33, n + 1) for n in LENGTHS]
    tasks = InstructionBatches(examples(lengths), family, rows=4, context=32, epochs=3, packing=packing)
    rows = [row for index in range(len(tasks)) for row in tasks.part(index, 0, 1).rows]
    passes = [rows[start : start + tasks.pass_rows] for start in range(0, len(rows), tasks.pass_rows)]
    assert [Counter(e.place for row in each for e in row) for each in passes[:3]] == [
        Counter(f"f:{n}" for n in range(40))
    ] * 3
    assert passes[0] != passes[1]
    assert len(rows) - 3 * tasks.pass_rows < 4  # the last batch is filled up
    most = 33 if family == "decoder" else 32
    assert all(sum(len(e.tokens) for e in row) - (family != "decoder") * len(row) <= most for row in rows)
    assert (max(map(len, rows)) == 1) == (packing == "separate")
    assert tasks.epochs == pytest.approx(len(rows) / tasks.pass_rows)
    assert tasks.names(1) == list(dict.fromkeys(e.place for row in rows[4:8] for e in row))


def test_processes_share_the_rows_of_a_batch_and_know_all_of_them() -> None:
    tasks = InstructionBatches(examples(LENGTHS), "decoder", rows=5, context=32)
    whole = tasks.part(1, 0, 1)
    parts = [tasks.part(1, rank, 3) for rank in range(3)]
    assert [row for part in parts for row in part.rows[part.own]] == whole.rows
    assert all(part.rows == whole.rows for part in parts)
    assert [len(part.rows[part.own]) for part in parts] == [1, 2, 2]
    few = InstructionBatches(examples([20, 20]), "decoder", rows=5, context=32)
    assert (few.rows, len(few)) == (2, 1)  # as many rows as there are
    with pytest.raises(UserError, match="has 2 rows of examples for 3 processes"):
        few.part(0, 0, 3)


def test_questions_are_held_out_with_all_their_answers() -> None:
    some = [ChatExample(f"f:{n}", str(n // 2), np.zeros(2), np.ones(2)) for n in range(80)]
    learned, held = hold_out(some, 0.1, seed=0)
    assert len(held) == 8
    assert not {e.question_id for e in learned} & {e.question_id for e in held}
    more = [*some, *(ChatExample("g:1", f"new {n}", np.zeros(2), np.ones(2)) for n in range(40))]
    assert {e.question_id for e in held} & {e.question_id for e in hold_out(more, 0.1, seed=0)[1]}
    assert {e.question_id for e in held} != {e.question_id for e in hold_out(some, 0.1, seed=1)[1]}
    assert hold_out(some[:2], 0.9, seed=0) == (some[:2], [])  # one question is always learned from
