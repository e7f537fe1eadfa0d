"""The base as a model: built from a shape, or loaded from given weights; saved as a checkpoint that opens anywhere."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import torch

from domain.errors import Refusal
from domain.model.embeddings import grow
from domain.model.parts import silent
from domain.model.spec import Initial, Scratch, padded
from domain.model.weights import given_files
from domain.tokenizer.files import TOKENIZER_FILES
from domain.tokens.encode import frame, load_tokenizer
from domain.training.spec import LONGEST_ROW


def build(shape: Scratch, tokenizer_folder: Path, seed: int, *, multiple: int = 64) -> Any:
    """A fresh model of ``shape`` for the tokenizer, in fp32; the same for the same seed.

    Its rows are the tokenizer's ids, padded to a ``multiple``.

    Initial weights are normal with deviation sqrt(1 / (3 width)), those that write to the residual stream
    are divided by sqrt(2 layers), as in BloombergGPT (arXiv 2303.17564, section 3.3). At width 192 that is
    0.042; the usual 0.02 needs more than twice the tokens to the same loss.
    """
    from transformers import AutoConfig, AutoModelForCausalLM

    speaker = load_tokenizer(tokenizer_folder)
    begin, end = frame(speaker)
    common = {
        "vocab_size": padded(1 + max(speaker.get_vocab().values()), multiple),
        "initializer_range": (1.0 / (3.0 * shape.width)) ** 0.5,
        "tie_word_embeddings": shape.tied,
        "bos_token_id": begin,
        "eos_token_id": end,
        "pad_token_id": speaker.pad_token_id,
    }
    if shape.architecture == "llama":
        config = AutoConfig.for_model(
            "llama",
            hidden_size=shape.width,
            intermediate_size=shape.inner,
            num_hidden_layers=shape.layers,
            num_attention_heads=shape.heads,
            num_key_value_heads=shape.kv_heads or shape.heads,
            max_position_embeddings=shape.context,
            **common,
        )
    else:
        config = AutoConfig.for_model(
            "gpt2",
            n_embd=shape.width,
            n_inner=shape.inner,
            n_layer=shape.layers,
            n_head=shape.heads,
            n_positions=shape.context,
            resid_pdrop=0.0,
            embd_pdrop=0.0,
            attn_pdrop=0.0,
            **common,
        )
    torch.manual_seed(seed)
    model = AutoModelForCausalLM.from_config(config, attn_implementation="sdpa", dtype=torch.float32)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            # GPT-2's own initialisation divides its c_proj already.
            if name.endswith(("o_proj.weight", "down_proj.weight")):
                parameter.div_((2 * shape.layers) ** 0.5)
    return model


def load(folder: Path, *, dtype: torch.dtype = torch.float32) -> Any:
    """The causal model in ``folder``, from safetensors only; no network, no code of the folder's own."""
    from transformers import AutoModelForCausalLM
    from transformers.utils import logging

    logging.disable_progress_bar()
    try:
        return AutoModelForCausalLM.from_pretrained(
            folder,
            local_files_only=True,
            trust_remote_code=False,
            use_safetensors=True,
            attn_implementation="sdpa",
            dtype=dtype,
        )
    except (OSError, ValueError, KeyError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise Refusal(
            str(folder), f"holds no causal model that opens ({reason})", "name a decoder-only model"
        ) from error


def give(
    weights: str, tokenizer_folder: Path, *, initial: Initial = "mean", multiple: int = 64
) -> tuple[Any, dict[str, Any]]:
    """The given model with rows for every piece of the tokenizer, and what was done to it (facts of ``grow``).

    With its own tokenizer it is as it was given.
    """
    folder = given_files(weights)[0].parent
    model = load(folder)
    facts = grow(model, folder, tokenizer_folder, initial=initial, multiple=multiple)
    if facts["kind"] == "new":
        speaker = load_tokenizer(tokenizer_folder)
        begin, end = frame(speaker)
        for config in (model.config, model.config.get_text_config(), model.generation_config):
            config.bos_token_id, config.eos_token_id, config.pad_token_id = begin, end, speaker.pad_token_id
        # Where it is set, as in Llama, that row of the embedding never learns.
        table = model.get_input_embeddings()
        table.padding_idx = None if table.padding_idx is None else speaker.pad_token_id
    return model, facts


def longest(model: Any) -> int:
    """Tokens that the model can attend over; ``LONGEST_ROW`` where its configuration states none."""
    return int(getattr(model.config, "max_position_embeddings", 0) or LONGEST_ROW)


def save(model: Any, tokenizer_folder: Path, out: Path) -> None:
    """Write model and tokenizer to ``out`` in the transformers layout, weights in fp32 safetensors.

    Rows that belong to no piece are named in the generation configuration, so that they are never spoken.
    """
    from transformers.utils import logging

    logging.disable_progress_bar()
    model.config.use_cache = True
    model.generation_config.suppress_tokens = silent(load_tokenizer(tokenizer_folder), model)
    try:
        model.generation_config.validate(strict=True)
    except ValueError:  # a base that states a temperature and not that it samples opens, but is not written again
        model.generation_config.do_sample = True
    model.save_pretrained(out)
    for name in TOKENIZER_FILES:
        if (tokenizer_folder / name).is_file():
            shutil.copyfile(tokenizer_folder / name, out / name)


def parameters(model: Any) -> int:
    """Weights, a tied head counted once."""
    return sum(parameter.numel() for parameter in model.parameters())
