"""What a plan reads of given weights without opening them, against the models themselves."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from domain.cost.shape import shape_of
from domain.errors import UserError
from domain.model.build import build, load_for_tokenizer, parameters, save
from domain.model.spec import FAMILIES, Base, Scratch
from tests.domain.model import tiny

ROLES = {"bos_token": "<s>", "eos_token": "</s>", "pad_token": "<pad>"}


@pytest.mark.parametrize("architecture", FAMILIES)
def test_given_weights_are_counted_from_their_headers(tmp_path: Path, architecture: str) -> None:
    old = tiny.byte_level(tmp_path / "old", (), ROLES)
    scratch = Scratch(architecture=architecture, width=32, layers=3, heads=4, context=24)
    model = build(scratch, old, seed=0, multiple=1)
    save(model, old, tmp_path / "base")
    base = Base(weights=str(tmp_path / "base"))
    shape = shape_of(base, None)
    assert shape.parameters == parameters(model)
    assert (shape.layers, shape.width, shape.heads, shape.vocabulary, shape.context) == (3, 32, 4, 259, 24)
    assert shape.encoder_layers == (3 if shape.family == "encoder_decoder" else 0)
    assert shape.family == FAMILIES[architecture]
    grown, _ = load_for_tokenizer(base.weights, tiny.byte_level(tmp_path / "new", [("t", "h")], ROLES), multiple=64)
    assert shape_of(base, 320).parameters == parameters(grown)
    planned = shape_of(Base(scratch=scratch, tokens=1), 259)
    assert planned == shape


def test_what_is_not_trained_is_not_counted(tmp_path: Path) -> None:
    """BERT's released weights hold a pooler, a head for next sentences and, formerly, the numbers of positions."""
    speaker = tiny.byte_level(tmp_path / "speaker", (), ROLES)
    model = build(Scratch(architecture="bert", width=32, layers=1, heads=4), speaker, seed=0)
    save(model, speaker, tmp_path)
    more = {
        "bert.pooler.dense.weight": torch.zeros(32, 32),
        "bert.embeddings.position_ids": torch.arange(512)[None],
        "cls.seq_relationship.weight": torch.zeros(2, 32),
    }
    save_file({**load_file(tmp_path / "model.safetensors"), **more}, tmp_path / "model.safetensors", {"format": "pt"})
    assert shape_of(Base(weights=str(tmp_path)), None).parameters == parameters(model)


def test_the_head_of_t5_1_1_grows_too(tmp_path: Path) -> None:
    old = tiny.byte_level(tmp_path / "old", (), ROLES)
    save(tiny.model(259, kind="t5"), old, tmp_path / "base")
    base = Base(weights=str(tmp_path / "base"))
    grown, _ = load_for_tokenizer(base.weights, tiny.byte_level(tmp_path / "new", [("t", "h")], ROLES), multiple=64)
    assert shape_of(base, 320).parameters == parameters(grown)


@pytest.mark.parametrize(
    ("config", "expected"),
    [  # (encoder's layers, layers, width, heads, context), as the hub's config.json have them
        (
            {"model_type": "t5", "is_encoder_decoder": True, "d_model": 512, "num_layers": 6, "num_decoder_layers": 6,
             "num_heads": 8, "n_positions": 512, "vocab_size": 32_128},
            (6, 6, 512, 8, 512),
        ),
        (
            {"model_type": "bart", "is_encoder_decoder": True, "d_model": 1024, "encoder_layers": 12,
             "decoder_layers": 3, "encoder_attention_heads": 16, "max_position_embeddings": 1024, "vocab_size": 50_265},
            (12, 3, 1024, 16, 1024),
        ),
        (
            {"model_type": "bloom", "n_embed": 1024, "n_layer": 24, "num_attention_heads": 16, "seq_length": 2048,
             "vocab_size": 250_880},
            (0, 24, 1024, 16, 2048),
        ),
        (
            {"model_type": "distilbert", "architectures": ["DistilBertForMaskedLM"], "dim": 768, "n_layers": 6,
             "n_heads": 12, "max_position_embeddings": 512, "vocab_size": 30_522},
            (0, 6, 768, 12, 512),
        ),
    ],
)  # fmt: skip
def test_what_architectures_call_the_same(tmp_path: Path, config: dict[str, Any], expected: tuple[int, ...]) -> None:
    (tmp_path / "config.json").write_text(json.dumps(config))
    save_file({"weight": torch.zeros(3, 5)}, tmp_path / "model.safetensors")
    shape = shape_of(Base(weights=str(tmp_path)), None)
    assert (shape.encoder_layers, shape.layers, shape.width, shape.heads, shape.context) == expected
    assert shape.parameters == 15


def test_what_the_tensors_are_for(tmp_path: Path) -> None:
    """Of GPT-2 positions are looked up, of an untied Llama the embedding; of T5 what is read passes the encoder."""
    shape = shape_of(Base(scratch=Scratch(architecture="gpt2", width=32, layers=2, heads=4, context=24), tokens=1), 100)
    assert shape.lookup == 24 * 32
    assert shape.block == 12 * 32**2 + 13 * 32  # matrices, biases and two norms
    assert shape.adaptable == 2 * ((32 + 96) + (32 + 32) + (32 + 128) + (128 + 32))
    llama = Scratch(width=32, layers=2, heads=4, kv_heads=2, ffn=64, tied=False)
    shape = shape_of(Base(scratch=llama, tokens=1), 100)
    assert (shape.lookup, shape.head, shape.keys) == (100 * 32, 100 * 32, 16)
    assert shape_of(Base(scratch=llama, tokens=1), 100, ("q_proj", "k_proj")).adaptable == 2 * (64 + 48)
    t5 = Scratch(architecture="t5", width=32, layers=2, heads=4, ffn=64)
    shape = shape_of(Base(scratch=t5, tokens=1), 100)
    # a layer: attention, a gated feed-forward block and a norm for each; positions and a last norm for the stack
    assert shape.encoder == 2 * (4 * 32**2 + 3 * 32 * 64 + 2 * 32) + 32 * 4 + 32
    assert shape.across == 2 * 2 * 32**2


def test_numbers_of_weights_that_share_keys(pretrained: Path) -> None:
    shape = shape_of(Base(weights=str(pretrained)), None)
    assert (shape.parameters, shape.layers, shape.width, shape.vocabulary) == (260_032, 5, 64, 512)
    assert (shape.heads, shape.queries, shape.keys, shape.feed_forward, shape.gated) == (8, 64, 32, 172, True)


def test_a_model_of_something_else(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "vit", "hidden_size": 768}))
    save_file({"weight": torch.zeros(3, 5)}, tmp_path / "model.safetensors")
    with pytest.raises(UserError, match=r"base: its config\.json states no vocab_size"):
        shape_of(Base(weights=str(tmp_path)), None)
