"""LoRA (arXiv 2106.09685): low-rank updates of frozen matrices for small GPUs, merged into them in the end."""

from __future__ import annotations

from typing import Any

from domain.errors import Refusal
from domain.training.spec import Lora


def adapt(model: Any, spec: Lora, *, grown: bool) -> Any:
    """Freeze ``model`` and give it low-rank updates in place; returns what ``merge`` takes.

    Embedding and head learn whole where the vocabulary has ``grown`` (else new pieces would stay as they began), or
    where the spec asks for it. Raises ``Refusal`` where peft is not installed or no matrix is called as asked.
    """
    try:
        from peft import LoraConfig
        from peft.tuners.lora import LoraModel
    except ImportError:
        raise Refusal("training.lora", "needs the package peft", "pip install 'shoptalk[lora]'") from None
    targets: Any = "all-linear" if not spec.targets else list(spec.targets)
    config = LoraConfig(r=spec.rank, lora_alpha=spec.alpha, target_modules=targets, lora_dropout=0.0, bias="none")
    try:
        tuner = LoraModel(model, {"default": config}, "default")
    except ValueError:
        found = f"{', '.join(spec.targets)}: no matrix of the base is called so"
        raise Refusal("training.lora.targets", found, "leave it out for all, or name such as q_proj") from None
    for name, parameter in model.named_parameters():
        parameter.requires_grad_("lora_" in name)
    if grown or spec.embeddings:
        for matrix in (model.get_input_embeddings(), model.get_output_embeddings()):
            matrix.requires_grad_(True)
    return tuner


def merge(tuner: Any) -> None:
    """Add the updates to the matrices; the model is then as it was before, with other weights."""
    tuner.merge_and_unload()
