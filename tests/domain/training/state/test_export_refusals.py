"""The folder of a training that somebody sent is exported, or refused in one line; nothing in it is run."""

from __future__ import annotations

import json
import pickle
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from domain.errors import UserError
from domain.manifest import MANIFEST, seal
from domain.model.spec import Base
from domain.training.pretrain import prepare
from domain.training.state.export import export
from tests.domain.training.loops import CPU, SHAPE, SPEC
from tests.domain.training.state.test_metadata import Planted


@pytest.fixture(scope="module")
def training(tokens: Any, tokenizer: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a training's permanent checkpoints."""
    work = tmp_path_factory.mktemp("work")
    spec, machine = Base(scratch=SHAPE, tokens=2_560, learning=SPEC), CPU.replace(work=work, permanent_every=8)
    prepare(spec, tokens=tokens, tokenizer=tokenizer, out=work / "base", machine=machine)
    return work / "checkpoints" / "base"


def rewrite(name: str, **values: object) -> Callable[[Path], object]:
    """A change of values in a JSON file."""

    def change(folder: Path) -> None:
        content = json.loads((folder / name).read_text())
        (folder / name).write_text(json.dumps({**content, **values}))

    return change


def replaced(name: str, content: bytes) -> Callable[[Path], object]:
    """A change of a whole file."""
    return lambda folder: (folder / name).write_bytes(content)


def linked(name: str) -> Callable[[Path], object]:
    """A link to a file outside in the place of one."""

    def change(folder: Path) -> None:
        outside = folder.parent / "outside"
        (folder / name).rename(outside)
        (folder / name).symlink_to(outside)

    return change


def with_pickle(folder: Path) -> None:
    checkpoint = next(folder.glob("checkpoints/step-*"))
    (checkpoint / ".metadata").write_bytes(pickle.dumps(Planted(folder / "ran")))
    (checkpoint / "metadata.json").unlink()
    (checkpoint / MANIFEST).unlink()
    seal(checkpoint)


REFUSED: dict[str, Callable[[Path], object]] = {
    "a pickle as metadata": with_pickle,
    "code in the configuration": rewrite("model/config.json", auto_map={"AutoConfig": "evil.Config"}),
    "another model": rewrite("model/config.json", hidden_size=64),
    "more layers": rewrite("model/config.json", num_hidden_layers=3),
    "layers without end": rewrite("model/config.json", num_hidden_layers=10**6),
    "layers beyond 64 bits": rewrite("model/config.json", num_hidden_layers=10**30),
    "terabytes": rewrite("model/config.json", hidden_size=2**22, vocab_size=2**30),
    "text for a number": rewrite("model/config.json", hidden_size="wide"),
    "no heads": rewrite("model/config.json", num_attention_heads=0),
    "a type that is none": rewrite("model/config.json", model_type="evil"),
    "a configuration that is a list": replaced("model/config.json", b"[]"),
    "a deep configuration": replaced("model/config.json", b"[" * 100_000),
    "binary": replaced("model/config.json", b"\xff"),
    "a link to a configuration": linked("model/config.json"),
    "LoRA as a list": replaced("model/lora.json", b"[]"),
    "LoRA of no rank": replaced("model/lora.json", b'{"lora": {"rank": "x"}}'),
    "LoRA of other matrices": replaced("model/lora.json", b'{"lora": {"rank": 2}}'),
    "no LoRA file": lambda folder: (folder / "model" / "lora.json").unlink(),
    "a link to a tokenizer": linked("model/tokenizer.json"),
}


@pytest.mark.parametrize("change", REFUSED.values(), ids=REFUSED)
def test_what_is_no_training_of_ours(training: Path, tmp_path: Path, change: Callable[[Path], object]) -> None:
    folder = tmp_path / "sent"
    shutil.copytree(training, folder)
    change(folder)
    with pytest.raises(UserError) as error:
        export(folder, tmp_path / "out")
    assert len(str(error.value).splitlines()) == 1
    assert not (folder / "ran").exists()


def test_as_it_was_sent(training: Path, tmp_path: Path) -> None:
    shutil.copytree(training, tmp_path / "sent")
    (tmp_path / "sent" / "checkpoints" / "step-x").mkdir()
    assert export(tmp_path / "sent", tmp_path / "out") == 8
