"""Folders that somebody else made: links out of them, code, pickles and files of other folders are refused."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from domain.errors import UserError
from domain.jsonfile import MOST_LEVELS
from domain.model.build import load
from domain.pretrained.folder import checked_copy, model_files
from domain.pretrained.weights import weight_files, weights_identity
from domain.tokenizer.encoding.texts import load_tokenizer
from domain.tokenizer.extension.extend import write
from domain.tokenizer.files import copy_tokenizer, tokenizer_identity

SECRET = "a key of somebody's"
NAMES = (
    "config.json", "generation_config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json",
    "special_tokens_map.json", "added_tokens.json", "chat_template.jinja", "chat_template.json", "vocab.json",
    "merges.txt", "spiece.model", "additional_chat_templates/rag.jinja",
)  # fmt: skip


@pytest.fixture
def folder(pretrained: Path, tmp_path: Path) -> Path:
    """A copy of the small Llama that may be changed."""
    copy = tmp_path / "base"
    shutil.copytree(pretrained, copy)
    for path in (copy, *copy.iterdir()):
        path.chmod(0o755)
    return copy


def change(path: Path, **settings: Any) -> None:
    """Put settings into a JSON file."""
    content = json.loads(path.read_text()) if path.exists() else {}
    path.write_text(json.dumps({**content, **settings}))


def everywhere(folder: Path, out: Path) -> dict[str, Callable[[], Any]]:
    """Every way in which files of a base are opened, copied or identified."""
    out.mkdir(exist_ok=True)
    return {
        "identity": lambda: weights_identity(str(folder)),
        "files": lambda: weight_files(str(folder)),
        "tokenizer's identity": lambda: tokenizer_identity(str(folder), "base"),
        "keep": lambda: copy_tokenizer(folder, out),
        "extend": lambda: write({}, folder, out),
        "load": lambda: load(folder),
        "load tokenizer": lambda: load_tokenizer(folder),
    }


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("kind", ["file", "nowhere", "relative", "chain", "folder", "fifo", "device", "loop"])
def test_a_file_that_lies_elsewhere_or_is_none_is_refused(folder: Path, tmp_path: Path, name: str, kind: str) -> None:
    (tmp_path / "secret").write_text(SECRET)
    path = folder / name
    path.parent.mkdir(exist_ok=True)
    path.unlink(missing_ok=True)
    match kind:
        case "file" | "chain":
            (tmp_path / "link").symlink_to(tmp_path / "secret")
            path.symlink_to(tmp_path / ("link" if kind == "chain" else "secret"))
        case "nowhere":
            path.symlink_to(tmp_path / "not there")
        case "relative":
            path.symlink_to(os.path.relpath(tmp_path / "secret", path.parent))
        case "folder":
            path.mkdir()
        case "fifo":
            os.mkfifo(path)
        case "device":
            path.symlink_to("/dev/zero")
        case "loop":
            path.symlink_to(path)
    out = tmp_path / "out"
    for way, use in everywhere(folder, out).items():
        with pytest.raises(UserError, match=r"link|regular|cannot be read") as refusal:
            use()
        assert str(path) in str(refusal.value), way
    assert not [path for path in out.rglob("*") if path.is_file() and SECRET in path.read_text()]


def test_a_folder_of_templates_that_is_a_link_is_refused(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "theirs").mkdir()
    (tmp_path / "theirs" / "a.jinja").write_text(SECRET)
    (folder / "additional_chat_templates").symlink_to(tmp_path / "theirs")
    with pytest.raises(UserError, match="outside of its folder"):
        model_files(folder, "base")


def test_the_cache_of_the_hub_links_to_its_own_blobs(folder: Path, tmp_path: Path) -> None:
    """As huggingface_hub lays it out; blobs that are elsewhere, or of another model, are none of its own."""
    repository = tmp_path / "models--org--tiny"
    snapshot = repository / "snapshots" / ("0" * 40)
    snapshot.mkdir(parents=True)
    (repository / "blobs").mkdir()
    for number, path in enumerate(sorted(folder.iterdir())):
        path.rename(repository / "blobs" / str(number))
        (snapshot / path.name).symlink_to(f"../../blobs/{number}")
    assert load(snapshot).num_parameters() == 260_032
    assert weights_identity(str(snapshot))
    (repository / "blobs").rename(tmp_path / "elsewhere")
    (repository / "blobs").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(UserError, match="outside of its folder"):
        load(snapshot)


def test_links_within_the_folder_and_to_the_folder_are_fine(folder: Path, tmp_path: Path) -> None:
    (folder / "config.json").rename(folder / "the config")
    (folder / "config.json").symlink_to("the config")
    (tmp_path / "link").symlink_to(folder)
    assert load(tmp_path / "link").num_parameters() == 260_032
    assert weights_identity(str(tmp_path / "link")) == weights_identity(str(folder))


INDEXES: dict[str, Any] = {
    "above": {"weight_map": {"a": "../outside/model.safetensors"}},
    "absolute": {"weight_map": {"a": "/outside/model.safetensors"}},
    "below": {"weight_map": {"a": "more/model.safetensors"}},
    "pickle": {"weight_map": {"a": "extra.safetensors", "b": "pytorch_model.bin"}},
    "pickle by case": {"weight_map": {"a": "extra.SAFETENSORS.bin"}},
    "hidden by a line": {"weight_map": {"a": "pytorch_model.bin\n.safetensors"}},
    "not there": {"weight_map": {"a": "model-00001-of-00002.safetensors"}},
    "number": {"weight_map": {"a": 5}},
    "list": {"weight_map": ["extra.safetensors"]},
    "empty": {"weight_map": {}},
    "no map": {},
    "no object": [],
}


@pytest.mark.parametrize("kind", INDEXES)
def test_an_index_names_only_safetensors_of_the_folder(folder: Path, tmp_path: Path, kind: str) -> None:
    for place in (tmp_path / "outside", folder / "more"):
        place.mkdir()
        shutil.copy(folder / "model.safetensors", place)
    shutil.copy(folder / "model.safetensors", folder / "pytorch_model.bin")
    (folder / "model.safetensors").rename(folder / "extra.safetensors")
    (folder / "model.safetensors.index.json").write_text(json.dumps(INDEXES[kind]))
    ways = everywhere(folder, tmp_path / "out")
    for way in ("identity", "files", "load"):
        with pytest.raises(UserError, match=r"model\.safetensors\.index\.json"):
            ways[way]()


def test_weights_in_parts_are_read_and_identified(folder: Path) -> None:
    from safetensors.torch import load_file, save_file

    tensors = load_file(folder / "model.safetensors")
    (folder / "model.safetensors").unlink()
    names = sorted(tensors)
    parts = {name: f"model-0000{1 + number % 2}-of-00002.safetensors" for number, name in enumerate(names)}
    for part in set(parts.values()):
        save_file({name: tensors[name] for name in names if parts[name] == part}, folder / part, {"format": "pt"})
    (folder / "model.safetensors.index.json").write_text(json.dumps({"metadata": {}, "weight_map": parts}))
    (folder / "stray.safetensors").write_text("is not read")
    assert load(folder).num_parameters() == 260_032
    assert "stray.safetensors" not in [path.name for path in weight_files(str(folder))]
    before = weights_identity(str(folder))
    save_file({name: tensors[name] + 1 for name in names[::2]}, folder / parts[names[0]], {"format": "pt"})
    assert weights_identity(str(folder)) != before


@pytest.mark.parametrize("name", ["chat_template.jinja", "generation_config.json", "additional_chat_templates/a.jinja"])
def test_all_that_is_opened_is_in_the_identity(folder: Path, name: str) -> None:
    before = weights_identity(str(folder))
    (folder / name).parent.mkdir(exist_ok=True)
    (folder / name).write_text("{}")
    assert weights_identity(str(folder)) != before


CONFIGS = ("config.json", "generation_config.json", "tokenizer_config.json", "processor_config.json",
           "preprocessor_config.json", "adapter_config.json")  # fmt: skip


@pytest.mark.parametrize("name", CONFIGS)
@pytest.mark.parametrize(
    ("settings", "problem"),
    [
        ({"auto_map": {"AutoTokenizer": ["org--code.T", None]}}, "needs custom code"),
        ({"auto_map": ["org--code.T", None]}, "needs custom code"),
        ({"text_config": {"auto_map": {}}}, "needs custom code"),
        ({"a": [{"b": {"auto_map": {"AutoConfig": "c.C"}}}]}, "needs custom code"),
        ({"custom_generate": "org/code"}, "needs custom code"),
        ({"custom_pipelines": {"a": {"impl": "b.P"}}}, "needs custom code"),
        ({"quantization_config": {"quant_method": "gptq", "bits": 4}}, "is quantized"),
        ({"transformers_weights": "pytorch_model.bin"}, "names weights of its own"),
    ],
)
def test_code_by_a_key_is_refused(
    folder: Path, tmp_path: Path, name: str, settings: dict[str, Any], problem: str
) -> None:
    change(folder / name, **settings)
    for use in everywhere(folder, tmp_path / "out").values():
        with pytest.raises(UserError, match=f"{problem}.*{name}"):
            use()


@pytest.mark.parametrize(
    "value", ["org/kernel", "kernels-community/flash-attn3", "flash_attention_2", "paged|eager", 5]
)
@pytest.mark.parametrize("key", ["attn_implementation", "_attn_implementation", "_attn_implementation_internal"])
def test_attention_is_not_chosen_by_the_base(folder: Path, key: str, value: Any) -> None:
    change(folder / "config.json", **{key: value, "experts_implementation": value})
    assert load(folder).config._attn_implementation == "sdpa"


def test_settings_name_no_files(folder: Path, tmp_path: Path) -> None:
    """tokenizer_config.json may name another tokenizer.json, and an adapter another base."""
    (tmp_path / "tokenizer.9.json").write_text("another")
    names = {"fast_tokenizer_files": [str(tmp_path / "tokenizer.1.0.json")], "tokenizer_file": str(tmp_path / "x")}
    change(folder / "tokenizer_config.json", **names, name_or_path="/home/alice/model")
    (folder / "adapter_config.json").write_text(json.dumps({"base_model_name_or_path": str(tmp_path / "other")}))
    (folder / "pytorch_model.bin").write_text("a pickle")
    tokenizer = load_tokenizer(folder)
    assert (len(tokenizer), tokenizer.name_or_path) == (512, str(folder))
    assert load(folder).num_parameters() == 260_032
    with checked_copy(folder, "base") as copy:
        assert not {path.name for path in copy.iterdir()} & {"adapter_config.json", "pytorch_model.bin"}
    copy_tokenizer(folder, tmp_path)
    assert "alice" not in (tmp_path / "tokenizer_config.json").read_text()


CONTENTS: dict[str, bytes] = {
    "empty": b"",
    "no JSON": b"{",
    "Latin-1": '{"a": "é"}'.encode("latin-1"),
    "UTF-16": "{}".encode("utf-16"),
    "list": b"[]",
    "number": b"5",
    "null": b"null",
    "deep": b'{"a":' * 200_000 + b"1" + b"}" * 200_000,
    "deeper than allowed": b'{"a":' * (MOST_LEVELS + 1) + b"1" + b"}" * (MOST_LEVELS + 1),
    "digits": b'{"a": ' + b"9" * 5_000 + b"}",
    "large": b'{"a": "' + b"a" * 10_000_001 + b'"}',
}


@pytest.mark.parametrize("name", ["config.json", "generation_config.json", "tokenizer_config.json"])
@pytest.mark.parametrize("kind", CONTENTS)
def test_a_broken_configuration_is_one_line(folder: Path, tmp_path: Path, name: str, kind: str) -> None:
    (folder / name).write_bytes(CONTENTS[kind])
    for use in everywhere(folder, tmp_path / "out").values():
        with pytest.raises(UserError, match=name):
            use()
