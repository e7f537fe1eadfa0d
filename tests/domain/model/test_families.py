"""Nine architectures of three families: built, counted, saved, opened by plain transformers, and renumbered."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from pydantic import ValidationError

from domain.errors import UserError
from domain.model.build import build, load, load_for_tokenizer, longest, parameters, save
from domain.model.families import context_of, family_of
from domain.model.spec import FAMILIES, Scratch
from domain.settings.objectives import Causal, Denoising, Masked, Span
from domain.tokenizer.encoding.texts import load_tokenizer
from domain.training.objectives import choose
from tests.domain.model import tiny

SPEAKS = {"decoder": "causal", "encoder": "masked", "encoder_decoder": "span"}
UNTIED = ("llama", "qwen3", "gpt2", "bloom", "modernbert")
HEADS = {"decoder": "CausalLM", "encoder": "MaskedLM", "encoder_decoder": "Seq2SeqLM"}


@pytest.fixture(scope="module")
def speakers(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Folders of tokenizers by objective."""
    return {kind: tiny.trained(tmp_path_factory.mktemp(kind), kind) for kind in SPEAKS.values()}


def shape_of(architecture: str, **more: Any) -> Scratch:
    return Scratch(architecture=architecture, width=32, layers=2, heads=4, context=16, **more)


def speaker_of(architecture: str, speakers: dict[str, Path]) -> Path:
    return speakers["masked" if architecture == "bart" else SPEAKS[FAMILIES[architecture]]]


def fresh(architecture: str, speakers: dict[str, Path], **more: Any) -> Any:
    return build(shape_of(architecture, **more), speaker_of(architecture, speakers), seed=0)


VARIANTS = [
    *[(name, {}) for name in FAMILIES], *[(name, {"tied": False}) for name in UNTIED],
    ("llama", {"kv_heads": 2}), ("qwen3", {"kv_heads": 1}), ("bert", {"ffn": 40}), ("t5", {"ffn": 40}),
]  # fmt: skip


@pytest.mark.parametrize(("architecture", "more"), VARIANTS)
def test_every_weight_is_planned(speakers: dict[str, Path], architecture: str, more: dict[str, Any]) -> None:
    model, shape = fresh(architecture, speakers, **more), shape_of(architecture, **more)
    rows = 448 if architecture == "t5" else 320  # 400 or 300 pieces, padded to 64
    assert parameters(model) == tiny.parameter_count(shape, rows)
    assert family_of(model.config) == shape.family == FAMILIES[architecture]
    assert longest(model) == 16
    assert model.config._attn_implementation == ("eager" if architecture == "bloom" else "sdpa")
    assert tiny.logits(model.eval(), torch.arange(4, 20)[None]).shape == (1, 16, rows)


BASE = {"width": 768, "layers": 12, "heads": 12}


@pytest.mark.parametrize(
    ("architecture", "sizes", "rows", "expected"),
    # The published models without BERT's pooler. T5 1.1 has a head of its own; RoBERTa's padding id is 1, and 2 in a
    # tokenizer made here.
    [
        ("gpt2", {**BASE, "context": 1024}, 50_257, 124_439_808),
        ("bloom", {"width": 1024, "layers": 24, "heads": 16}, 250_880, 559_214_592),
        ("bert", BASE, 30_522, 109_514_298),
        ("roberta", {**BASE, "context": 511}, 50_265, 124_697_433),
        ("modernbert", {**BASE, "layers": 22, "ffn": 1152}, 50_368, 149_655_232),
        ("bart", {**BASE, "layers": 6, "context": 1024}, 50_265, 139_420_416),
        ("t5", BASE, 32_128, 247_577_856 - 32_128 * 768),
        (  # TinyLlama 1.1B
            "llama", {"width": 2048, "layers": 22, "heads": 32, "kv_heads": 4, "ffn": 5632, "tied": False}, 32_000,
            1_100_048_384,
        ),
    ],
)  # fmt: skip
def test_published_sizes(architecture: str, sizes: dict[str, Any], rows: int, expected: int) -> None:
    assert tiny.parameter_count(Scratch.model_validate({"architecture": architecture, **sizes}), rows) == expected


