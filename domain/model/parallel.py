"""Recomputation, torch.compile, and data-parallel or sharded training (FSDP2) of a model."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from functools import partial
from types import MethodType
from typing import Any

import torch
from torch import nn
from torch.utils.checkpoint import (
    CheckpointPolicy,
    SelectiveCheckpointContext,
    checkpoint,
    create_selective_checkpoint_contexts,
)

from domain.errors import UserError
from domain.machine import Machine
from domain.model.device import uses_bf16
from domain.model.fused import fuse

# Operations whose results selective recomputation keeps: matrix products and attention.
DEAR = {
    torch.ops.aten.mm.default, torch.ops.aten.addmm.default, torch.ops.aten.bmm.default,
    torch.ops.aten._scaled_dot_product_flash_attention.default,
    torch.ops.aten._scaled_dot_product_efficient_attention.default,
    torch.ops.aten._scaled_dot_product_cudnn_attention.default,
    torch.ops.aten._scaled_dot_product_flash_attention_for_cpu.default,
    torch.ops.higher_order.flex_attention,  # visible in compiled blocks; compiled on its own it is recomputed
}  # fmt: skip
with suppress(ImportError, AttributeError):
    import torch.nn.attention.varlen  # registers the operator

    DEAR.add(torch.ops.torch_attn._varlen_attn.default)


def blocks(model: nn.Module) -> list[nn.Module]:
    """The repeated layers (decoder blocks, encoder blocks, or both), in model order."""
    layers: list[nn.Module] = []
    for module in model.modules():
        if isinstance(module, nn.ModuleList) and len({type(each) for each in module}) == 1:
            inside = {id(each) for block in layers for each in block.modules()}
            layers += [] if id(module) in inside else list(module)
    return layers


def recompute(model: nn.Module, how: str) -> None:
    """Activation recomputation: ``full`` recomputes each block in the backward pass, ``selective`` all but ``DEAR``.

    Full costs another forward pass (8 N D instead of 6 N D FLOPs), selective a few percent (arXiv 2205.05198).
    """
    if how == "none":
        return
    selective = partial(create_selective_checkpoint_contexts, _policy)
    more: dict[str, Any] = (
        {"context_fn": selective} if how == "selective" else {}
    )  # the only form that torch.compile supports

    def again(block: nn.Module, *inputs: torch.Tensor | None, **named: Any) -> Any:
        return checkpoint(type(block).forward, block, *inputs, use_reentrant=False, **more, **named)

    for block in blocks(model):
        # A method, so that all blocks share one compiled form; a ``partial`` would not be compiled.
        block.forward = MethodType(again, block)


def _policy(
    context: SelectiveCheckpointContext, operation: Callable[..., Any], *args: Any, **kwargs: Any
) -> CheckpointPolicy:
    return CheckpointPolicy.MUST_SAVE if operation in DEAR else CheckpointPolicy.PREFER_RECOMPUTE


def spread(model: nn.Module, ranks: int, machine: Machine, device: torch.device) -> None:
    """Recompute, compile and distribute ``model`` in place, as the machine profile says.

    Weights, gradients and moments are sharded over groups of ``machine.shard`` neighbouring ranks and replicated over
    the groups: 1 is data parallelism, all ranks is FSDP2; BloombergGPT used 128 of 512. Gradients are reduced in fp32.
    """
    if device.type == "cpu" and not machine.compile:  # torch.compile fuses on its own
        fuse(model)
    recompute(model, machine.recompute)
    if machine.compile:
        for block in blocks(model):
            block.compile()
    if ranks == 1:
        return
    from torch.distributed.device_mesh import init_device_mesh
    from torch.distributed.fsdp import MixedPrecisionPolicy, fully_shard

    shard = machine.shard or ranks
    if ranks % shard:
        raise UserError("machine.shard", f"is {shard}, which does not divide {ranks} processes", "choose a divisor")
    mesh = init_device_mesh(device.type, (ranks // shard, shard), mesh_dim_names=("replicate", "shard"))
    precise = MixedPrecisionPolicy(
        param_dtype=torch.bfloat16 if uses_bf16(device, machine) and device.type == "cuda" else None,
        reduce_dtype=torch.float32,
    )
    for block in blocks(model):
        fully_shard(block, mesh=mesh, mp_policy=precise)
    fully_shard(model, mesh=mesh, mp_policy=precise)


def full_weights(model: nn.Module, ranks: int) -> dict[str, torch.Tensor] | None:
    """All weights on the host of rank 0, empty on other ranks; None for a single process."""
    if ranks == 1:
        return None
    from torch.distributed.checkpoint.state_dict import StateDictOptions, get_model_state_dict

    options = StateDictOptions(full_state_dict=True, cpu_offload=True)
    state: dict[str, torch.Tensor] = get_model_state_dict(model, options=options)  # type: ignore[assignment]
    return state
