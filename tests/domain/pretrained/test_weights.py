from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from domain.errors import UserError
from domain.pretrained.weights import is_local, weight_files, weights_identity
from domain.tokenizer.files import tokenizer_identity
from tests.hub import serving

HOME = Path(__file__).resolve().parents[3]

LOAD = """
import sys
from domain.errors import UserError
from domain.pretrained.weights import weight_files
for weights in sys.argv[1:]:
    try:
        files = weight_files(weights)
    except UserError as refusal:
        print(refusal)
        continue
    from transformers import AutoModelForCausalLM, AutoTokenizer
    folder = files[0].parent
    model, tokenizer = AutoModelForCausalLM.from_pretrained(folder), AutoTokenizer.from_pretrained(folder)
    start = tokenizer("Once upon a time", return_tensors="pt")["input_ids"]
    told = tokenizer.decode(model.generate(start, max_new_tokens=12, do_sample=False)[0], skip_special_tokens=True)
    print(*sorted(f.name for f in files), model.num_parameters(), told, sep="|")
"""


def test_folders_and_hub_names_are_told_apart(tmp_path: Path) -> None:
    assert is_local(str(tmp_path))
    assert is_local("./models/x")
    assert not is_local("org/model@0123456789abcdef")


@pytest.mark.parametrize(
    ("files", "found"),
    [
        ({}, "no config.json"),
        ({"config.json": "{}"}, "no safetensors"),
        ({"config.json": "{}", "pytorch_model.bin": "x"}, "no safetensors"),
        ({"config.json": json.dumps({"auto_map": {}}), "model.safetensors": "x"}, "needs custom code"),
    ],
)
def test_folders_that_are_no_base(tmp_path: Path, files: dict[str, str], found: str) -> None:
    for name, content in files.items():
        (tmp_path / name).write_text(content)
    with pytest.raises(UserError, match=found):
        weight_files(str(tmp_path))


def test_a_hub_name_needs_a_revision() -> None:
    with pytest.raises(UserError, match="no revision"):
        weight_files("org/model")


@pytest.mark.parametrize("revision", ["main", "v1.0", "abc1234", "0" * 39, "0" * 41, "A" * 40, f"{'0' * 40}\n", ""])
def test_a_revision_is_a_whole_commit(revision: str) -> None:
    name = f"org/model@{revision}"
    for use in (weight_files, weights_identity, lambda name: tokenizer_identity(name, "base"), opened):
        with pytest.raises(UserError, match=r"names no (commit|revision).*org/model"):
            use(name)


def opened(name: str) -> None:
    """Use weights as a scorer of harm."""
    from domain.text.scorers.transformer import Transformer

    Transformer.load(name, ["toxic"])


def test_the_hub_out_of_reach_is_two_lines(tmp_path: Path) -> None:
    """By the library's own retries, with nobody at that port."""
    code = (
        "import logging, time\nfrom domain.pretrained.weights import weight_files\n"
        "logging.basicConfig(format='%(message)s')\n"
        "time.sleep = lambda seconds: None\n"
        f"try:\n    weight_files('org/model@{'0' * 40}')\nexcept Exception as error:\n    logging.error(error)"
    )
    environment = {**os.environ, "HF_ENDPOINT": "http://127.0.0.1:9", "HF_HOME": str(tmp_path), "HF_HUB_OFFLINE": "0"}
    command = [sys.executable, "-c", code]
    answer = subprocess.run(command, env=environment, cwd=HOME, capture_output=True, text=True, check=True)
    waiting, refused = answer.stderr.splitlines()
    assert waiting == "The hub does not answer; retrying for up to half a minute."
    assert "could not be downloaded from the hub" in refused


def test_identity_is_content_not_place(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "config.json").write_text("{}")
        save_file({"weight": torch.zeros(2)}, tmp_path / name / "model.safetensors")
    assert weights_identity(str(tmp_path / "a")) == weights_identity(str(tmp_path / "b"))
    save_file({"weight": torch.ones(2)}, tmp_path / "b" / "model.safetensors")
    assert weights_identity(str(tmp_path / "a")) != weights_identity(str(tmp_path / "b"))


def test_a_base_comes_from_the_hub_at_its_revision_and_speaks(pretrained: Path, tmp_path: Path) -> None:
    """Over real HTTP, by the library's own download; pickles stay where they are, other revisions are not taken."""
    files = {path.name: path.read_bytes() for path in pretrained.iterdir() if path.is_file()}
    with serving() as hub:
        commit = hub.add("models", "org/tiny", {**files, "pytorch_model.bin": b"a pickle", "code.py": b"raise"})
        hub.add("models", "org/tiny", {"config.json": b"a later mistake"})
        asked = [f"org/tiny@{commit}", f"org/tiny@{'0' * 40}", f"org/nobody@{commit}"]
        command = [sys.executable, "-c", LOAD, *asked]
        answer = subprocess.run(command, env=hub.environment(tmp_path), cwd=HOME, capture_output=True, text=True)
    assert answer.returncode == 0, answer.stderr
    loaded, nowhere, nobody = answer.stdout.splitlines()
    *names, parameters, told = loaded.split("|")
    assert {"config.json", "model.safetensors", "tokenizer.json"} <= set(names)
    assert not {"pytorch_model.bin", "code.py"} & set(names)
    assert parameters == "260032"
    assert told.startswith("Once upon a time, there was a")
    for line, weights in ((nowhere, asked[1]), (nobody, asked[2])):
        assert line.startswith(f"base: {weights} could not be downloaded from the hub (")
        assert "Fix: check the name, revision and network" in line
    assert not [line for line in hub.asked if line.endswith((".bin", ".py"))]
