"""A stage in its own process gives what it gives here, refuses as it refuses here, and ends with its parent."""

from __future__ import annotations

import errno
import importlib
import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from domain.errors import UserError
from domain.machine import Machine
from domain.manifest import write_json
from domain.model.spec import Base, Scratch
from domain.settings.learning import Learning
from domain.stage import Stage
from domain.training.pretrain import prepare
from domain.worker import LAUNCHED, perform, read_job, reply_to

CPU = Machine(device="cpu", precision="fp32", threads=1)
BASE = Base(
    scratch=Scratch(width=32, layers=1, heads=2, context=32),
    tokens=2_560,
    learning=Learning(batch=256, learning_rate=3e-3),
)


def job(base: Base, tokens: Any, tokenizer: Any, out: Path, **changes: object) -> Path:
    """The file of a job that builds in ``out``."""
    content = {
        "stage": "base",
        "spec": base.model_dump(mode="json"),
        "parents": {
            "tokens": {"kind": "Tokens", "path": str(tokens.path)},
            "tokenizer": {"kind": "Tokenizer", "path": str(tokenizer.path)},
        },
        "machine": CPU.model_dump(mode="json"),
        "ranks": True,
    }
    path = out.with_name(f"{out.name}.job.json")
    path.parent.mkdir(exist_ok=True)
    write_json(path, {**content, **changes})
    return path


def start(job_file: Path) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-m", "domain.worker", str(job_file), str(job_file.parent)],
        stdin=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


def test_the_same_comes_out(tokens: Any, tokenizer: Any, tmp_path: Path) -> None:
    here = prepare(BASE, tokens=tokens, tokenizer=tokenizer, out=tmp_path / "here", machine=CPU)
    with start(job(BASE, tokens, tokenizer, tmp_path / "there")) as process:
        assert process.wait() == 0
    manifest = json.loads((tmp_path / "there" / "manifest.json").read_text())
    assert (manifest["identity"], manifest["digest"]) == (here.identity, here.digest)
    assert manifest["numerics"]["precision"] == here.manifest["numerics"]["precision"] == "fp32"
    assert json.loads((tmp_path / "there.reply.json").read_text()) == {}


def test_a_refusal_comes_back(tokens: Any, tokenizer: Any, tmp_path: Path) -> None:
    with start(job(BASE.replace(tokens=10), tokens, tokenizer, tmp_path / "there")) as process:
        assert process.wait() == 0
    assert "fewer than one batch" in json.loads((tmp_path / "there.reply.json").read_text())["error"][1]


def test_it_ends_when_its_parent_is_gone(tokens: Any, tokenizer: Any, tmp_path: Path) -> None:
    long = BASE.replace(tokens=50_000_000)
    with start(job(long, tokens, tokenizer, tmp_path / "there")) as process:
        spool = tmp_path / "there.spool.jsonl"
        until = time.monotonic() + 60
        while not (spool.exists() and spool.stat().st_size) and time.monotonic() < until:
            time.sleep(0.05)
        assert process.poll() is None
        assert process.stdin is not None
        process.stdin.close()
        assert process.wait(timeout=20) == 1
    assert not (tmp_path / "there.reply.json").exists()


@pytest.mark.gpu
def test_on_a_gpu(tokens: Any, tokenizer: Any, tmp_path: Path) -> None:
    gpu = Machine(device="cuda", precision="bf16")
    one = prepare(BASE, tokens=tokens, tokenizer=tokenizer, out=tmp_path / "one", machine=gpu)
    two = prepare(BASE, tokens=tokens, tokenizer=tokenizer, out=tmp_path / "two", machine=gpu)
    assert one.digest == two.digest


@pytest.mark.parametrize(
    ("error", "reply"),
    [
        (UserError("a", "b", "c"), {"error": ["a", "b", "c"]}),
        (OSError(errno.ENOSPC, "No space left on device", "/x"), {"errno": errno.ENOSPC, "file": "/x"}),
        (RuntimeError("I/O error: No space left on device (os error 28)"), {"errno": errno.ENOSPC, "file": "/out"}),
        (ValueError("a defect"), None),
    ],
)
def test_what_is_told_of_an_error(error: Exception, reply: dict[str, Any] | None) -> None:
    assert reply_to(error, "prepare", Path("/out")) == reply


