"""A tokenizer.json that does not end, takes all memory or holds nonsense is one line; those in use open."""

from __future__ import annotations

import base64
import json
import shutil
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from domain.errors import UserError
from domain.tokenizer.encoding.texts import encode_texts, load_tokenizer
from domain.tokenizer.encoding.tokenizer_file import own_regexes, read_tokenizer, runs
from domain.tokenizer.files import ids_of
from tests.domain.tokenizer.bases import BASES, LLAMA3, written


def replacing(old: str, new: str, times: int = 1, key: str = "String") -> dict[str, Any]:
    step = {"type": "Replace", "pattern": {key: old}, "content": new}
    return {"type": "Sequence", "normalizers": [step] * times}


def splitting(regex: str) -> dict[str, Any]:
    return {"type": "Split", "pattern": {"Regex": regex}, "behavior": "Isolated", "invert": False}


def table(*texts: bytes) -> dict[str, Any]:
    """SentencePiece's table of replacements; its trie is empty."""
    data = (4).to_bytes(4, "little") + bytes(4) + b"\0".join(texts) + b"\0"
    return {"type": "Precompiled", "precompiled_charsmap": base64.b64encode(data).decode()}


def deep(levels: int) -> dict[str, Any]:
    step: dict[str, Any] = {"type": "NFC"}
    for _ in range(levels):
        step = {"type": "Sequence", "normalizers": [step]}
    return step


TOKEN = {"content": "<x>", "single_word": False, "lstrip": False, "rstrip": False, "normalized": False, "special": True}
HOSTILE: dict[str, dict[str, Any]] = {
    "one into ten, ten times": {"normalizer": replacing("a", "a" * 10, 10)},
    "a rare letter into many": {"normalizer": replacing("\u0127", "\u0127" * 900, 2)},
    "by an expression": {"normalizer": replacing("[a-z]", "aaaaaaaaaa", 4, "Regex")},
    "nothing into many": {"normalizer": replacing("", "b" * 100, 2)},
    "one long text": {"normalizer": replacing("a", "a" * 10_000)},
    "in the decoder": {"decoder": {"type": "Sequence", "decoders": [replacing("a", "a" * 10)["normalizers"][0]] * 10}},
    "in bytes, ten times": {"normalizer": {"type": "Sequence", "normalizers": [{"type": "ByteLevel"}] * 20}},
    "by a table": {"normalizer": {"type": "Sequence", "normalizers": [table(b"a" * 500)] * 2}},
    "by a long table": {"normalizer": table(b"a" * 10_000_000)},
    "table no base64": {"normalizer": {"type": "Precompiled", "precompiled_charsmap": "!"}},
    "table damaged": {"normalizer": {"type": "Precompiled", "precompiled_charsmap": "AAAA"}},
    "exponential": {"pre_tokenizer": splitting("(x+x+)+y")},
    "exponential by alternatives": {"pre_tokenizer": splitting("(x|x|xx)+z")},
    "exponential in pairs": {"pre_tokenizer": splitting("((xy)+(xy)+)+z")},
    "exponential in letters": {"pre_tokenizer": splitting(r"(\p{L}+\p{L}+)+!")},
    "polynomial": {"pre_tokenizer": splitting(r"x*x*x*x*x*x*y")},
    "in a normalizer": {"normalizer": replacing("(x+x+)+y", "", key="Regex")},
    "no expression": {"pre_tokenizer": splitting("(((")},
    "long expression": {"pre_tokenizer": splitting("a" * 20_000)},
    "many steps": {"normalizer": {"type": "Sequence", "normalizers": [{"type": "NFC"}] * 10_000}},
    "deep": {"normalizer": deep(100)},
    "many special tokens": {
        "post_processor": {
            "type": "TemplateProcessing",
            "single": [{"SpecialToken": {"id": "<s>", "type_id": 0}}] * 1_000_000,
            "pair": [],
            "special_tokens": {"<s>": {"id": "<s>", "ids": [1], "tokens": ["<s>"]}},
        }
    },
    "a special token of many": {
        "post_processor": {
            "type": "TemplateProcessing",
            "single": [{"Sequence": {"id": "A", "type_id": 0}}],
            "pair": [],
            "special_tokens": {"<s>": {"id": "<s>", "ids": [1] * 1_000_000, "tokens": ["<s>"] * 1_000_000}},
        }
    },
    "added token of 2^31": {"added_tokens": [{**TOKEN, "id": 2**31}]},
    "added token negative": {"added_tokens": [{**TOKEN, "id": -1}]},
    "added token a text": {"added_tokens": [{**TOKEN, "id": "1"}]},
    "added tokens a number": {"added_tokens": 5},
    "added tokens of numbers": {"added_tokens": [5]},
    "no model": {"model": None},
    "a number for a model": {"model": 5},
    "a number for a step": {"normalizer": 5},
    "an unknown step": {"normalizer": {"type": "Nonesuch"}},
}  # fmt: skip
MODELS: dict[str, dict[str, Any]] = {
    "id of 2^31": {"vocab": {"a": 2**31}, "merges": []},
    "id of 2^32": {"vocab": {"a": 2**32}, "merges": []},
    "id of 2^31 - 1": {"vocab": {"a": 2**31 - 1}, "merges": []},
    "id negative": {"vocab": {"a": -1}, "merges": []},
    "id a float": {"vocab": {"a": 1.5}, "merges": []},
    "id a bool": {"vocab": {"a": True}, "merges": []},
    "vocabulary a number": {"vocab": 5},
    "vocabulary of numbers": {"vocab": [5, 6]},
    "merges at random": {"dropout": 1.5},
    "merges of what is not there": {"vocab": {"a": 0}, "merges": [["b", "c"]]},
    "long words": {"type": "WordPiece", "unk_token": "a", "continuing_subword_prefix": "##",
                   "max_input_chars_per_word": 10**9, "vocab": {"a": 0}},
    "scores not a number": {"type": "Unigram", "unk_id": 0, "vocab": [["a", float("nan")]]},
    "unknown beyond the vocabulary": {"type": "Unigram", "unk_id": 7, "vocab": [["a", 0.0]]},
}  # fmt: skip


