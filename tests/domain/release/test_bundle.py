from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

from domain.errors import UserError
from domain.release.bundle import ReleaseSpec, name_of_base, release
from domain.release.usage import prompt

SPEC = ReleaseSpec(name="filings", licence="apache-2.0", recipe={"name": "filings"})


def test_what_is_in_it(released: Any) -> None:
    made, _ = released
    names = {path.name for path in made.path.rglob("*") if path.is_file()}
    assert names == {
        "README.md", "SHA256SUMS", "config.json", "generation_config.json", "lineage.json", "manifest.json",
        "model.safetensors", "tokenizer.json", "tokenizer_config.json",
    }  # fmt: skip


def test_it_opens_in_transformers_and_answers_as_the_checkpoint_does(released: Any) -> None:
    from transformers import AutoModelForCausalLM, AutoTokenizer

    made, parts = released
    opened, original = (AutoModelForCausalLM.from_pretrained(p) for p in (made.path, parts["adapted"].path))
    ids = torch.arange(20)[None]
    assert torch.equal(opened(ids).logits, original(ids).logits)
    tokenizer = AutoTokenizer.from_pretrained(made.path)
    text = "solve the sparse linear system: Ax = b, x ≥ 0"
    assert tokenizer.decode(tokenizer(text)["input_ids"]) == text
    assert opened.generation_config.bos_token_id == tokenizer.bos_token_id
    assert opened.generation_config.eos_token_id == tokenizer.eos_token_id
    assert opened.generation_config.pad_token_id == tokenizer.pad_token_id
    assert opened.generation_config.do_sample


def test_its_tokenizer_states_context_and_padding(released: Any) -> None:
    from transformers import AutoTokenizer

    made, parts = released
    tokenizer = AutoTokenizer.from_pretrained(made.path)
    assert tokenizer.model_max_length == 64
    assert tokenizer.pad_token_id == json.loads((made.path / "generation_config.json").read_text())["pad_token_id"]
    assert tokenizer.get_vocab() == AutoTokenizer.from_pretrained(parts["adapted"].path).get_vocab()


def test_the_first_prompt_is_of_its_own_domain(parts: Any, tmp_path: Path) -> None:
    made = parts(tmp_path)
    assert release(SPEC, **made, out=tmp_path / "a").facts["prompt"] == "The first"  # nothing was held out
    folder = made["corpus"].path / "test"
    folder.mkdir()
    text = "Inflation has eased\nover the past year but remains"
    (folder / "domain-00000.jsonl").write_text(json.dumps({"id": "a", "text": text}) + "\n")
    assert release(SPEC, **made, out=tmp_path / "b").facts["prompt"] == "Inflation has eased over the past"
    words = ["Inflation", "has", "eased", "over", "the", "past"]
    assert prompt("masked", "[MASK]", words) == "Inflation has eased over the [MASK]"
    assert prompt("span", None, words) == "Inflation has eased over the <extra_id_0>"


def test_the_card_names_the_base_as_the_recipe_does() -> None:
    assert name_of_base({"base": "org/model@abc"}) == "org/model@abc"
    assert name_of_base({"base": {"weights": ".../stories", "chat": True}}) == ".../stories"
    assert name_of_base({"base": {"scratch": {"width": 32}}}) == ""
    assert name_of_base({}) == ""


def test_the_checksums_hold(released: Any) -> None:
    made, _ = released
    answer = subprocess.run(["sha256sum", "--check", "--strict", "SHA256SUMS"], cwd=made.path, capture_output=True)
    assert answer.returncode == 0, answer.stdout
    listed = {line.split("  ")[1] for line in (made.path / "SHA256SUMS").read_text().splitlines()}
    assert listed == {p.name for p in made.path.iterdir()} - {"SHA256SUMS", "manifest.json"}