@pytest.mark.parametrize("architecture", FAMILIES)
def test_it_is_saved_and_opened_by_plain_transformers(
    speakers: dict[str, Path], tmp_path: Path, architecture: str
) -> None:
    import transformers

    model = tiny.stirred(fresh(architecture, speakers)).eval()
    ids = torch.randint(4, 300, (2, 12), generator=torch.Generator().manual_seed(0))
    said = tiny.logits(model, ids)
    save(model, speaker_of(architecture, speakers), tmp_path)
    plain = getattr(transformers, f"AutoModelFor{HEADS[FAMILIES[architecture]]}").from_pretrained(tmp_path).eval()
    for again in (plain, load(tmp_path).eval()):
        assert type(again) is type(model)
        assert torch.equal(tiny.logits(again, ids), said)
    assert transformers.AutoTokenizer.from_pretrained(tmp_path).pad_token == "<|pad|>"
    assert longest(load(tmp_path)) == 16


@pytest.mark.parametrize("architecture", FAMILIES)
def test_nothing_is_left_to_chance_in_training(speakers: dict[str, Path], architecture: str) -> None:
    model = fresh(architecture, speakers).train()
    ids = torch.arange(4, 14)[None]
    assert torch.equal(tiny.logits(model, ids), tiny.logits(model, ids))  # no dropout
    assert torch.equal(tiny.logits(fresh(architecture, speakers), ids), tiny.logits(model, ids))


@pytest.mark.parametrize(
    ("architecture", "inward", "outward", "expected"),
    [  # width 48: sqrt(1 / (3 * 48)) is 1/12; in decoders divided by sqrt(2 * 8), that is 4
        ("qwen3", "self_attn.q_proj", "mlp.down_proj", (1 / 12, 1 / 48)),
        ("bloom", "query_key_value", "dense_4h_to_h", (1 / 12, 1 / 48)),
        ("bert", "attention.self.query", "output.dense", (1 / 12, 1 / 12)),
        ("roberta", "attention.self.query", "output.dense", (1 / 12, 1 / 12)),
        ("bart", "self_attn.q_proj", "fc2", (1 / 12, 1 / 12)),
        # Drawn anew beyond 2 deviations, which leaves 0.8796 of a deviation.
        ("modernbert", "attn.Wqkv", "mlp.Wo", (0.8796 / 12, 0.8796 / 48)),
        # (width * width / heads) ** -0.5 and inner ** -0.5
        ("t5", "Attention.q", "DenseReluDense.wo", (1 / 24, 1 / 128**0.5)),
    ],
)
def test_initial_weights(
    speakers: dict[str, Path], architecture: str, inward: str, outward: str, expected: tuple[float, float]
) -> None:
    shape = Scratch(architecture=architecture, width=48, layers=8, heads=4)
    state = build(shape, speaker_of(architecture, speakers), seed=0).state_dict()
    for name, deviation in zip((inward, outward), expected, strict=True):
        drawn = torch.cat([t.flatten() for n, t in state.items() if n.endswith(f"{name}.weight")])
        assert float(drawn.std()) == pytest.approx(deviation, rel=0.02), name


@pytest.mark.parametrize("architecture", FAMILIES)
def test_the_configuration_names_the_tokenizers_ids(speakers: dict[str, Path], architecture: str) -> None:
    model = fresh(architecture, speakers)
    config = model.config  # <|begin|>, <|end|> and <|pad|> are 0, 1 and 2
    assert (config.bos_token_id, config.eos_token_id, config.pad_token_id) == (0, 1, 2)
    if FAMILIES[architecture] == "encoder_decoder":
        # T5's decoder begins with padding, BART's with the end of a text.
        start = {"t5": 2, "bart": 1}[architecture]
        assert config.decoder_start_token_id == model.generation_config.decoder_start_token_id == start
        assert model.generation_config.forced_eos_token_id is None
    if architecture == "modernbert":
        assert (config.cls_token_id, config.sep_token_id) == (0, 1)


