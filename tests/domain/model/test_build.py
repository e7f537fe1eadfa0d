from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest
import torch
from pydantic import ValidationError

from domain.cost.shape import shape_of
from domain.errors import UserError
from domain.model.build import build, load, load_for_tokenizer, longest, parameters, save
from domain.model.spec import Base, Scratch
from domain.tokenizer.encoding.texts import frame, load_tokenizer
from tests.domain.model import tiny

SHAPE = Scratch(width=32, layers=2, heads=4, context=64)


@pytest.mark.parametrize(
    "shape",
    [
        SHAPE,
        SHAPE.replace(kv_heads=2, tied=False),
        SHAPE.replace(architecture="gpt2"),
        SHAPE.replace(architecture="gpt2", ffn=96),
    ],
)
def test_parameters_are_planned_to_the_last_one(tokenizer: Any, shape: Scratch) -> None:
    model = build(shape, tokenizer.path, seed=0)
    assert parameters(model) == tiny.parameter_count(shape, 320)
    assert longest(model) == 64


def test_a_fresh_model_guesses_evenly(tokenizer: Any) -> None:
    model = build(SHAPE, tokenizer.path, seed=0).eval()
    ids = torch.arange(60)[None]
    with torch.inference_mode():
        loss = float(model(input_ids=ids, labels=ids).loss)
    # Logits have variance 1/3 (rows of deviation sqrt(1 / (3 width)) on a normed stream), which adds 1/6 to log E exp.
    assert loss == pytest.approx(math.log(320) + 1 / 6, abs=0.15)


@pytest.mark.parametrize(
    ("architecture", "inward", "outward"),
    [("llama", "self_attn.q_proj", "mlp.down_proj"), ("gpt2", "attn.c_attn", "mlp.c_proj")],
)
def test_initial_weights_are_those_of_bloomberggpt(
    tokenizer: Any, architecture: str, inward: str, outward: str
) -> None:
    state = build(SHAPE.replace(architecture=architecture, width=48, layers=8), tokenizer.path, seed=0).state_dict()

    def deviation(name: str) -> float:
        return float(torch.cat([t.flatten() for n, t in state.items() if n.endswith(f"{name}.weight")]).std())

    assert deviation(inward) == pytest.approx(1 / 12, rel=0.02)  # sqrt(1 / (3 * 48))
    assert deviation(outward) == pytest.approx(1 / 48, rel=0.02)  # and divided by sqrt(2 * 8)


def test_the_seed_decides(tokenizer: Any) -> None:
    one, same, other = (build(SHAPE, tokenizer.path, seed=seed).state_dict() for seed in (0, 0, 1))
    name = "model.layers.0.self_attn.q_proj.weight"
    assert torch.equal(one[name], same[name])
    assert not torch.equal(one[name], other[name])


def test_saved_and_loaded(tokenizer: Any, tmp_path: Path) -> None:
    model = build(SHAPE, tokenizer.path, seed=0)
    save(model, tokenizer.path, tmp_path)
    again = load(tmp_path)
    for name, tensor in model.state_dict().items():
        assert torch.equal(tensor, again.state_dict()[name]), name
    assert (tmp_path / "tokenizer.json").exists()
    assert not list(tmp_path.glob("*.bin"))


def test_given_weights_stay_as_they_are_with_their_own_tokenizer(pretrained: Path) -> None:
    (given, facts), original = load_for_tokenizer(str(pretrained), pretrained), load(pretrained)
    assert facts == {"kind": "same", "rows": 512}
    assert parameters(given) == shape_of(Base(weights=str(pretrained)), None).parameters == 260_032
    for name, tensor in original.state_dict().items():
        assert torch.equal(tensor, given.state_dict()[name]), name


def test_another_tokenizer_resizes_the_embedding(pretrained: Path, tokenizer: Any) -> None:
    given, facts = load_for_tokenizer(str(pretrained), tokenizer.path)
    assert (facts["kind"], facts["rows"]) == ("new", 320)
    assert given.get_input_embeddings().weight.shape[0] == given.config.vocab_size == 320
    planned = shape_of(Base(weights=str(pretrained)), 320)
    assert parameters(given) == planned.parameters
    begin, end = frame(load_tokenizer(tokenizer.path))
    for config in (given.config, given.generation_config):
        assert (config.bos_token_id, config.eos_token_id) == (begin, end)


@pytest.mark.parametrize(("multiple", "rows"), [(1, 320), (64, 320), (128, 384), (100, 400)])
def test_a_fresh_model_has_padded_rows(tokenizer: Any, tmp_path: Path, multiple: int, rows: int) -> None:
    model = build(SHAPE.replace(tied=False), tokenizer.path, seed=0, multiple=multiple)
    assert model.get_input_embeddings().weight.shape == model.get_output_embeddings().weight.shape == (rows, 32)
    save(model, tokenizer.path, tmp_path)
    said = json.loads((tmp_path / "generation_config.json").read_text())
    assert said.get("suppress_tokens", []) == list(range(320, rows))
    assert json.loads((tmp_path / "config.json").read_text())["vocab_size"] == rows
    assert load(tmp_path).get_output_embeddings().weight.shape[0] == rows


