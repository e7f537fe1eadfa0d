"""Memory by part, worked by hand, and the most at one moment."""

from __future__ import annotations

from dataclasses import replace

import pytest

from domain.cost.token_flow import TokenFlow, token_flow
from domain.planning.memory import Memory, Setting, learning_parameters, training_memory
from domain.settings.learning import Lora
from domain.settings.objectives import Causal
from tests.domain.planning.sizes import LLAMA_7B

ROW = token_flow(Causal(), 4_096)
GPU = Setting(rows=128, each=128, gpu=True, bf16=True)
STATES = ("weights", "gradients", "optimizer")


def states(memory: Memory) -> float:
    return sum(memory.parts[part] for part in STATES)


def test_adam_holds_16_bytes_a_parameter() -> None:
    memory = training_memory(LLAMA_7B, ROW, GPU)
    assert states(memory) == 16 * 6_738_415_616
    # autocast's copies: 2 bytes of all that is multiplied, which the embedding is not
    assert memory.parts["copies in bf16"] == 2 * (6_738_415_616 - 32_000 * 4_096)
    assert memory.host == 12 * 6_738_415_616  # weights and two moments, on their way to the disk


def test_zero_3_over_eight() -> None:
    eight = replace(GPU, ranks=8, shard=8, rows=128, each=16)
    memory = training_memory(LLAMA_7B, ROW, eight)
    assert states(memory) == 16 * 6_738_415_616 / 8
    assert memory.host == 12 * 6_738_415_616 / 8
    # a block of 4 x 4,096^2 + 3 x 4,096 x 11,008 + 2 norms; two at once in bf16, with embedding, head and last norm,
    # of which the gradients are summed in fp32
    block, alone = 4 * 4_096**2 + 3 * 4_096 * 11_008 + 2 * 4_096, 2 * 32_000 * 4_096 + 4_096
    assert memory.parts["gathered weights"] == 2 * (2 * block + alone) + 4 * alone


def test_gradients_are_whole_while_passes_add_up() -> None:
    several = training_memory(LLAMA_7B, ROW, replace(GPU, ranks=8, shard=8, each=4))
    assert several.parts["gradients"] == 4 * 6_738_415_616
    assert several.parts["optimizer"] == 8 * 6_738_415_616 / 8


def test_replicated_ranks_hold_all_of_it() -> None:
    memory = training_memory(LLAMA_7B, ROW, replace(GPU, ranks=8, shard=1))
    assert states(memory) == 16 * 6_738_415_616
    assert memory.parts["copies in bf16"] == 2 * 6_738_415_616
    groups = training_memory(LLAMA_7B, ROW, replace(GPU, ranks=8, shard=4, each=16))
    assert states(groups) == 16 * 6_738_415_616 / 4


def test_lora_moves_little() -> None:
    # every matrix of a layer: 4 of 4,096 x 4,096 and 3 of 4,096 x 11,008
    added = 16 * 32 * (4 * (4_096 + 4_096) + 3 * (4_096 + 11_008))
    assert learning_parameters(LLAMA_7B, Lora(rank=16), grown=False) == (added, added)
    memory = training_memory(LLAMA_7B, ROW, GPU, lora=Lora(rank=16))
    assert memory.parts["gradients"] == 4 * added
    assert memory.parts["optimizer"] == 8 * added
    assert memory.parts["weights"] == 4 * (6_738_415_616 + added)
    # embedding and head learn whole where the vocabulary grew
    tables = 2 * 32_000 * 4_096
    assert learning_parameters(LLAMA_7B, Lora(rank=16), grown=True) == (added + tables, added)
    assert learning_parameters(LLAMA_7B, Lora(rank=16, embeddings=True), grown=False) == (added + tables, added)
    assert learning_parameters(LLAMA_7B, None, grown=True) == (6_738_415_616, 0)


def test_recomputation_keeps_less() -> None:
    none, selective, full = (
        training_memory(LLAMA_7B, ROW, replace(GPU, recompute=way)) for way in ("none", "selective", "full")
    )
    assert none.peak > selective.peak > full.peak
    # at full, a layer keeps its input alone, 4 bytes x 4,096 a token, beside the one that is computed again
    tokens = 128 * 4_096
    kept = {way: each.parts["activations"] for way, each in (("none", none), ("full", full))}
    per_layer = (26 + 6 + 2) * 4_096 + 8 * 11_008
    work = 4 * (4_096 + 11_008)
    outside = kept["none"] - tokens * (32 * per_layer + work)
    assert kept["full"] == pytest.approx(tokens * (32 * 4 * 4_096 + per_layer) + outside)


def test_logits_are_held_in_chunks() -> None:
    # 2^28 logits at once on a GPU, at 2 bytes, and their softmax at 4; the head's gradient in fp32, its copy and its
    # chunk's product in bf16
    memory = training_memory(LLAMA_7B, ROW, GPU)
    head = 32_000 * 4_096
    assert memory.parts["logits"] == pytest.approx(6 * 2**28 + 8 * head, rel=1e-4)
    few = training_memory(LLAMA_7B, TokenFlow(64, 0, 64, 64), replace(GPU, rows=1, each=1))
    assert few.parts["logits"] == 6 * 64 * 32_000 + 8 * head
    # on a CPU the softmax is taken of 2^18 at once
    cpu = training_memory(LLAMA_7B, ROW, replace(GPU, gpu=False))
    assert cpu.parts["logits"] == 2 * 512 * 32_000 + 8 * 2**18 + 8 * head


def test_a_cpu_holds_the_checkpoint_itself() -> None:
    cpu = Setting(rows=8, each=8, gpu=False, bf16=False)
    memory = training_memory(LLAMA_7B, ROW, cpu)
    assert memory.parts["checkpoint"] == 12 * 6_738_415_616
    assert memory.host == 0
    short = training_memory(LLAMA_7B, ROW, replace(cpu, saves=False))
    assert memory.peak - short.peak == pytest.approx(12 * 6_738_415_616)


def test_what_is_sure_is_not_scaled() -> None:
    memory = Memory({}, plain=10.0, sure=4.0, host=0.0, factor=1.5)
    assert memory.peak == 4.0 + 1.5 * 6.0


def test_rows_go_in_equal_parts() -> None:
    how = Setting(rows=100, each=16, gpu=True, bf16=True, ranks=3, shard=3)
    assert (how.mine, how.parts, how.together) == (34, 3, 12)