ROLES = ("bos", "pad", "eos", "mask", "unk")


@pytest.mark.parametrize("architecture", FAMILIES)
def test_a_new_vocabulary_renumbers_what_was_learned(tmp_path: Path, architecture: str) -> None:
    """The same pieces under other ids: what a model says is the same, position for position."""

    def speaker(name: str, order: tuple[str, ...]) -> tuple[Path, dict[str, int]]:
        folder = tiny.byte_level(tmp_path / name, (), {f"{role}_token": f"<{role}>" for role in order})
        return folder, load_tokenizer(folder).get_vocab()

    (old, had), (new, has) = speaker("old", ROLES), speaker("new", ("mask", "unk", "eos", "pad", "bos"))
    model = tiny.stirred(build(shape_of(architecture), old, seed=0)).eval()
    save(model, old, tmp_path / "base")
    given, facts = load_for_tokenizer(str(tmp_path / "base"), new)
    assert facts["kind"] == "new"
    save(given, new, tmp_path / "given")

    before, after = (torch.tensor([vocabulary[piece] for piece in had]) for vocabulary in (had, has))
    chosen = torch.randint(5, len(had), (2, 16), generator=torch.Generator().manual_seed(0))  # no special token
    said = tiny.logits(model, before[chosen])[..., before]
    for again in (given.eval(), load(tmp_path / "given").eval()):
        assert torch.allclose(tiny.logits(again, after[chosen])[..., after], said, atol=1e-5)
        assert longest(again) == 16
        config = again.config
        assert (config.bos_token_id, config.eos_token_id, config.pad_token_id) == (4, 2, 3)
        if FAMILIES[architecture] == "encoder_decoder":
            start = {"t5": 3, "bart": 2}[architecture]
            assert config.decoder_start_token_id == again.generation_config.decoder_start_token_id == start
        if architecture == "modernbert":
            assert (config.cls_token_id, config.sep_token_id) == (4, 2)


@pytest.mark.parametrize(("architecture", "objective"), [("t5", Span()), ("bart", Denoising())])
def test_the_decoder_begins_as_it_was_taught(speakers: dict[str, Path], architecture: str, objective: Any) -> None:
    """The objective shows the decoder the token that generation begins with."""
    import numpy as np

    from domain.tokens.packing import Rows

    model = fresh(architecture, speakers)
    learned = choose(objective, load_tokenizer(speaker_of(architecture, speakers)), seed=0)
    length = learned.raw(16) + 1
    tokens = np.full((1, length), 50, dtype=np.int64)
    tokens[0, 0] = 0
    batch = learned(Rows(tokens=tokens, segments=np.zeros_like(tokens)), 0)
    assert int(batch.inputs["decoder_input_ids"][0, 0]) == model.generation_config.decoder_start_token_id


