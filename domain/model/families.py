"""The three model families: configurations for models from scratch; family and context of pretrained weights."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from domain.errors import UserError
from domain.model.spec import FAMILIES, Scratch
from domain.settings.learning import LONGEST_ROW
from domain.settings.objectives import Family
from domain.tokenizer.encoding.texts import frame

if TYPE_CHECKING:
    from transformers import PreTrainedConfig, PreTrainedTokenizerFast

# Their positions start after the padding id, so that 512 tokens of RoBERTa need 514 rows.
AFTER_PADDING = {"roberta", "roberta-prelayernorm", "xlm-roberta", "xlm-roberta-xl", "camembert", "data2vec-text"}
LENGTHS = ("max_position_embeddings", "n_positions", "seq_length")  # T5 has the second or none, BLOOM the third
ROLES = {"bos": 0, "cls": 0, "eos": 1, "sep": 1, "pad": 2}  # as (begin, end, pad)


def configured(shape: Scratch, rows: int, tokenizer: PreTrainedTokenizerFast) -> PreTrainedConfig:
    """The configuration of a model of ``shape`` with ``rows`` rows, for this tokenizer; no dropout.

    Everything that ``shape`` does not state is as in the papers' base models. T5 has the gated feed-forward block of
    version 1.1 (arXiv 2002.05202) and the tied matrix of version 1.0. The initial deviation is sqrt(1 / (3 width)):
    0.0208 at width 768, where BERT, RoBERTa, BART and GPT-2 have 0.02. T5 keeps its own initialization.
    """
    from transformers import AutoConfig

    begin, end, pad = special_ids(tokenizer, shape.family)
    deviation = (1.0 / (3.0 * shape.width)) ** 0.5
    stacked = {
        "hidden_size": shape.width,
        "intermediate_size": shape.inner,
        "num_hidden_layers": shape.layers,
        "num_attention_heads": shape.heads,
        "max_position_embeddings": shape.context,
    }
    settings: dict[str, Any]
    match shape.architecture:
        case "llama":
            settings = {**stacked, "num_key_value_heads": shape.kv_heads or shape.heads}
        case "qwen3":
            settings = {
                **stacked,
                "num_key_value_heads": shape.kv_heads or shape.heads,
                "head_dim": shape.width // shape.heads,
            }
        case "gpt2":
            settings = {"n_embd": shape.width, "n_inner": shape.inner, "n_layer": shape.layers, "n_head": shape.heads}
            settings |= {"n_positions": shape.context, "resid_pdrop": 0.0, "embd_pdrop": 0.0, "attn_pdrop": 0.0}
        case "bloom":
            settings = {"hidden_size": shape.width, "n_layer": shape.layers, "n_head": shape.heads}
            settings |= {"seq_length": shape.context}
        case "bert":
            settings = {**stacked, "hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0}
        case "roberta":
            settings = {**stacked, "hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0}
            settings |= {
                "max_position_embeddings": shape.context + pad + 1,
                "type_vocab_size": 1,
                "layer_norm_eps": 1e-5,
            }
        case "modernbert":
            settings = {**stacked, "cls_token_id": begin, "sep_token_id": end}
        case "t5":
            settings = {
                "d_model": shape.width,
                "d_ff": shape.inner,
                "num_layers": shape.layers,
                "num_heads": shape.heads,
            }
            settings |= {"d_kv": shape.width // shape.heads, "n_positions": shape.context, "dropout_rate": 0.0}
            settings |= {"feed_forward_proj": "gated-gelu", "decoder_start_token_id": pad}
        case "bart":
            settings = {"d_model": shape.width, "max_position_embeddings": shape.context, "dropout": 0.0}
            for stack in ("encoder", "decoder"):
                settings |= {f"{stack}_layers": shape.layers, f"{stack}_ffn_dim": shape.inner}
                settings |= {f"{stack}_attention_heads": shape.heads}
            settings |= {"init_std": deviation, "decoder_start_token_id": end, "forced_eos_token_id": None}
    if shape.architecture not in ("t5", "bart"):
        settings["initializer_range"] = deviation
    settings |= {"vocab_size": rows, "tie_word_embeddings": shape.tied}
    return AutoConfig.for_model(shape.architecture, bos_token_id=begin, eos_token_id=end, pad_token_id=pad, **settings)


def special_ids(tokenizer: PreTrainedTokenizerFast, family: Family) -> tuple[int, int, Any]:
    """The ids for begin, end and padding; the last may be None in a decoder."""
    if tokenizer.pad_token_id is None and family != "decoder":
        problem = f"has no padding token, which an {family.replace('_', '-')} needs"
        raise UserError(
            tokenizer.name_or_path or "tokenizer", problem, "choose one that has, or set tokenizer.mode to train"
        )
    return (*frame(tokenizer), tokenizer.pad_token_id)


def renamed(config: PreTrainedConfig, tokenizer: PreTrainedTokenizerFast, family: Family) -> None:
    """Replace the special token ids of a configuration by those of a new vocabulary."""
    now = special_ids(tokenizer, family)
    was: dict[int | None, int] = {}
    for role in ("bos", "pad", "eos"):
        stated = getattr(config, f"{role}_token_id", None)
        was |= dict.fromkeys(stated if isinstance(stated, list) else [stated], ROLES[role])
    # T5's decoder starts with padding, BART's with the end; some force a first or last token.
    for name in ("cls", "sep", "decoder_start", "forced_bos", "forced_eos"):
        stated = getattr(config, f"{name}_token_id", None)
        if stated is not None:
            setattr(config, f"{name}_token_id", now[was.get(stated, ROLES.get(name, 0))])
    config.bos_token_id, config.eos_token_id, config.pad_token_id = now


def family_of(config: PreTrainedConfig | Mapping[str, Any]) -> Family:
    """The family of pretrained weights by their configuration: transformers' object, or the content of config.json.

    BERT is an encoder unless its configuration sets ``is_decoder``.
    """
    stated: Mapping[str, Any] = config if isinstance(config, Mapping) else config.to_dict()
    kind = FAMILIES.get(stated.get("model_type", ""), "decoder")
    if stated.get("is_encoder_decoder", kind == "encoder_decoder"):
        return "encoder_decoder"
    masked = kind == "encoder" or any(name.endswith("ForMaskedLM") for name in stated.get("architectures") or ())
    return "encoder" if masked and not stated.get("is_decoder") else "decoder"


def context_of(config: PreTrainedConfig | Mapping[str, Any]) -> int:
    """Maximum tokens of the context by a model's configuration; ``LONGEST_ROW`` if it states none."""
    stated: Mapping[str, Any] = config if isinstance(config, Mapping) else config.to_dict()
    length = next((stated[name] for name in LENGTHS if isinstance(stated.get(name), int)), LONGEST_ROW)
    pad = stated.get("pad_token_id")
    return int(length) - (1 + (pad if isinstance(pad, int) else 1) if stated.get("model_type") in AFTER_PADDING else 0)
