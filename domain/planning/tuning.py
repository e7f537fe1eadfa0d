"""Plan instruction tuning: count the examples, pack them into rows, and estimate time and memory."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from math import ceil
from typing import Any

import numpy as np

from domain.cost.device import Device
from domain.cost.flops import flops_per_token
from domain.cost.shape import Shape
from domain.cost.token_flow import TokenFlow
from domain.errors import UserError
from domain.machine import Machine
from domain.planning.activations import ONE_DOCUMENT_PER_ROW
from domain.planning.expected import BYTES_PER_TOKEN, Expected, expect
from domain.planning.speed import Speed
from domain.settings.learning import Optimization, Training
from domain.tokens.bestfit import best_fit
from domain.training.instruction.examples_file import Conversation
from domain.training.tune import Tuning

AROUND = 6  # tokens that a chat template adds per message: 4 to 8 for Llama, Qwen and Tülu


@dataclass(frozen=True, kw_only=True)
class Examples:
    """``count`` examples of ``tokens`` tokens on average fit into a row, ``longer`` do not; estimated from bytes.

    There are ``steps`` steps of ``rows`` rows such as ``row``; a validation scores ``scored_rows`` such rows.
    """

    count: int
    longer: int
    tokens: float
    row: TokenFlow
    rows: int
    steps: int
    scored_rows: float


def count_examples(shape: Shape, spec: Tuning, bytes_per_token: float = BYTES_PER_TOKEN) -> Examples:
    """Read the examples file. Raises ``UserError`` as tuning would, also if no example fits."""
    context, pair = spec.row(shape.context), shape.family == "encoder_decoder"
    room = context + (not pair)  # a decoder's last token is only predicted
    lengths = np.array([sides for order in spec.read() for sides in counted(order, bytes_per_token, apart=pair)])
    seats = np.ceil(lengths.max(1) if pair else lengths.sum(1)).astype(np.int64)
    fits = seats <= room
    if not fits.any():
        problem = f"is {context:,} tokens, but the shortest example has about {seats.min():,}"
        raise UserError(
            "instruction_tuning.context", problem, "raise it up to the model's limit, or write shorter examples"
        )
    prompts, answered = lengths[fits].sum(0)
    seats, share = seats[fits], spec.validation.share if spec.validation.every else 0.0
    if spec.packing == "separate" or shape.architecture in ONE_DOCUMENT_PER_ROW:
        whole, length = len(seats), longest_of(seats, spec.batch // context)
    else:
        whole = best_fit(np.bincount(seats, minlength=room + 1), room)[1]
        length = min(context, int(seats.sum()))
    learned = max(1, round((1.0 - share) * whole))
    rows = min(spec.batch // context, learned)
    read, written = (length * prompts / seats.sum(), length * answered / seats.sum()) if pair else (0.0, length)
    scored = min(1.0, spec.validation.bytes / max(1.0, share * answered * bytes_per_token))
    return Examples(
        count=len(seats),
        longer=int((~fits).sum()),
        tokens=float(seats.mean()),
        row=TokenFlow(length, read, written, answered / whole),
        rows=rows,
        steps=-(-spec.epochs * learned // rows),
        scored_rows=scored * share * whole,
    )


def counted(order: Conversation, bytes_per_token: float, *, apart: bool) -> Iterator[tuple[float, float]]:
    """Tokens of (prompts, answers): of the whole conversation, or with ``apart`` of each answer and its prompt."""
    prompt = answered = 0.0
    for message in order.messages:
        tokens = len(message["content"].encode()) / bytes_per_token + AROUND
        answer = message["role"] == "assistant"
        if answer and apart:
            yield prompt, tokens
        answered += tokens if answer and not apart else 0.0
        prompt += tokens if not answer or apart else 0.0
    if not apart:
        yield prompt, answered


def longest_of(seats: np.ndarray, rows: int) -> int:
    """Mean length to which a batch of ``rows`` examples is padded."""
    whole = seats[: len(seats) // rows * rows] if len(seats) >= rows else seats
    return ceil(float(whole.reshape(-1, min(rows, len(seats))).max(1).mean()))


def expect_tuning(
    shape: Shape, spec: Tuning, examples: Examples, device: Device, machine: Machine, speed: Speed
) -> Expected:
    """Estimate a tuning on these examples; its ``tokens`` include padding."""
    batch = int(examples.rows * examples.row.raw)
    blind = spec.validation.model_copy(update={"every": 0})
    settings: dict[str, Any] = {name: getattr(spec, name) for name in Optimization.model_fields}
    settings |= {"batch": batch, "objective": examples.row, "validation": blind, "lora": spec.lora}
    learning = Training.model_construct(**settings)  # not validated, since the objective is a measured row
    expected = expect(shape, learning, examples.steps * batch, device, machine, speed)
    looks = 1 + -(-examples.steps // spec.validation.every) if spec.validation.every else 0
    validated = looks * examples.scored_rows * examples.row.raw
    each = flops_per_token(shape, examples.row.raw, examples.row) / 3  # a forward pass is a third
    return replace(expected, validation_seconds=validated * each / (speed.flops_per_second * device.count))