@pytest.mark.parametrize(
    ("config", "family", "context"),
    [  # as the hub's config.json have it
        ({"model_type": "bert", "architectures": ["BertForMaskedLM"], "max_position_embeddings": 512}, "encoder", 512),
        ({"model_type": "bert", "architectures": ["BertModel"], "max_position_embeddings": 512}, "encoder", 512),
        ({"model_type": "bert", "is_decoder": True, "max_position_embeddings": 512}, "decoder", 512),
        ({"model_type": "roberta", "max_position_embeddings": 514, "pad_token_id": 1}, "encoder", 512),
        ({"model_type": "modernbert", "max_position_embeddings": 8192}, "encoder", 8192),
        ({"model_type": "distilbert", "architectures": ["DistilBertForMaskedLM"], "max_position_embeddings": 512},
         "encoder", 512),
        ({"model_type": "t5", "is_encoder_decoder": True, "n_positions": 512}, "encoder_decoder", 512),
        ({"model_type": "mt5", "is_encoder_decoder": True}, "encoder_decoder", 2048),  # relative: a row as long as any
        ({"model_type": "bart", "is_encoder_decoder": True, "max_position_embeddings": 1024}, "encoder_decoder", 1024),
        ({"model_type": "bloom", "architectures": ["BloomForCausalLM"], "seq_length": 2048}, "decoder", 2048),
        ({"model_type": "gpt2", "architectures": ["GPT2LMHeadModel"], "n_positions": 1024}, "decoder", 1024),
        ({"model_type": "qwen3", "max_position_embeddings": 40_960}, "decoder", 40_960),
    ],
)  # fmt: skip
def test_family_and_context_of_given_weights(config: dict[str, Any], family: str, context: int) -> None:
    assert (family_of(config), context_of(config)) == (family, context)


@pytest.mark.parametrize(
    ("content", "found"),
    [
        ({"architecture": "bert", "width": 100, "heads": 3}, "not a multiple of heads"),
        ({"architecture": "modernbert", "width": 12, "heads": 4}, "even"),
        ({"architecture": "gpt2", "kv_heads": 2}, "drop kv_heads"),
        ({"architecture": "qwen3", "heads": 4, "kv_heads": 3}, "not a multiple of kv_heads"),
        ({"architecture": "bloom", "width": 64, "ffn": 128}, "4 times its width, 256"),
        ({"architecture": "t5", "tied": False}, "drop tied"),
        ({"architecture": "roberta", "tied": False}, "drop tied"),
        ({"architecture": "xlnet"}, "architecture"),
    ],
)
def test_shapes_that_cannot_be(content: dict[str, Any], found: str) -> None:
    with pytest.raises(ValidationError, match=found):
        Scratch.model_validate(content)


def test_positions_that_are_not_rotary_may_be_odd() -> None:
    assert Scratch(architecture="bert", width=12, heads=4).inner == 64


@pytest.mark.parametrize("architecture", ["bert", "t5"])
def test_a_tokenizer_without_padding(tmp_path: Path, architecture: str) -> None:
    with pytest.raises(UserError, match="has no padding token, which an encoder"):
        build(shape_of(architecture), tiny.byte_level(tmp_path), seed=0)


def test_a_slow_tokenizer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, speakers: dict[str, Path]) -> None:
    monkeypatch.setattr("transformers.PreTrainedTokenizerFast.is_fast", False)
    with pytest.raises(UserError, match="holds a slow tokenizer only"):
        build(shape_of("bert"), speakers["masked"], seed=0)


def test_weights_without_the_head_that_was_pretrained(speakers: dict[str, Path], tmp_path: Path) -> None:
    from transformers import BertForSequenceClassification

    model = fresh("bert", speakers)
    BertForSequenceClassification(model.config).save_pretrained(tmp_path)
    with pytest.raises(UserError, match=r"lacks cls\.predictions\.\S+, which BertForMaskedLM needs"):
        load(tmp_path)
    (tmp_path / "config.json").write_text(json.dumps({**model.config.to_dict(), "model_type": "vit"}))
    with pytest.raises(UserError, match="contains no model that can be loaded") as caught:
        load(tmp_path)
    assert "with its pretraining head" in caught.value.fix


def test_a_damaged_file_is_refused(speakers: dict[str, Path], tmp_path: Path) -> None:
    save(fresh("bert", speakers), speakers["masked"], tmp_path)
    (tmp_path / "model.safetensors").write_bytes(b"\x08\0\0\0\0\0\0\0{}")
    with pytest.raises(UserError, match="is not a valid safetensors file"):
        load(tmp_path)


def test_the_specs_know_the_families() -> None:
    assert {spec.family for spec in (Causal, Masked, Span, Denoising)} == set(FAMILIES.values())
