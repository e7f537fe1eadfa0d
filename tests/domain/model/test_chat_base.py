"""Chat models are asked about: by their name, or by a template beside their tokenizer."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from pydantic import ValidationError
from safetensors.torch import save_file

from domain.errors import UserError
from domain.model.chat_base import check_chat_base
from domain.model.spec import Base, Scratch


def folder(at: Path, *, template: bool = False, file: bool = False) -> Path:
    """Weights in the transformers layout, with or without a chat template."""
    at.mkdir()
    (at / "config.json").write_text(json.dumps({"model_type": "llama"}))
    save_file({"weight": torch.zeros(1)}, at / "model.safetensors")
    (at / "tokenizer_config.json").write_text(json.dumps({"chat_template": "{{ messages }}"} if template else {}))
    if file:
        (at / "chat_template.jinja").write_text("{{ messages }}")
    return at


@pytest.mark.parametrize(
    "weights", ["org/Model-7B-Instruct@abc", "meta-llama/Llama-2-7b-chat-hf@abc", "google/gemma-2-2b-it@abc"]
)
def test_a_name_that_says_so(weights: str) -> None:
    with pytest.raises(UserError, match=r"tuned to chat \(its name says so\).*chat: true"):
        check_chat_base(Base(weights=weights), fetch=False)
    check_chat_base(Base(weights=weights, chat=True))


@pytest.mark.parametrize("how", ["template", "file"])
def test_a_tokenizer_with_a_template(tmp_path: Path, how: str) -> None:
    weights = folder(tmp_path / "model", **{how: True})
    with pytest.raises(UserError, match="its tokenizer has a chat template"):
        check_chat_base(Base(weights=str(weights)))
    check_chat_base(Base(weights=str(weights), chat=True))


def test_plain_bases(tmp_path: Path) -> None:
    check_chat_base(Base(weights=str(folder(tmp_path / "model"))))
    check_chat_base(Base(weights=str(folder(tmp_path / "Qwen3-0.6B-Base", template=True))))  # says that it is plain
    check_chat_base(Base(weights="org/model@abc"), fetch=False)  # whose tokenizer is not here yet
    check_chat_base(Base(scratch=Scratch(), tokens=1))


def test_a_confirmation_asks_for_nothing_else(tmp_path: Path) -> None:
    weights = str(folder(tmp_path / "model", template=True))
    assert Base(weights=weights, chat=True).identity_key() == Base(weights=weights).identity_key()
    scratch = Base(scratch=Scratch(), tokens=1)
    assert "chat" not in scratch.identity_key()
    with pytest.raises(ValidationError, match="chat is for existing weights"):
        scratch.replace(chat=True)
