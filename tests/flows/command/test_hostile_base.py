"""A base that somebody sent: each command answers in one line, and nothing outside of its folder is carried along."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest


def changed(name: str, **settings: Any) -> Callable[[Path], None]:
    """Put settings into a JSON file of a folder."""

    def change(folder: Path) -> None:
        path = folder / name
        path.write_text(json.dumps({**json.loads(path.read_text()), **settings}))

    return change


def written(name: str, content: bytes) -> Callable[[Path], None]:
    return lambda folder: (folder / name).write_bytes(content) and None


def linked(name: str) -> Callable[[Path], None]:
    def link(folder: Path) -> None:
        (folder.parent / "id_rsa").write_text("TOPSECRETKEY")
        (folder / name).unlink(missing_ok=True)
        (folder / name).symlink_to(folder.parent / "id_rsa")

    return link


def indexed(target: str) -> Callable[[Path], None]:
    def index(folder: Path) -> None:
        (folder / "model.safetensors").rename(folder / "extra.safetensors")
        shutil.copy(folder / "extra.safetensors", folder / "pytorch_model.bin")
        content = {"weight_map": {"model.norm.weight": "extra.safetensors", "lm_head.weight": target}}
        (folder / "model.safetensors.index.json").write_text(json.dumps(content))

    return index


KINDS: dict[str, Callable[[Path], None]] = {
    "template linked": linked("chat_template.jinja"),
    "weights linked": linked("model.safetensors"),
    "index out of the folder": indexed("../base/extra.safetensors"),
    "index to a pickle": indexed("pytorch_model.bin"),
    "code by the tokenizer": changed("tokenizer_config.json", auto_map={"AutoTokenizer": ["org--tok.T", None]}),
    "configuration deep": written("config.json", b'{"a":' * 200_000 + b"1" + b"}" * 200_000),
    "configuration a list": written("config.json", b"[]"),
    "a million layers": changed("config.json", num_hidden_layers=10**6),
    "architectures a number": changed("config.json", architectures=5),
    "header of 2^62 bytes": written("model.safetensors", (2**62).to_bytes(8, "little") + b"{}"),
    "header empty": written("model.safetensors", b""),
    "quantised": changed("config.json", quantization_config={"quant_method": "bitsandbytes", "load_in_4bit": True}),
}


@pytest.mark.parametrize("kind", KINDS)
def test_check_plan_and_run_answer_in_one_line(
    make_recipe: Any, command: Any, pretrained: Path, tmp_path: Path, kind: str
) -> None:
    base = tmp_path / "model-base"
    shutil.copytree(pretrained, base)
    for path in (base, *base.iterdir()):
        path.chmod(0o755)
    KINDS[kind](base)
    recipe = make_recipe(base=str(base), tokenizer={"mode": "keep"})
    start = time.monotonic()
    answer = command.ask("check", recipe, "--work", tmp_path / "work")
    failures = [line for line in answer.out.splitlines() if line.startswith("FAIL")]
    assert (answer.code, len(failures)) == (1, 1), answer.out
    assert "FAIL  base: " in failures[0]
    for name in ("plan", "run"):
        command.refused(command.ask(name, recipe, *command.machine, "--work", tmp_path / "work"), "base: ")
    assert time.monotonic() - start < 60
    assert not [
        path for path in (tmp_path / "work").rglob("*") if path.is_file() and b"TOPSECRETKEY" in path.read_bytes()
    ]
