"""The memory that a plan foretells against what torch's allocator hands out, by architecture, precision, recomputation.

    python -m tests.benchmarks.planning --only llama t5

Two steps of a model of width 192 and 6 layers on the CPU; the peak is the allocator's own
(torch's profiler), so that neither libraries nor what a process keeps between steps is in it. A JSON line a row; exit
code 1 where one is off by more than 15%.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from pathlib import Path
from typing import Any

import torch
from torch.profiler import ProfilerActivity, profile

from domain.cost.shape import shape_of
from domain.cost.token_flow import TokenFlow
from domain.machine import Machine
from domain.model.attention import Attention
from domain.model.build import build
from domain.model.parallel import spread
from domain.model.spec import FAMILIES, Base, Scratch
from domain.planning.layouts import WAYS
from domain.planning.memory import Setting, training_memory
from domain.settings.learning import Learning
from domain.tokens.batch import Batch
from domain.training.loss_head import Head
from domain.training.optimizer import adamw
from tests.domain.model import tiny

GOAL = 0.15
ROWS, READ, WRITTEN, WIDTH, LAYERS = 8, 256, 128, 192, 6
OBJECTIVES = {"decoder": "causal", "encoder": "masked", "encoder_decoder": "span"}


def batch(family: str, pieces: int, packed: bool) -> Batch:
    """Rows of one document, as a plan assumes, filled up where the model takes no mask of documents."""
    sides = {"input_ids": READ, **({"decoder_input_ids": WRITTEN} if family == "encoder_decoder" else {})}
    inputs = {name: torch.randint(5, pieces, (ROWS, length)) for name, length in sides.items()}
    segments = {}
    for name, length in sides.items():
        at = torch.arange(length)
        row = torch.zeros_like(at) if packed else torch.where(at < length - 2, 0, -1)
        segments[name] = row.expand(ROWS, length).contiguous()
    labels = list(inputs.values())[-1].clone()
    return Batch(inputs=inputs, labels=labels, valid=labels.numel(), segments=segments)


def peak(scratch: Scratch, speaker: Path, half: bool, how: str) -> tuple[float, int]:
    """(Most bytes of tensors at one moment, rows of the model's matrix)."""
    with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as seen:
        model = build(scratch, speaker, 0).train()
        attention, head = Attention(model, torch.device("cpu"), half=half), Head(model)
        spread(model, 1, Machine(recompute=how), torch.device("cpu"))
        optimizer, part = adamw(model, Learning()), batch(scratch.family, 300, attention.packed)
        for _ in range(2):
            with torch.autocast("cpu", dtype=torch.bfloat16, enabled=half):
                loss = head.loss(attention(part), part.labels)
            loss.backward()  # type: ignore[no-untyped-call]
            del loss
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
    with tempfile.NamedTemporaryFile(suffix=".json") as file:
        seen.export_chrome_trace(file.name)
        events = json.loads(Path(file.name).read_text())["traceEvents"]
    held, most = 0, 0
    for event in sorted((each for each in events if each.get("name") == "[memory]"), key=lambda each: each["ts"]):
        held += event["args"]["Bytes"]
        most = max(most, held)
    return float(most), len(model.get_input_embeddings().weight)


def row(architecture: str, speaker: Path, half: bool, how: str) -> dict[str, Any]:
    """One comparison."""
    inner = 0 if architecture == "bloom" else 512
    scratch = Scratch(architecture=architecture, width=WIDTH, layers=LAYERS, heads=4, ffn=inner, context=READ)
    measured, pieces = peak(scratch, speaker, half, how)
    shape = shape_of(Base(scratch=scratch, tokens=1), pieces)
    read = 0 if shape.family == "decoder" else READ
    written = {"decoder": READ, "encoder": 0, "encoder_decoder": WRITTEN}[shape.family]
    setting = Setting(rows=ROWS, each=ROWS, gpu=False, bf16=half, recompute=how, saves=False)
    memory = training_memory(shape, TokenFlow(READ, read, written, written or read), setting)
    planned = memory.peak - memory.parts["libraries"]
    off = planned / measured - 1
    return {
        "architecture": architecture, "bf16": half, "recompute": how, "planned_mb": round(planned / 1e6, 1),
        "measured_mb": round(measured / 1e6, 1), "off": round(off, 3), "goal": GOAL, "passed": abs(off) <= GOAL,
    }  # fmt: skip


def main() -> int:
    """Print all rows; 1 where a goal is missed."""
    options = argparse.ArgumentParser()
    options.add_argument("--only", nargs="*", choices=list(FAMILIES), default=list(FAMILIES))
    missed = 0
    with tempfile.TemporaryDirectory() as folder:
        for architecture in options.parse_args().only:
            speaker = tiny.trained(Path(folder) / architecture, OBJECTIVES[FAMILIES[architecture]])
            for half in (False, True):
                for how in WAYS:
                    found = row(architecture, speaker, half, how)
                    print(json.dumps(found), flush=True)
                    missed += not found["passed"]
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
