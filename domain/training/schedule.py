"""Learning rate schedule: warm-up, then cosine, linear or no decay, or constant with a short decay (WSD)."""

from __future__ import annotations

import math

from domain.settings.learning import Optimization


def warmup_steps(spec: Optimization, steps: int) -> int:
    """Steps of warm-up."""
    return round(spec.warmup * steps) if spec.warmup_tokens is None else -(-spec.warmup_tokens // spec.batch)


def decay_begins(spec: Optimization, steps: int) -> int:
    """The first step whose rate depends on the number of steps; with ``wsd``, those before it form a reusable trunk."""
    if spec.decay == "wsd":
        return steps - max(1, round(spec.decay_share * steps))
    return steps if spec.decay == "none" else min(steps, warmup_steps(spec, steps))


def rate(spec: Optimization, step: int, steps: int) -> float:
    """Learning rate of step ``step`` (from 0) of ``steps``.

    ``wsd`` (warm-up, stable, decay, arXiv 2404.06395) decays as 1 - sqrt(progress of the decay), the best of the forms
    compared in arXiv 2405.18392.
    """
    warmup = warmup_steps(spec, steps)
    if step < warmup:
        return spec.learning_rate * (step + 1) / warmup
    begin = decay_begins(spec, steps)
    done = max(0.0, (step - begin) / max(1, steps - 1 - begin))
    fallen = {
        "none": 0.0,
        "linear": done,
        "cosine": 0.5 * (1.0 - math.cos(math.pi * done)),
        "wsd": math.sqrt(done),
    }[spec.decay]
    return spec.learning_rate * (1.0 - (1.0 - spec.final_rate) * fallen)
