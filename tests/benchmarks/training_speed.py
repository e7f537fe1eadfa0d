"""Tokens per second and model FLOPs utilisation of the loop.

    python -m tests.benchmarks.training_speed --width 2048 --layers 16 --heads 16 --pieces 32768 --context 2048

Random ids in rows of about three documents; the median of the steps after the first three. One JSON line.
Utilisation is (6 N + 12 layers width context) x tokens/s over the device's dense bf16 peak; on a CPU over
an fp32 matrix product of 2,048 measured in the same run.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time

import numpy as np
import torch

from domain.machine import Machine
from domain.model.device import choose_device, uses_bf16
from domain.model.spec import Scratch
from domain.planning.rate import PEAKS, matmul_rate
from domain.planning.scaling import flops_per_token
from domain.planning.shape import Shape, scratch_parameters
from domain.tokens.packing import Rows
from domain.training.objectives.causal import causal
from domain.training.optimizer import adamw
from domain.training.spec import Learning
from domain.training.trainer import forward_backward


def main() -> None:
    """Measure and print."""
    options = argparse.ArgumentParser()
    for name, default in {
        "width": 192, "layers": 4, "heads": 4, "pieces": 4096, "context": 256, "batch": 8192, "micro": 0, "steps": 10,
    }.items():  # fmt: skip
        options.add_argument(f"--{name}", type=int, default=default)
    given = options.parse_args()
    machine = Machine(micro_batch=given.micro)
    device = choose_device(machine)
    scratch = Scratch(width=given.width, layers=given.layers, heads=given.heads, context=given.context)
    from transformers import LlamaConfig, LlamaForCausalLM

    config = LlamaConfig(
        vocab_size=given.pieces,
        hidden_size=given.width,
        intermediate_size=scratch.inner,
        num_hidden_layers=given.layers,
        num_attention_heads=given.heads,
        max_position_embeddings=given.context,
        tie_word_embeddings=True,
        attn_implementation="sdpa",
    )
    torch.manual_seed(0)
    model = LlamaForCausalLM(config).to(device).train()
    optimizer = adamw(model, Learning())
    count = given.batch // given.context
    random = np.random.default_rng(0)
    shape = (count, given.context + 1)
    seconds = []
    for step in range(given.steps + 3):
        rows = Rows(random.integers(0, given.pieces, shape), np.sort(random.integers(0, 3, shape), axis=1))
        began = time.perf_counter()
        forward_backward(model, causal(rows, step), given.context, device, machine)
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad()
        if device.type == "cuda":
            torch.cuda.synchronize()
        seconds.append(time.perf_counter() - began)
    rate = given.batch / statistics.median(seconds[3:])
    parameters = scratch_parameters(scratch, given.pieces)
    size = Shape(
        parameters=parameters,
        layers=given.layers,
        width=given.width,
        heads=given.heads,
        vocabulary=given.pieces,
        context=0,
    )
    name = torch.cuda.get_device_name() if device.type == "cuda" else "cpu"
    peak = next((v for k, v in PEAKS.items() if k in name), None) or matmul_rate(2048)
    result = {
        "device": name,
        "bf16": uses_bf16(device, machine),
        "parameters": parameters,
        "context": given.context,
        "tokens_per_second": round(rate),
        "utilisation": round(flops_per_token(size, given.context) * rate / peak, 3),
        "memory_gb": round(torch.cuda.max_memory_allocated() / 1e9, 2) if device.type == "cuda" else None,
    }
    print(json.dumps(result))


if __name__ == "__main__":
    main()