def test_the_lineage_names_every_digest(released: Any) -> None:
    made, parts = released
    lineage = json.loads((made.path / "lineage.json").read_text())
    digests = lineage["digests"]
    for name, artifact in parts.items():
        assert digests[name] == artifact.digest == lineage["artifacts"][name]["digest"]
    assert digests["scorecard"] == parts["decision"].manifest["parents"]["scorecard"]["digest"]
    for name, parent in parts["corpus"].manifest["parents"].items():
        assert digests[name] == parent["digest"]
    assert digests["tokens"] == parts["adapted"].manifest["parents"]["tokens"]["digest"]
    written = json.dumps(lineage["recipe"], sort_keys=True, separators=(",", ":"))
    assert digests["recipe"] == hashlib.sha256(written.encode()).hexdigest()
    assert lineage["recipe"]["corpus"]["domain"][0]["text"] == "body"


def test_no_path_of_the_machine_is_in_it(released: Any) -> None:
    made, _ = released
    folder = str(made.path.parent).encode()
    for path in made.path.rglob("*"):
        content = path.read_bytes()
        assert folder not in content, path
        assert b"/home/someone" not in content, path
    recipe = json.loads((made.path / "lineage.json").read_text())["recipe"]
    assert recipe["corpus"]["domain"][0]["path"] == ".../*.jsonl"


def test_two_releases_of_the_same_are_the_same(released: Any, parts: Any, tmp_path: Path) -> None:
    made, _ = released
    again = release(SPEC.replace(recipe=made.manifest["spec"]["recipe"]), **parts(tmp_path), out=tmp_path / "r")
    assert again.digest == made.digest
    assert again.identity == made.identity


def test_secrets_and_folders_stay_at_home() -> None:
    recipe = {"paths": ["/a/b.txt", "~/c/d.txt", "C:\\e\\f.txt", "g/h.txt", "https://me:key@host/i", "1/2 or 3"]}
    kept = ReleaseSpec(name="n", licence="mit", recipe=recipe).recipe["paths"]
    assert kept == [".../b.txt", ".../d.txt", ".../f.txt", "g/h.txt", "https://host/i", "1/2 or 3"]


def test_not_released(parts: Any, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="It is no better") as caught:
        release(SPEC, **parts(tmp_path, released=False), out=tmp_path / "release")
    assert caught.value.place == "release.gates"
    assert not list((tmp_path / "release").iterdir())


def test_a_pickle_is_not_released(parts: Any, tmp_path: Path) -> None:
    made = parts(tmp_path)
    (made["adapted"].path / "pytorch_model.bin").write_bytes(b"\x80\x04")
    with pytest.raises(UserError, match="is a pickle"):
        release(SPEC, **made, out=tmp_path / "release")


def test_the_card_tells_how_to_load_it_and_that_runs(released: Any) -> None:
    made, _ = released
    card = (made.path / "README.md").read_text()
    code = card.split("```python\n")[1].split("```")[0]
    answer = subprocess.run([sys.executable, "-c", code], cwd=made.path, capture_output=True, text=True)
    assert answer.returncode == 0, answer.stderr
    assert answer.stdout.startswith("The")
    assert len(answer.stdout) > 10


@pytest.mark.parametrize("name", ["chat_template.jinja", "notes.txt", "model.safetensors", "more/notes.txt"])
def test_a_link_is_not_released(parts: Any, tmp_path: Path, name: str) -> None:
    made = parts(tmp_path)
    path = made["adapted"].path / name
    (tmp_path / "secret").write_text("a key")
    path.parent.mkdir(exist_ok=True)
    path.unlink(missing_ok=True)
    path.symlink_to(tmp_path / "secret")
    with pytest.raises(UserError, match=r"is a link to .*secret, outside of its folder"):
        release(SPEC, **made, out=tmp_path / "release")


@pytest.mark.parametrize("name", ["config.json", "tokenizer_config.json", "generation_config.json"])
def test_custom_code_is_not_released(parts: Any, tmp_path: Path, name: str) -> None:
    made = parts(tmp_path)
    path = made["adapted"].path / name
    content = json.loads(path.read_text()) if path.exists() else {}
    path.write_text(json.dumps({**content, "auto_map": {"AutoTokenizer": ["org--code.T", None]}}))
    with pytest.raises(UserError, match=f"needs custom code .auto_map in {name}"):
        release(SPEC, **made, out=tmp_path / "release")