@pytest.fixture
def folder(pretrained: Path, tmp_path: Path) -> Path:
    """A tokenizer that may be changed, without a model."""
    for path in pretrained.glob("tokenizer*"):
        shutil.copyfile(path, tmp_path / path.name)
    return tmp_path


@pytest.mark.parametrize("kind", [*HOSTILE, *MODELS])
def test_a_hostile_tokenizer_is_one_line(folder: Path, kind: str, capfd: pytest.CaptureFixture[str]) -> None:
    content = json.loads((folder / "tokenizer.json").read_text())
    content |= HOSTILE.get(kind, {})
    if kind in MODELS:
        content["model"] |= MODELS[kind]
    (folder / "tokenizer.json").write_text(json.dumps(content))
    start = time.process_time()
    with pytest.raises(UserError) as refusal:
        encode_texts(load_tokenizer(folder), ["a b\u0127c xx yy"])
    assert time.process_time() - start < 60  # 5 on a machine that does nothing else
    assert "\n" not in str(refusal.value)
    assert not capfd.readouterr().err


@pytest.mark.parametrize("content", [b"", b"[]", b"null", b"{}", b'{"model": {}}', b'{"a":' * 100_000, b"\xff"])
def test_what_is_no_tokenizer(folder: Path, content: bytes) -> None:
    (folder / "tokenizer.json").write_bytes(content)
    for use in (load_tokenizer, ids_of):
        with pytest.raises(UserError, match=r"tokenizer\.json"):
            use(folder)


def test_what_panics_on_a_text_only_is_one_line(folder: Path) -> None:
    """An expression that does well on the texts it is tried on."""
    content = json.loads((folder / "tokenizer.json").read_text())
    content["pre_tokenizer"] = splitting("Q(?:qwq+qwq+)+Z")
    (folder / "tokenizer.json").write_text(json.dumps(content))
    tokenizer = load_tokenizer(folder)
    evil = "Q" + "qwq" * 60 + "q" * 30 + "Z!"
    try:
        ids = encode_texts(tokenizer, [evil])
    except UserError as error:
        assert "its tokenizer fails on a text" in str(error)  # noqa: PT017
    else:
        assert len(ids[0])


@pytest.mark.parametrize("name", BASES)
def test_those_in_use_are_within_the_bounds(name: str, tmp_path: Path) -> None:
    folder = written(name, tmp_path / "base")
    content = read_tokenizer(folder / "tokenizer.json", "base")
    assert content["model"]["vocab"]
    assert np.concatenate(encode_texts(load_tokenizer(folder), ["Net income rose 3.5%"])).size


@pytest.mark.parametrize(
    "regex",
    [
        LLAMA3,
        LLAMA3.replace("{1,3}", ""),  # Qwen 2
        r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?"
        r"|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?"
        r"|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+",  # GPT-4o, Mistral
        r"[!\"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+"
        r"| ?[\p{P}\p{S}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+",  # DeepSeek V3
        r" ?[^(\s|[.,!?…。，、।۔،])]+",  # BLOOM
        "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+",  # GPT-2
        " {2,}",
    ],
)
def test_expressions_in_use_do_well(regex: str) -> None:
    steps = {"normalizer": None, "pre_tokenizer": splitting(regex), "decoder": None}
    start = time.process_time()
    assert runs(json.dumps(steps), (regex,))
    assert time.process_time() - start < 3


def test_own_expressions_are_not_tried(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """So a run that trains its tokenizer starts no process for it."""
    monkeypatch.setattr("domain.tokenizer.encoding.tokenizer_file.runs", lambda *_: pytest.fail("tried"))
    content = json.loads((folder / "tokenizer.json").read_text())
    for regex in own_regexes():
        content["pre_tokenizer"] = splitting(regex)
        (folder / "tokenizer.json").write_text(json.dumps(content))
        read_tokenizer(folder / "tokenizer.json", "base")


def test_a_special_token_that_is_in_no_vocabulary(folder: Path) -> None:
    settings = json.loads((folder / "tokenizer_config.json").read_text())
    (folder / "tokenizer_config.json").write_text(json.dumps({**settings, "bos_token": "bert", "unk_token": ""}))
    with pytest.raises(UserError, match="holds no tokenizer that opens"):
        load_tokenizer(folder)
