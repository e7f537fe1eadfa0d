"""Build a model from scratch or load pretrained weights, and save it in the transformers layout."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from domain.errors import UserError
from domain.model.embeddings import grow, move_positions
from domain.model.families import AFTER_PADDING, configured, context_of, family_of, renamed
from domain.model.spec import Initial, Scratch, padded
from domain.model.vocabulary_map import silent
from domain.settings.objectives import Family
from domain.tokenizer.encoding.texts import load_tokenizer
from domain.tokenizer.files import TOKENIZER_FILES
from domain.weights import weight_files

if TYPE_CHECKING:
    from transformers import PreTrainedModel

# What writes to the residual stream in Llama, Qwen and BLOOM. GPT-2 and ModernBERT divide theirs themselves, and BERT,
# RoBERTa, BART and T5 none.
WRITERS = ("o_proj.weight", "down_proj.weight", "self_attention.dense.weight", "dense_4h_to_h.weight")


def build(shape: Scratch, tokenizer_folder: Path, seed: int, *, multiple: int = 64) -> PreTrainedModel:
    """A fresh model of ``shape`` for the tokenizer, with the head of its family, in fp32; the same for the same seed.

    Its rows are the tokenizer's ids, padded to a ``multiple``.

    Initial weights are normal with deviation sqrt(1 / (3 width)), and in decoders those that write to the residual
    stream are divided by sqrt(2 layers), as in BloombergGPT (arXiv 2303.17564, section 3.3). At width 192 that is
    0.042; the usual 0.02 needs more than twice the tokens to the same loss in a Llama. Elsewhere only the deviation
    is set (``configured``), and T5 is drawn as in its own code.
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
    """The class of transformers that opens a family with the head it is pretrained with.

    It takes scaled-dot-product attention, or the plain one where an architecture has no other (BLOOM).
    """
    import transformers

    heads = {
        "decoder": transformers.AutoModelForCausalLM,
        "encoder": transformers.AutoModelForMaskedLM,
        "encoder_decoder": transformers.AutoModelForSeq2SeqLM,
    }
    return heads[family]


def load(folder: Path, *, dtype: torch.dtype = torch.float32) -> PreTrainedModel:
    """The model in ``folder`` with its head, from safetensors only; no network, no code of the folder's own.

    Raises ``UserError`` where it does not open, or where weights are missing, which transformers would draw at random:
    those of the head, if the folder holds a classifier or an embedder.
    """
    from safetensors import SafetensorError
    from transformers import AutoConfig
    from transformers.utils import logging

    logging.disable_progress_bar()
    verbosity, own = logging.get_verbosity(), {"local_files_only": True, "trust_remote_code": False}
    logging.set_verbosity_error()  # heads that are left out (BERT's next sentence) are nobody's concern
    try:
        kind = opener(family_of(AutoConfig.from_pretrained(folder, **own)))
        model, report = kind.from_pretrained(folder, **own, use_safetensors=True, dtype=dtype, output_loading_info=True)
    except (OSError, ValueError, KeyError, RuntimeError, SafetensorError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        fix = "name a decoder, an encoder or an encoder-decoder with the head that it was pretrained with"
        raise UserError(str(folder), f"holds no model that opens ({reason})", fix) from error
    finally:
        logging.set_verbosity(verbosity)
    if missing := sorted(report["missing_keys"]):
        problem = f"holds no {missing[0]}, which {type(model).__name__} needs"
        raise UserError(str(folder), problem, "name weights with the head that they were pretrained with")
    # T5's configuration always says tied, also of version 1.1; where rows are added that would tie them.
    model.config.tie_word_embeddings = model.get_output_embeddings().weight is model.get_input_embeddings().weight
    return model


def give(
    weights: str, tokenizer_folder: Path, *, embedding_init: Initial = "mean", multiple: int = 64
) -> tuple[PreTrainedModel, dict[str, Any]]:
    """The given model with rows for every piece of the tokenizer, and what was done to it (facts of ``grow``).

    With its own tokenizer it is as it was given.
    """
    folder = weight_files(weights)[0].parent
    model = load(folder)
    facts = grow(model, folder, tokenizer_folder, embedding_init=embedding_init, multiple=multiple)
    if facts["kind"] == "new":
        tokenizer, family = load_tokenizer(tokenizer_folder), family_of(model.config)
        if model.config.model_type in AFTER_PADDING:
            move_positions(model, tokenizer.pad_token_id)
        for config in (model.config, model.config.get_text_config(), getattr(model, "generation_config", None)):
            if config is not None:
                renamed(config, tokenizer, family)
        # Where it is set, as in Llama, that row of the embedding never learns.
        table = model.get_input_embeddings()
        table.padding_idx = None if table.padding_idx is None else tokenizer.pad_token_id
    return model, facts


def longest(model: PreTrainedModel) -> int:
    """Tokens that the model can attend over; ``LONGEST_ROW`` where its configuration states none."""
    return context_of(model.config.get_text_config())


def save(
    model: PreTrainedModel, tokenizer_folder: Path, out: Path, *, weights: Mapping[str, torch.Tensor] | None = None
) -> None:
    """Write model and tokenizer to ``out`` in the transformers layout, weights in fp32 safetensors.

    ``weights`` are the model's by name, where it does not hold them whole. Rows that belong to no piece are named in
    the generation configuration, so that they are never spoken.
    """
    from transformers.utils import logging

    logging.disable_progress_bar()
    if (spoken := getattr(model, "generation_config", None)) is not None:  # encoders have none
        model.config.use_cache = True
        spoken.suppress_tokens = silent(load_tokenizer(tokenizer_folder), model)
        try:
            spoken.validate(strict=True)
        except ValueError:  # a base that states a temperature and not that it samples opens, but is not written again
            spoken.do_sample = True
    model.save_pretrained(out, state_dict=weights)
    for name in TOKENIZER_FILES:
        if (tokenizer_folder / name).is_file():
            shutil.copyfile(tokenizer_folder / name, out / name)


def parameters(model: PreTrainedModel) -> int:
    """Weights, a tied head counted once."""
    return sum(parameter.numel() for parameter in model.parameters())
