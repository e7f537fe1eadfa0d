"""Build a model from scratch or load pretrained weights, and save it in the transformers layout."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from domain.errors import UserError
from domain.model.embeddings import grow, move_positions
from domain.model.families import AFTER_PADDING, configured, context_of, family_of, renamed
from domain.model.spec import Initial, Scratch, padded
from domain.pretrained.folder import check_size, opening
from domain.pretrained.weights import weights_folder
from domain.settings.objectives import Family
from domain.tokenizer.encoding.texts import load_tokenizer
from domain.tokenizer.encoding.tokenizer_file import encoding_errors
from domain.tokenizer.files import copy_tokenizer
from domain.tokenizer.vocabulary_map import suppressed_ids

if TYPE_CHECKING:
    from transformers import PreTrainedModel

# Matrices that write to the residual stream in Llama, Qwen and BLOOM. GPT-2 and ModernBERT scale theirs themselves;
# BERT, RoBERTa, BART and T5 do not scale any.

WRITERS = ("o_proj.weight", "down_proj.weight", "self_attention.dense.weight", "dense_4h_to_h.weight")


def build(shape: Scratch, tokenizer_folder: Path, seed: int, *, multiple: int = 64) -> PreTrainedModel:
    """A randomly initialized fp32 model of ``shape`` with the head of its family; deterministic for a seed.

    The vocabulary is the tokenizer's, padded to a ``multiple``.

    Weights are normal with deviation sqrt(1 / (3 width)), divided by sqrt(2 layers) in decoders for matrices that write
    to the residual stream, as in BloombergGPT (arXiv 2303.17564, section 3.3). At width 192 the deviation is 0.042; a
    Llama with the usual 0.02 needs more than twice the tokens for the same loss. Other families only use the deviation
    (``configured``), and T5 its own initialization.
    """
    tokenizer = load_tokenizer(tokenizer_folder)
    rows = padded(1 + max(tokenizer.get_vocab().values()), multiple)
    config = configured(shape, rows, tokenizer)
    torch.manual_seed(seed)
    model = opener(shape.family).from_config(config, dtype=torch.float32)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if name.endswith(WRITERS):
                parameter.div_((2 * shape.layers) ** 0.5)
    return model


def opener(family: Family) -> Any:
    """The transformers auto class of a family, with its pretraining head.

    By default it selects sdpa attention, or eager where an architecture supports nothing else (BLOOM).
    """
    import transformers

    heads = {
        "decoder": transformers.AutoModelForCausalLM,
        "encoder": transformers.AutoModelForMaskedLM,
        "encoder_decoder": transformers.AutoModelForSeq2SeqLM,
    }
    return heads[family]


def load(folder: Path, *, dtype: torch.dtype = torch.float32) -> PreTrainedModel:
    """Load the model in ``folder`` with its pretraining head, from safetensors only, without network or remote code.

    Raises ``UserError`` if it cannot be loaded, or if weights are missing, such as the head of a classifier's or an
    embedder's checkpoint, which transformers would initialize at random.
    """
    from transformers import AutoConfig

    fix = "choose a decoder, encoder or encoder-decoder with its pretraining head"
    own = {"local_files_only": True, "trust_remote_code": False}
    with opening(folder, str(folder), "contains no model that can be loaded", fix) as copy:
        config = AutoConfig.from_pretrained(copy, **own)
        kind = opener(family_of(config))
        check_size(kind, config, folder, str(folder))
        model, report = kind.from_pretrained(copy, **own, use_safetensors=True, dtype=dtype, output_loading_info=True)
    if missing := sorted(report["missing_keys"]):
        problem = f"lacks {missing[0]}, which {type(model).__name__} needs"
        raise UserError(str(folder), problem, "choose weights with their pretraining head")
    model.config.name_or_path = str(folder)
    # T5's configuration says tied even for version 1.1, which would tie the matrices when they are resized.
    model.config.tie_word_embeddings = model.get_output_embeddings().weight is model.get_input_embeddings().weight
    return model


def load_for_tokenizer(
    weights: str, tokenizer_folder: Path, *, embedding_init: Initial = "mean", multiple: int = 64
) -> tuple[PreTrainedModel, dict[str, Any]]:
    """(Model with a row for every piece of the tokenizer, facts of ``grow``); unchanged with its own tokenizer."""
    folder = weights_folder(weights)
    model = load(folder)
    with encoding_errors("base", panics_only=True):
        facts = grow(model, folder, tokenizer_folder, embedding_init=embedding_init, multiple=multiple)
    if facts["kind"] == "new":
        tokenizer, family = load_tokenizer(tokenizer_folder), family_of(model.config)
        if model.config.model_type in AFTER_PADDING:
            move_positions(model, tokenizer.pad_token_id)
        for config in (model.config, model.config.get_text_config(), getattr(model, "generation_config", None)):
            if config is not None:
                renamed(config, tokenizer, family)
        # The row of padding_idx, where it is set (Llama), gets no gradients.
        table = model.get_input_embeddings()
        table.padding_idx = None if table.padding_idx is None else tokenizer.pad_token_id
    return model, facts


def longest(model: PreTrainedModel) -> int:
    """Maximum tokens of the model's context; ``LONGEST_ROW`` if its configuration states none."""
    return context_of(model.config.get_text_config())


def save(
    model: PreTrainedModel, tokenizer_folder: Path, out: Path, *, weights: Mapping[str, torch.Tensor] | None = None
) -> None:
    """Write model and tokenizer to ``out`` in the transformers layout, weights in fp32 safetensors.

    ``weights`` are the full weights by name if the model itself is sharded. Rows without a piece are listed as
    ``suppress_tokens`` in the generation configuration, so that they are never generated.
    """
    from transformers.utils import logging

    logging.disable_progress_bar()
    if (generation_config := getattr(model, "generation_config", None)) is not None:  # encoders have none
        model.config.use_cache = True
        generation_config.suppress_tokens = suppressed_ids(load_tokenizer(tokenizer_folder), model)
        try:
            generation_config.validate(strict=True)
        except ValueError:  # a base with a temperature but no do_sample loads, but cannot be saved
            generation_config.do_sample = True
    model.save_pretrained(out, state_dict=weights)
    copy_tokenizer(tokenizer_folder, out)


def parameters(model: PreTrainedModel) -> int:
    """Number of parameters, a tied head counted once."""
    return sum(parameter.numel() for parameter in model.parameters())
