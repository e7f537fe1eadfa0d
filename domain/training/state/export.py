"""Export a checkpoint of a running or stopped training as a model in the transformers layout."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

from domain.errors import UserError
from domain.manifest import Damaged, verify, write_json
from domain.model_folder import checked_copy
from domain.settings.learning import Lora

if TYPE_CHECKING:
    from transformers import PreTrainedModel

CHECKPOINTS = "checkpoints"
SHAPE = "model"  # folder beside the checkpoints: configuration, tokenizer and LoRA settings, without weights


def describe(model: PreTrainedModel, tokenizer: Path, scratch: Path, lora: Lora | None) -> Path:
    """Save what is needed to build the model of the checkpoints in ``scratch``; returns the folder."""
    from domain.tokenizer.files import copy_tokenizer

    folder = scratch / SHAPE
    folder.mkdir(parents=True, exist_ok=True)
    model.config.save_pretrained(folder)
    copy_tokenizer(tokenizer, folder)
    write_json(folder / "lora.json", lora.model_dump(mode="json") if lora else None)
    return folder


def export(training: Path, out: Path, *, step: int | None = None) -> int:
    """Write the checkpoint of ``step``, or the newest valid one, to ``out`` as a model; returns its step.

    ``training`` is a folder in ``building`` of a work folder, or in ``checkpoints`` (permanent ones). It is only read,
    so the training may be running. Raises ``UserError`` if there is no such checkpoint, or if ``out`` exists.
    """
    scratch = training / ".scratch" if (training / ".scratch").exists() else training
    if out.exists():
        raise UserError(str(out), "already exists", "choose another folder")
    if not (scratch / SHAPE / "config.json").is_file():
        raise UserError(str(training), "contains no checkpoints", "name a folder in work/building or work/checkpoints")
    checkpoints = {int(each.name.removeprefix("step-")): each for each in (scratch / CHECKPOINTS).glob("step-*")}
    wanted = sorted(checkpoints, reverse=True) if step is None else [step] if step in checkpoints else []
    for number in wanted:
        try:
            verify(checkpoints[number])
        except Damaged:
            continue
        _write(scratch / SHAPE, checkpoints[number], out)
        return number
    there = ", ".join(map(str, sorted(checkpoints))) or "none"
    raise UserError(str(training), f"contains no valid checkpoint of step {step or 'any'}", f"available steps: {there}")


def _write(shape: Path, checkpoint: Path, out: Path) -> None:
    import torch
    from torch.distributed.checkpoint.filesystem import FileSystemReader
    from torch.distributed.checkpoint.state_dict_loader import load
    from transformers import AutoConfig

    from domain.model.build import opener, save
    from domain.model.families import family_of
    from domain.model.lora import adapt, merge
    from domain.training.state.snapshot import weights

    with checked_copy(shape, str(shape)) as copy:
        config = AutoConfig.from_pretrained(copy, local_files_only=True, trust_remote_code=False)
    with torch.random.fork_rng():
        model = opener(family_of(config)).from_config(config, dtype=torch.float32)
        lora = json.loads((shape / "lora.json").read_text())
        tuner = adapt(model, Lora.model_validate(lora), grown=True) if lora else None
    tensors = {f"model.{name}": tensor.detach() for name, tensor in weights(model).items()}
    # The metadata is a pickle; the checkpoint was verified against its hashes before this.
    load(tensors, storage_reader=FileSystemReader(checkpoint), no_dist=True)
    if tuner is not None:
        merge(tuner)
    save(model, shape, out)
