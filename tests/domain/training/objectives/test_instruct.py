"""Answers alone are learned: by hand, and against the loss of transformers, example by example."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from domain.model.attention import Attention
from domain.tokens.batch import IGNORED, Batch
from domain.training.instruction.batches import Gathered
from domain.training.instruction.chat import ChatExample
from domain.training.loss_head import Head
from domain.training.objectives.instruct import InstructObjective
from tests.domain.model.architectures import PIECES, tiny


def example(*turns: list[int]) -> ChatExample:
    """What is read and what is learned take turns."""
    learned = np.repeat(np.arange(len(turns)) % 2 == 1, [len(ids) for ids in turns])
    return ChatExample("f:1", "", np.concatenate([np.array(ids, dtype=np.int64) for ids in turns]), learned)


X = IGNORED


def test_a_decoders_row_by_hand() -> None:
    rows = [[example([5, 6], [7, 8], [9], [4]), example([3], [2])], [example([1], [2, 3])]]
    batch = InstructObjective("decoder", most=16, pad=0)(Gathered(rows, slice(None)), 0)
    assert batch.inputs["input_ids"].tolist() == [[5, 6, 7, 8, 9, 4, 3, 2, *[0] * 8], [1, 2, 3, *[0] * 13]]
    assert batch.labels.tolist() == [[X, 7, 8, X, 4, X, 2, *[X] * 9], [2, 3, *[X] * 14]]
    assert batch.segments["input_ids"].tolist() == [[0] * 6 + [1] * 2 + [-1] * 8, [0] * 3 + [-1] * 13]
    assert batch.valid == 6


def test_a_last_token_that_is_only_predicted_needs_no_place() -> None:
    batch = InstructObjective("decoder", most=16, pad=0)(Gathered([[example([1] * 10, [2] * 7)]], slice(None)), 0)
    assert batch.inputs["input_ids"].tolist() == [[1] * 10 + [2] * 6]
    assert batch.labels.tolist() == [[X] * 9 + [2] * 7]


def test_both_sides_of_an_encoder_decoder_by_hand() -> None:
    rows = [[example([5, 6, 1], [7, 8]), example([3], [2, 4, 9])], [example([1], [2])]]
    batch = InstructObjective("encoder_decoder", most=20, pad=0, start=11)(Gathered(rows, slice(0, 1)), 0)
    assert batch.inputs["input_ids"].tolist() == [[5, 6, 1, 3, *[0] * 12]]
    assert batch.inputs["decoder_input_ids"].tolist() == [[11, 7, 11, 2, 4, *[0] * 11]]
    assert batch.labels.tolist() == [[7, 8, 2, 4, 9, *[X] * 11]]
    assert batch.segments["input_ids"].tolist() == [[0] * 3 + [1] + [-1] * 12]
    assert batch.segments["decoder_input_ids"].tolist() == [[0] * 2 + [1] * 3 + [-1] * 11]
    assert batch.valid == 5


def test_rows_are_as_long_in_every_process() -> None:
    rows = [[example([1] * 40, [2] * 3)], [example([1], [2])]]
    parts = [InstructObjective("decoder", most=44, pad=0)(Gathered(rows, slice(n, n + 1)), 0) for n in (0, 1)]
    assert [part.labels.shape for part in parts] == [(1, 44), (1, 44)]  # 42 in steps of 16 is 48, of which 44 are there
    assert [part.valid for part in parts] == [3, 1]


@pytest.mark.parametrize("name", ["llama", "gpt2", "bloom", "t5", "bart"])
def test_rows_lose_what_their_examples_lose_alone(name: str) -> None:
    """Against the loss of transformers itself, example by example, in train mode."""
    model, draw = tiny(name), np.random.default_rng(0)
    family = "encoder_decoder" if model.config.is_encoder_decoder else "decoder"
    examples = [
        example(*(draw.integers(3, PIECES, size).tolist() for size in sizes))
        for sizes in ((9, 4), (3, 2, 5, 1), (14, 6), (2, 2))
    ]
    if family == "encoder_decoder":
        examples[1] = example(draw.integers(3, PIECES, 8).tolist(), draw.integers(3, PIECES, 3).tolist())
    attention = Attention(model, torch.device("cpu"))
    rows = [examples[:2], examples[2:]] if attention.packed else [[each] for each in examples]
    assert attention.packed == (name not in ("bloom", "bart"))
    start = model.config.decoder_start_token_id if family == "encoder_decoder" else 0
    objective = InstructObjective(family, most=48, pad=0, start=start)
    batch: Batch = objective(Gathered(rows, slice(None)), 0)
    found = Head(model).loss(attention(batch.part(0, len(rows), torch.device("cpu"))), batch.labels)
    expected = 0.0
    for each in examples:
        tokens, learned = torch.from_numpy(each.tokens), torch.from_numpy(each.learned)
        if family == "decoder":
            given = {"input_ids": tokens[None], "labels": torch.where(learned, tokens, IGNORED)[None]}
        else:
            given = {"input_ids": tokens[~learned][None], "labels": tokens[learned][None]}
        expected += float(model(**given, use_cache=False).loss.detach()) * int(learned.sum())
    assert float(found.detach()) == pytest.approx(expected, rel=1e-5)
    assert batch.valid == sum(int(each.learned.sum()) for each in examples)
