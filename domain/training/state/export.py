"""Export a checkpoint of a running or stopped training as a model in the transformers layout."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from domain.errors import UserError, first_line
from domain.jsonfile import JSONFileError, read_json
from domain.manifest import Damaged, write_json
from domain.pretrained.folder import opening
from domain.settings.learning import Lora
from domain.training.state.storage import CheckpointFolders, number, refuse_damaged

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
    write_json(folder / "lora.json", {"lora": lora.model_dump(mode="json") if lora else None})
    return folder


def export(training: Path, out: Path, *, step: int | None = None) -> int:
    """Write the checkpoint of ``step``, or the newest valid one, to ``out`` as a model; returns its step.

    ``training`` is a folder in ``building`` of a work folder, or in ``checkpoints`` (permanent ones). It is only read,
    so the training may be running. Raises ``UserError`` if there is no such checkpoint, or if ``out`` exists.
    """
    scratch = training / ".scratch" if os.path.exists(training / ".scratch") else training
    if os.path.lexists(out):
        raise UserError(str(out), "already exists", "choose another folder")
    if not os.path.isfile(scratch / SHAPE / "config.json"):
        raise UserError(str(training), "contains no checkpoints", "name a folder in work/building or work/checkpoints")
    checkpoints = {number(each): each for each in CheckpointFolders(scratch / CHECKPOINTS, keep=0).newest_first()}
    wanted = sorted(checkpoints, reverse=True) if step is None else [step] if step in checkpoints else []
    for at in wanted:
        try:
            refuse_damaged(checkpoints[at])
        except Damaged:
            continue
        write_model(scratch / SHAPE, checkpoints[at], out)
        return at
    there = ", ".join(map(str, sorted(checkpoints))) or "none"
    raise UserError(str(training), f"contains no valid checkpoint of step {step or 'any'}", f"available steps: {there}")


def write_model(shape: Path, checkpoint: Path, out: Path) -> None:
    """Write the model of a checkpoint. Raises ``UserError`` if ``shape`` is of no model, or of another."""
    import torch

    from domain.model.build import save
    from domain.model.lora import merge
    from domain.training.state.metadata import read_metadata
    from domain.training.state.snapshot import check, restore_weights, weights

    saved, lora = read_metadata(checkpoint).state_dict_metadata, lora_of(shape / "lora.json")
    with torch.device("meta"):  # no memory is taken for a model that is larger than its checkpoint
        model, _ = empty_model(shape, lora)
    check(checkpoint, saved, {f"model.{name}": tensor for name, tensor in weights(model).items()})
    with torch.random.fork_rng():
        model, tuner = empty_model(shape, lora)
    restore_weights(checkpoint, model)
    if tuner is not None:
        merge(tuner)
    save(model, shape, out)


def empty_model(shape: Path, lora: Lora | None) -> tuple[PreTrainedModel, Any]:
    """(A model of that configuration with random weights, its LoRA tuner if any); raises ``UserError`` if it cannot be
    built.
    """
    import torch
    from transformers import AutoConfig

    from domain.model.build import opener
    from domain.model.families import family_of
    from domain.model.lora import adapt

    with opening(shape, str(shape), "contains no model that can be built", "name a training of Shoptalk's") as copy:
        config = AutoConfig.from_pretrained(copy, local_files_only=True, trust_remote_code=False)
        model = opener(family_of(config)).from_config(config, dtype=torch.float32)
        return model, adapt(model, lora, grown=True) if lora else None


def lora_of(path: Path) -> Lora | None:
    """The LoRA settings of a training; raises ``UserError`` if they cannot be read."""
    try:
        settings = read_json(path)["lora"]
        return None if settings is None else Lora.model_validate(settings)
    except (OSError, JSONFileError, ValueError, KeyError) as error:
        raise UserError(str(path), f"cannot be read ({first_line(error)})", "name a training of Shoptalk's") from None
