"""One training on one machine: expected steps, FLOPs, time and memory."""

from __future__ import annotations

from dataclasses import dataclass, replace

from domain.artifacts import PARTS
from domain.cost.device import Device
from domain.cost.flops import done_per_token, flops_per_token
from domain.cost.shape import Shape
from domain.cost.token_flow import TokenFlow, token_flow
from domain.machine import Machine
from domain.planning.memory import Memory, Setting, training_memory
from domain.planning.speed import Speed
from domain.settings.learning import LONGEST_ROW, MICRO_BATCH, Learning, Lora

BYTES_PER_TOKEN = 4.0  # of English text; the ratio of the recipe's tokenizer is only known later


@dataclass(frozen=True, kw_only=True)
class Expected:
    """``tokens`` of text in whole batches; ``flops`` of the model; ``done``, the FLOPs that are computed.

    ``seconds`` is the time of training, ``validation_seconds`` that of validation.
    """

    tokens: int
    flops: float
    done: float
    seconds: float
    validation_seconds: float
    how: Setting
    memory: Memory


def context_of(shape: Shape, spec: Learning) -> int:
    """Tokens per row of model input."""
    return spec.context or min(shape.context, LONGEST_ROW)


def setting(row: TokenFlow, spec: Learning, device: Device, machine: Machine, *, saves: bool = True) -> Setting:
    """The layout of a training by the machine profile."""
    micro = machine.micro_batch or MICRO_BATCH["cuda" if device.gpu else "cpu"]
    return Setting(
        rows=max(1, int(spec.batch // row.raw)),
        each=max(1, int(micro // row.raw)),
        gpu=device.gpu,
        bf16=device.bf16,
        ranks=device.ranks,
        shard=(machine.shard or device.ranks) if device.ranks > 1 else 1,
        recompute=machine.recompute,
        compiled=machine.compile,
        saves=saves,
    )


def expect(
    shape: Shape, spec: Learning, tokens: int, device: Device, machine: Machine, speed: Speed, *, grown: bool = False
) -> Expected:
    """Estimate a training on ``tokens`` tokens of text; ``grown`` says whether the vocabulary is extended."""
    context, lora = context_of(shape, spec), getattr(spec, "lora", None)
    row = token_flow(spec.objective, context)
    rows = max(1, int(spec.batch // row.raw))
    steps = int(tokens // (rows * row.raw))
    read = int(steps * rows * row.raw)
    rate = speed.flops_per_second * device.count
    done = read * done_of(shape, spec, machine, grown=grown)
    each = flops_per_token(shape, context, spec.objective)
    looks = 1 + -(-steps // spec.validation.every) if spec.validation.every else 0
    validated = looks * len(PARTS) * spec.validation.bytes / BYTES_PER_TOKEN
    saves = steps > spec.spikes.anchor or done / rate > machine.checkpoint_seconds
    how = setting(row, spec, device, machine, saves=saves)
    memory = replace(training_memory(shape, row, how, lora=lora, grown=grown), factor=speed.memory_factor)
    return Expected(
        tokens=read,
        flops=read * each,
        done=done,
        seconds=done / rate + speed.warm_up,
        validation_seconds=validated * each / 3 / rate,  # a forward pass is a third
        how=how,
        memory=memory,
    )


def done_of(shape: Shape, spec: Learning, machine: Machine, *, grown: bool) -> float:
    """FLOPs that the device computes per token of text."""
    lora: Lora | None = getattr(spec, "lora", None)
    return done_per_token(
        shape,
        context_of(shape, spec),
        spec.objective,
        recompute=machine.recompute,
        frozen=lora is not None,
        head=lora is None or grown or lora.embeddings,
    )
