"""The plan of a recipe: parameters, tokens, FLOPs, memory, time and disk."""

from __future__ import annotations

from dataclasses import dataclass

from domain.errors import Refusal
from domain.machine import Machine
from domain.model.spec import Base, padded
from domain.planning.memory import training_memory
from domain.planning.rate import learning_rate_of
from domain.planning.scaling import flops_per_token, optimal_tokens
from domain.planning.shape import Shape, shape_of
from domain.tokenizer.fit import Fitting
from domain.training.spec import LONGEST_ROW, MICRO_BATCH, Training

BYTES_PER_TOKEN = 4.0  # of English text under a tokenizer of its own; the fitted one's ratio is measured later
ARMS = 2  # the adapted model and its control
EVALUATION_SHARE = 0.05  # of the budget, kept for scoring


@dataclass(frozen=True, kw_only=True)
class Plan:
    """Counts in tokens and parameters, sizes in bytes, times in seconds."""

    shape: Shape
    context: int
    tokens: dict[str, int]
    flops: float
    flops_per_second: float
    rate_source: str
    seconds: float
    scoring_seconds: float
    memory: dict[str, float]
    text_needed: dict[str, float]
    disk: float
    optimal_tokens: float
    derived: bool


def make_plan(
    base: Base,
    fitting: Fitting,
    training: Training,
    machine: Machine,
    budget_seconds: float | None,
    scored_bytes: int = 0,
) -> Plan:
    """Work the plan out; where ``training.tokens`` is not set it follows from the budget (GPU-seconds).

    ``scored_bytes`` of held-out text are scored by the base and each arm. ``seconds`` is learning alone.
    """
    device, name, bf16 = device_of(machine)
    shape = shape_of(base, padded(fitting.pieces, base.pad_rows) if fitting.mode == "train" else None)
    if fitting.mode == "extend":
        shape = shape_of(base, padded(shape.vocabulary + fitting.pieces, base.pad_rows))
    context = training.context or min(shape.context, LONGEST_ROW)
    per_token = flops_per_token(shape, context)
    rate, source = learning_rate_of(name, bf16=bf16)
    tokens = training.tokens
    if tokens is None:
        if budget_seconds is None:
            raise Refusal("training.tokens", "is not set, and no budget is", "set training.tokens, or budget.hours")
        spent = budget_seconds * (1 - EVALUATION_SHARE) * rate / per_token - (base.tokens or 0)
        tokens = int(spent / ARMS) // training.batch * training.batch
        if tokens < training.batch:
            raise Refusal("budget", "does not reach for one batch", "raise budget.hours, or choose a smaller base")
    read = {"base": base.tokens or 0, "adapted": tokens, "control": tokens}
    flops = per_token * sum(read.values())
    needed = {
        "domain": BYTES_PER_TOKEN * tokens * training.mixture.domain,
        "general": BYTES_PER_TOKEN * max(tokens, base.tokens or 0),
    }
    return Plan(
        shape=shape,
        context=context,
        tokens=read,
        flops=flops,
        flops_per_second=rate,
        rate_source=source,
        seconds=flops / rate,
        # A forward pass is a third of a step.
        scoring_seconds=(1 + ARMS) * scored_bytes / BYTES_PER_TOKEN * per_token / 3 / rate,
        memory=training_memory(
            shape, context=context, micro_batch=machine.micro_batch or MICRO_BATCH[device], bf16=bf16, device=device
        ),
        text_needed=needed,
        # Text is held raw, cleaned twice, split and as tokens; weights as base, two arms, release and in the
        # registry; a training's state (weights and two moments) twice.
        disk=5.0 * sum(needed.values()) + (5 * 4 + 2 * 12) * shape.parameters,
        optimal_tokens=optimal_tokens(shape.parameters),
        derived=training.tokens is None,
    )


def device_of(machine: Machine) -> tuple[str, str | None, bool]:
    """(device type, GPU name or None, whether bf16 is used) of the profile on this machine."""
    import torch

    from domain.model.device import choose_device, uses_bf16

    device = choose_device(machine)
    name = torch.cuda.get_device_name() if device.type == "cuda" else None
    return device.type, name, uses_bf16(device, machine)
