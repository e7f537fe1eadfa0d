"""Numbers of a config.json that are wrong or hostile are refused before a model is built by them."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file

from domain.cost.shape import shape_of
from domain.errors import UserError
from domain.model.build import load
from domain.model.spec import Base
from domain.pretrained.config import check_config, check_weights
from domain.pretrained.weights import weights_identity
from domain.text.scorers.transformer import Transformer

LLAMA = {
    "architectures": ["LlamaForCausalLM"], "model_type": "llama", "hidden_size": 64, "intermediate_size": 128,
    "num_hidden_layers": 2, "num_attention_heads": 4, "num_key_value_heads": 2, "vocab_size": 100,
    "max_position_embeddings": 256, "rope_theta": 10_000.0,
}  # fmt: skip


def folder(path: Path, settings: dict[str, Any]) -> Path:
    """A Llama of two layers whose configuration says something else."""
    from transformers import LlamaConfig, LlamaForCausalLM

    plain = {name: value for name, value in LLAMA.items() if name not in ("architectures", "rope_theta")}
    LlamaForCausalLM(LlamaConfig(**plain)).save_pretrained(path)
    (path / "config.json").write_text(json.dumps({**LLAMA, **settings}))
    return path


WRONG: dict[str, dict[str, Any]] = {
    "width negative": {"hidden_size": -32},
    "width 0": {"hidden_size": 0},
    "width a text": {"hidden_size": "64"},
    "width a float": {"hidden_size": 64.0},
    "width a bool": {"hidden_size": True},
    "width a list": {"hidden_size": ["a"]},
    "width infinite": {"hidden_size": float("inf")},
    "width not a number": {"hidden_size": float("nan")},
    "width of others": {"hidden_size": 96},
    "width huge": {"hidden_size": 10**9},
    "inner huge": {"intermediate_size": 10**9},
    "inner a text": {"intermediate_size": "128"},
    "vocabulary huge": {"vocab_size": 10**13},
    "vocabulary of others": {"vocab_size": 5_000_000},
    "vocabulary negative": {"vocab_size": -1},
    "layers huge": {"num_hidden_layers": 10**6},
    "layers more": {"num_hidden_layers": 3},
    "layers fewer": {"num_hidden_layers": 1},
    "layers 0": {"num_hidden_layers": 0},
    "layers of 5,000 digits": {"num_hidden_layers": 10**4_000},
    "layers further in": {"text_config": {"num_hidden_layers": 10**6}},
    "layers by another name": {"encoder_layers": 10**6},
    "layers of a list": {"block_sizes": [4, 10**6]},
    "predicting layers": {"num_nextn_predict_layers": 10**6},
    "experts": {"num_experts": 10**6},
    "labels": {"num_labels": 10**9},
    "heads 0": {"num_attention_heads": 0},
    "heads that do not divide": {"num_attention_heads": 5},
    "heads negative": {"num_attention_heads": -4},
    "keys that do not divide": {"num_key_value_heads": 3},
    "keys 0": {"num_key_value_heads": 0},
    "more keys than heads": {"num_key_value_heads": 8},
    "head of size 0": {"head_dim": 0},
    "head of a text": {"head_dim": "x"},
    "head huge": {"head_dim": 10**7},
    "positions huge": {"max_position_embeddings": 10**12},
    "positions 0": {"max_position_embeddings": 0},
    "architectures a number": {"architectures": 5},
    "architectures a text": {"architectures": "LlamaForCausalLM"},
    "architectures of numbers": {"architectures": [5]},
    "type a list": {"model_type": ["llama"]},
    "type a number": {"model_type": 5},
}


@pytest.mark.parametrize("kind", WRONG)
def test_a_wrong_number_is_one_line_at_once(tmp_path: Path, kind: str) -> None:
    path = folder(tmp_path, WRONG[kind])
    ways = (lambda: shape_of(Base(weights=str(path)), None), lambda: load(path), lambda: weights_identity(str(path)))
    for use in ways:
        start = time.process_time()
        with pytest.raises(UserError, match=r"config\.json") as refusal:
            use()
        assert time.process_time() - start < 2
        assert len(str(refusal.value)) < 500


def test_positions_that_are_learned_are_fewer_than_rotary_ones() -> None:
    check_config({**LLAMA, "max_position_embeddings": 10_000_000}, "base")
    with pytest.raises(UserError, match="10,000,000 positions, more than 200,000"):
        check_config({"model_type": "pegasus", "max_position_embeddings": 10_000_000}, "base")


def names(*patterns: str, layers: int) -> dict[str, tuple[int, ...]]:
    """Weights of so many layers."""
    return {pattern.replace("#", str(n)): (64, 100) for pattern in patterns for n in range(layers)}


@pytest.mark.parametrize(
    ("config", "shapes"),
    [
        ({"num_hidden_layers": 3}, names("model.layers.#.mlp.experts.7.w", layers=3)),
        ({"n_layer": 3}, names("h.#.attn.bias", layers=3)),
        ({"num_layers": 3, "num_decoder_layers": 2},
         names("encoder.block.#.layer.0.w", layers=3) | names("decoder.block.#.layer.0.w", layers=2)),
        ({"encoder_layers": 2, "decoder_layers": 3, "num_hidden_layers": 12},  # as a distilled BART says
         names("model.encoder.layers.#.w", layers=2) | names("model.decoder.layers.#.w", layers=3)),
        ({"model_type": "albert", "num_hidden_layers": 12}, names("encoder.albert_layer_groups.#.w", layers=1)),
        ({"num_hidden_layers": 61, "num_nextn_predict_layers": 1}, names("model.layers.#.w", layers=62)),
        ({"text_config": {"num_hidden_layers": 3}},
         names("language_model.layers.#.w", layers=3) | names("vision.layers.#.w", layers=9)),
        ({"num_hidden_layers": 3}, {"weight": (3, 5)}),  # cannot be told
    ],
)  # fmt: skip
def test_layers_are_those_of_the_weights(config: dict[str, Any], shapes: dict[str, tuple[int, ...]]) -> None:
    check_config(config, "base")
    check_weights(config, shapes, "base")


def test_far_more_parameters_than_the_weights_have_are_not_built(tmp_path: Path) -> None:
    """Experts are one tensor, so their number alone asks for memory: here 40 GB."""
    config = {**LLAMA, "model_type": "mixtral", "architectures": ["MixtralForCausalLM"], "num_local_experts": 10_000}
    config["intermediate_size"] = 2_600
    shapes = {f"model.layers.{n}.self_attn.q_proj.weight": (64, 64) for n in range(2)} | {"lm_head.weight": (100, 64)}
    save_file({name: torch.zeros(shape) for name, shape in shapes.items()}, tmp_path / "model.safetensors")
    (tmp_path / "config.json").write_text(json.dumps(config))
    with pytest.raises(UserError, match=r"^harm: .*states 9,\d+,\d+,\d+ parameters"):
        Transformer.load(str(tmp_path), ["toxic"])
    start = time.process_time()
    with pytest.raises(
        UserError, match=r"states 9,\d+,\d+,\d+ parameters in config\.json, and its weights have 14,592"
    ):
        load(tmp_path)
    assert time.process_time() - start < 5