def test_memory_that_ran_out_is_to_mend() -> None:
    for error in (MemoryError(), RuntimeError("CUDA out of memory. Tried to allocate 2.00 GiB")):
        reply = reply_to(error, "prepare", Path("/out"))
        assert reply is not None
        assert "--micro-batch" in reply["error"][2]


def test_every_stage_with_a_process_of_its_own_is_listed_and_no_other() -> None:
    modules = {reference.partition(":")[0] for entry in LAUNCHED.values() for reference in entry}
    home = Path(__file__).resolve().parents[2]
    files = [path for room in ("domain", "evals", "corpora") for path in (home / room).rglob("*.py")]
    modules |= {
        ".".join(path.relative_to(home).with_suffix("").parts) for path in files if "@stage(" in path.read_text()
    }
    stages = {
        value.name: f"{value.run.__module__}:{value.run.__name__}"
        for module in map(importlib.import_module, modules)
        for value in vars(module).values()
        if isinstance(value, Stage) and value.launched
    }
    assert {name: function for name, (function, _) in LAUNCHED.items()} == stages


HOSTILE: dict[str, dict[str, object]] = {
    "a stage that is code": {"stage": "subprocess:call"},
    "a stage by its module": {"stage": "domain.training.pretrain:prepare"},
    "a stage that is not launched": {"stage": "collect"},
    "a list as stage": {"stage": ["base"]},
    "more than a job": {"reply": "/root/.bashrc"},
    "a kind that is code": {"parents": {"tokens": {"kind": "os", "path": "/"}}},
    "parents of another stage": {"stage": "tune"},
    "a parent of another kind": {"parents": {"tokens": {"kind": "Tokenizer", "path": "/"}}},
    "a parent that is an argument": {"parents": {"out": {"kind": "Tokens", "path": "/"}}},
    "a parent that is none": {"parents": {name: {"kind": kind, "path": "/etc"} for name, kind in
                                          (("tokens", "Tokens"), ("tokenizer", "Tokenizer"))}},
    "a spec of another stage": {"spec": {"tokens": 5}},
    "a spec that is a list": {"spec": []},
    "a machine of other keys": {"machine": {"command": "rm"}},
    "nothing": {"parents": None},
}  # fmt: skip


@pytest.mark.parametrize("changes", HOSTILE.values(), ids=HOSTILE)
def test_a_job_that_is_none_is_one_line(
    tokens: Any, tokenizer: Any, tmp_path: Path, changes: dict[str, object], capfd: pytest.CaptureFixture[str]
) -> None:
    path = job(BASE, tokens, tokenizer, tmp_path / "there", **changes)
    perform(path, tmp_path / "there", tmp_path)
    (place, problem, _) = json.loads((tmp_path / "there.reply.json").read_text())["error"]
    assert place.startswith(str(tmp_path / "there"))
    assert len(f"{place}{problem}".splitlines()) == 1
    assert "Traceback" not in capfd.readouterr().err
    assert {each.name for each in tmp_path.iterdir()} == {"there.job.json", "there.reply.json"}


@pytest.mark.parametrize(
    "content", [b"", b"[]", b"{}", b"[" * 100_000, b"\xff", b'{"stage": "base"}', b'"' + b"x" * 99]
)
def test_a_file_that_is_no_job(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.job.json").write_bytes(content)
    with pytest.raises(UserError, match=r"a\.job\.json: is not a job of Shoptalk's"):
        read_job(tmp_path / "a.job.json")


def test_the_work_folder_is_the_caller_s_and_not_the_job_s(tokens: Any, tokenizer: Any, tmp_path: Path) -> None:
    (tmp_path / "home" / "trunks").mkdir(parents=True)
    (tmp_path / "home" / "trunks" / "precious").write_text("mine")
    machine = CPU.replace(work=tmp_path / "home", permanent_every=4).model_dump(mode="json")
    path = job(BASE, tokens, tokenizer, tmp_path / "work" / "there", machine=machine)
    with start(path) as process:
        assert process.wait() == 0
    assert [each.name for each in (tmp_path / "home").iterdir()] == ["trunks"]
    assert (tmp_path / "work" / "checkpoints" / "there").is_dir()
