"""LoRA (arXiv 2106.09685): train low-rank updates of frozen matrices and merge them at the end."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

from domain.errors import UserError
from domain.settings.learning import Lora

if TYPE_CHECKING:
    from peft.tuners.lora import LoraModel
    from transformers import PreTrainedModel

KINDS = ("Linear", "Conv1D")  # torch's matrices, and GPT-2's, which are transposed


def adapt(model: PreTrainedModel, spec: Lora, *, grown: bool, place: str = "training.lora") -> Any:
    """Freeze ``model`` and add low-rank updates in place; returns the argument of ``merge``.

    An update is alpha / rank times B A. B is initialized to 0, so the model is unchanged at first, and A to noise that
    is the same in every process. Embedding and head are trained in full if the vocabulary has ``grown`` (new pieces
    could not be learned otherwise) or the spec says so. Call it before the model is sharded. Raises ``UserError`` at
    ``place`` in the recipe if peft is not installed or a target matches no matrix.
    """
    try:
        from peft import LoraConfig
        from peft.tuners.lora import LoraModel
    except ImportError:
        raise UserError(place, "needs the package peft", "pip install 'shoptalk[lora]'") from None
    head = model.get_output_embeddings()
    matrices = {n: m for n, m in model.named_modules() if type(m).__name__ in KINDS and m is not head}
    for target in spec.targets:  # peft only raises if none of them matches
        if not any(f".{name}".endswith(f".{target}") for name in matrices):
            names = ", ".join(sorted({name.rpartition(".")[2] for name in matrices}))
            problem = f"{target}: no matrix of the base has this name"
            raise UserError(f"{place}.targets", problem, f"leave it out for all matrices, or choose from {names}")
    config = LoraConfig(
        r=spec.rank,
        lora_alpha=spec.alpha,
        target_modules=list(spec.targets) or "all-linear",
        lora_dropout=0.0,
        bias="none",
        fan_in_fan_out=any(type(m).__name__ == "Conv1D" for m in matrices.values()),
    )
    with torch.random.fork_rng():
        torch.manual_seed(0)
        tuner = LoraModel(model, {"default": config}, "default")
    for name, parameter in model.named_parameters():
        parameter.requires_grad_("lora_" in name)
    if grown or spec.embeddings:
        for matrix in (model.get_input_embeddings(), head):
            matrix.requires_grad_(True)
    return tuner


def merge(tuner: LoraModel) -> None:
    """Add the updates to the matrices and remove the adapters.

    All ranks must call it: with sharded weights each updates its own shard.
    """
    if torch.distributed.is_available():
        from torch.distributed.fsdp import FSDPModule

        for module in tuner.model.modules():
            if isinstance(module, FSDPModule):
                module.reshard()  # updates of gathered matrices would be lost; validation leaves some gathered
    tuner.merge_and_unload()