def extended(folder: Path, *, suppress: list[int] | None = None, padding: int | None = None) -> tuple[Path, Path]:
    """Folders of a small base with 265 rows, and of its tokenizer with two more pieces."""
    merges = (("\u2581", "a"), ("a", "b"))
    model = tiny.model(265)
    model.generation_config.suppress_tokens, model.config.pad_token_id = suppress, padding
    save(model, tiny.sentencepiece(folder / "own", merges), folder / "base")
    return folder / "base", tiny.sentencepiece(folder / "extended", (*merges, ("ab", "c"), ("b", "c")))


def test_an_extended_base_is_saved_and_is_a_base_again(tmp_path: Path) -> None:
    base, speaker = extended(tmp_path)
    assert "suppress_tokens" not in json.loads((base / "generation_config.json").read_text())
    model, facts = load_for_tokenizer(str(base), speaker)
    assert (facts["kind"], facts["rows"], facts["new_rows"]) == ("extended", 320, [265, 267])
    assert (model.config.bos_token_id, model.config.eos_token_id) == (1, 2)
    save(model, speaker, tmp_path / "grown")
    again = load(tmp_path / "grown")
    assert again.generation_config.suppress_tokens == list(range(267, 320))
    for name, tensor in model.state_dict().items():
        assert torch.equal(tensor, again.state_dict()[name]), name

    # Its padding rows are spare rows now: the next pieces take them, and may be spoken.
    more = tiny.sentencepiece(
        tmp_path / "more", (("\u2581", "a"), ("a", "b"), ("ab", "c"), ("b", "c"), ("\u2581a", "b"))
    )
    twice, facts = load_for_tokenizer(str(tmp_path / "grown"), more)
    assert (facts["rows"], facts["new_rows"]) == (320, [267, 268])
    save(twice, more, tmp_path / "twice")
    assert load(tmp_path / "twice").generation_config.suppress_tokens == list(range(268, 320))


def test_what_a_base_never_speaks_stays_unspoken(tmp_path: Path) -> None:
    base, speaker = extended(tmp_path, suppress=[7])
    for tokenizer, unspoken in ((base, [7]), (speaker, [7, *range(267, 320)])):
        save(load_for_tokenizer(str(base), tokenizer)[0], tokenizer, tmp_path / "out")
        assert load(tmp_path / "out").generation_config.suppress_tokens == unspoken
    level = tiny.byte_level(tmp_path / "level")  # where 7 is another piece
    assert load_for_tokenizer(str(base), level)[0].generation_config.suppress_tokens is None


def test_a_temperature_without_sampling_is_written_again(tmp_path: Path) -> None:
    base, speaker = extended(tmp_path)
    said = json.loads((base / "generation_config.json").read_text())
    (base / "generation_config.json").write_text(json.dumps({**said, "temperature": 0.6}))
    save(load_for_tokenizer(str(base), speaker)[0], speaker, tmp_path / "out")
    written = json.loads((tmp_path / "out" / "generation_config.json").read_text())
    assert (written["temperature"], written["do_sample"]) == (0.6, True)


def test_the_padding_token_is_that_of_the_new_vocabulary(tmp_path: Path) -> None:
    base, _ = extended(tmp_path, padding=5)
    assert load(base).get_input_embeddings().padding_idx == 5
    level = tiny.byte_level(tmp_path / "level", (), {"eos_token": "<|end|>", "pad_token": "<|pad|>"})
    given, _ = load_for_tokenizer(str(base), level)
    assert given.get_input_embeddings().padding_idx == given.config.pad_token_id == 1


def test_no_model(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="contains no model that can be loaded"):
        load(tmp_path)


@pytest.mark.parametrize(
    ("content", "found"),
    [
        ({}, "either weights or scratch"),
        ({"weights": "a/b@c", "scratch": {}, "tokens": 5}, "either weights or scratch"),
        ({"scratch": {}}, "needs tokens"),
        ({"weights": "a/b@c", "tokens": "1M"}, "drop tokens"),
        ({"scratch": {"width": 100, "heads": 3}, "tokens": 5}, "not a multiple of heads"),
        ({"scratch": {"width": 12, "heads": 4}, "tokens": 5}, "even"),
        ({"scratch": {"heads": 4, "kv_heads": 3}, "tokens": 5}, "kv_heads"),
        ({"scratch": {"architecture": "rnn"}, "tokens": 5}, "architecture"),
        ({"scratch": {}, "tokens": 5, "embedding_init": "random"}, "embedding_init is for new rows"),
        ({"weights": "a/b@c", "embedding_init": "zeros"}, "'mean', 'weighted', 'zero_output' or 'random'"),
        ({"weights": "a/b@c", "pad_rows": 0}, "pad_rows"),
    ],
)
def test_bases_that_cannot_be(content: dict[str, Any], found: str) -> None:
    with pytest.raises(ValidationError, match=found):
        Base.model_validate(content)


def test_a_base_may_be_one_word() -> None:
    assert Base.model_validate("org/model@abc").weights == "org/model@abc"
