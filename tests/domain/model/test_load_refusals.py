"""A base that transformers cannot open is one line, whatever transformers raises, without its own warnings."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from domain.errors import UserError
from domain.model.build import load
from domain.text.scorers.transformer import Transformer
from tests.domain.pretrained.test_config import folder

SETTINGS: dict[str, dict[str, Any]] = {
    "type not stated": {"model_type": None},
    "type unknown": {"model_type": "lama"},
    "type with control characters": {"model_type": "\x1b]0;title\x07\x1b[2J"},
    "type of pictures": {"model_type": "vit"},
    "activation": {"hidden_act": "os.system"},
    "activation a list": {"hidden_act": ["silu"]},
    "dtype": {"dtype": "system"},
    "dtype a number": {"torch_dtype": 5},
    "rope a text": {"rope_scaling": "yarn"},
    "rope unknown": {"rope_parameters": {"rope_type": "none such", "rope_theta": 1e4}},
    "rope without theta": {"rope_scaling": {"rope_type": "yarn", "factor": "a"}},
    "text for a number": {"rms_norm_eps": "small"},
    "text for a bool": {"attention_bias": "maybe"},
    "list for a number": {"initializer_range": [1]},
    "tied a list": {"tie_word_embeddings": [1, 2]},
    "token a text": {"pad_token_id": "x"},
    "token outside": {"pad_token_id": 10_000},
    "labels a list": {"id2label": ["a", "b"]},
    "labels by words": {"id2label": {"one": "a"}},
    "labels a text": {"id2label": "a"},
    "layer types": {"layer_types": ["none such", "either"]},
    "problem unknown": {"problem_type": "none such"},
    "subconfiguration a number": {"text_config": 5},
    "method by name": {"to_dict": 5, "from_dict": 5, "__class__": 5, "get_text_config": 5},
    "private": {"_attn_implementation_internal": {"": "x/y"}, "sub_configs": {"a": "b"}, "base_model_tp_plan": 5},
    "pruned heads": {"pruned_heads": {"a": "b"}},
    "keys": {"keys_to_ignore_at_inference": 5, "attribute_map": {"hidden_size": "vocab_size"}},
}


@pytest.mark.parametrize("kind", SETTINGS)
def test_a_configuration_that_does_not_open_is_one_line(
    tmp_path: Path, kind: str, capfd: pytest.CaptureFixture[str]
) -> None:
    """Some of these open all the same: what counts is that nothing else than one line comes of it."""
    path = folder(tmp_path, SETTINGS[kind])
    capfd.readouterr()  # what saving it printed
    opens(lambda: load(path))
    opens(lambda: Transformer.load(str(path), ["a"]))
    assert not capfd.readouterr().err


def opens(use: Callable[[], Any]) -> bool:
    """Whether something opens; else it is refused in one line."""
    try:
        use()
    except UserError as error:
        refusal = str(error)
    else:
        return True
    assert "\n" not in refusal
    return False


def test_weights_of_another_shape(tmp_path: Path) -> None:
    path = folder(tmp_path, {})
    tensors = load_file(path / "model.safetensors")
    name = "model.layers.1.mlp.up_proj.weight"
    save_file({**tensors, name: torch.zeros(3, 3)}, path / "model.safetensors", {"format": "pt"})
    assert not opens(lambda: load(path))


@pytest.mark.parametrize("metadata", [None, {"format": "none such"}, {"format": "tf"}])
def test_weights_for_another_library(tmp_path: Path, metadata: dict[str, str] | None) -> None:
    path = folder(tmp_path, {})
    save_file(load_file(path / "model.safetensors"), path / "model.safetensors", metadata)
    assert opens(lambda: load(path))  # torch reads what the file holds, whoever wrote it


@pytest.mark.parametrize("settings", [{"temperature": "hot"}, {"cache_implementation": 5}, {"eos_token_id": {"a": 1}}])
def test_a_generation_configuration(tmp_path: Path, settings: dict[str, Any]) -> None:
    path = folder(tmp_path, {})
    (path / "generation_config.json").write_text(json.dumps(settings))
    opens(lambda: load(path))
