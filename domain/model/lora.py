"""LoRA (arXiv 2106.09685): train low-rank updates of frozen matrices and merge them at the end."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

from domain.errors import UserError
from domain.settings.learning import Lora

if TYPE_CHECKING:
    from peft.tuners.lora import LoraModel
    from transformers import PreTrainedModel

KINDS = ("Linear", "Conv1D")  # the matrices: torch's, and GPT-2's, which are the other way round


def adapt(model: PreTrainedModel, spec: Lora, *, grown: bool, place: str = "training.lora") -> Any:
    """Freeze ``model`` and give it low-rank updates in place; returns what ``merge`` takes.

    An update is alpha / rank times B A. B begins as 0, so that the model is at first what it was, and A as noise that
    is the same in every process. Embedding and head learn whole where the vocabulary has ``grown`` (else new pieces
    would stay as they began), or where the spec asks for it. Call it before the model is sharded. Raises ``UserError``,
    at the recipe's ``place``, where peft is not installed or no matrix is called as asked.
    """
    try:
        from peft import LoraConfig
        from peft.tuners.lora import LoraModel
    except ImportError:
        raise UserError(place, "needs the package peft", "pip install 'shoptalk[lora]'") from None
    head = model.get_output_embeddings()
    matrices = {n: m for n, m in model.named_modules() if type(m).__name__ in KINDS and m is not head}
    for target in spec.targets:  # peft is content where one of several is found
        if not any(f".{name}".endswith(f".{target}") for name in matrices):
            names = ", ".join(sorted({name.rpartition(".")[2] for name in matrices}))
            problem = f"{target}: no matrix of the base is called so"
            raise UserError(f"{place}.targets", problem, f"leave it out for all, or name some of {names}")
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
    """Add the updates to the matrices; the model is then as it was before, with other weights.

    Where they are spread over ranks each adds to its own share: all ranks call it.
    """
    if torch.distributed.is_available():
        from torch.distributed.fsdp import FSDPModule

        for module in tuner.model.modules():
            if isinstance(module, FSDPModule):
                module.reshard()  # what is added to a gathered matrix is lost: a look at held-out text leaves some so
    tuner.merge_and_unload()
