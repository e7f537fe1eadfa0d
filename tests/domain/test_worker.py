"""A stage in its own process gives what it gives here, refuses as it refuses here, and ends with its parent."""

from __future__ import annotations

import errno
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
from domain.training.pretrain import prepare
from domain.worker import reply_to

CPU = Machine(device="cpu", precision="fp32", threads=1)
BASE = Base(
    scratch=Scratch(width=32, layers=1, heads=2, context=32),
    tokens=2_560,
    learning=Learning(batch=256, learning_rate=3e-3),
)


def job(spec: Base, tokens: Any, tokenizer: Any, out: Path) -> Path:
    content = {
        "stage": "domain.training.pretrain:prepare",
        "spec_kind": "domain.model.spec:Base",
        "spec": spec.model_dump(mode="json"),
        "parents": {
            "tokens": {"kind": "Tokens", "path": str(tokens.path)},
            "tokenizer": {"kind": "Tokenizer", "path": str(tokenizer.path)},
        },
        "out": str(out),
        "machine": CPU.model_dump(mode="json"),
        "reply": str(out.with_name("reply.json")),
    }
    write_json(out.with_name("job.json"), content)
    return out.with_name("job.json")


def start(job_file: Path) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-m", "domain.worker", str(job_file)], stdin=subprocess.PIPE, stderr=subprocess.DEVNULL
    )


def test_the_same_comes_out(tokens: Any, tokenizer: Any, tmp_path: Path) -> None:
    here = prepare(BASE, tokens=tokens, tokenizer=tokenizer, out=tmp_path / "here", machine=CPU)
    with start(job(BASE, tokens, tokenizer, tmp_path / "there")) as process:
        assert process.wait() == 0
    manifest = json.loads((tmp_path / "there" / "manifest.json").read_text())
    assert (manifest["identity"], manifest["digest"]) == (here.identity, here.digest)
    assert manifest["numerics"]["precision"] == here.manifest["numerics"]["precision"] == "fp32"
    assert json.loads((tmp_path / "reply.json").read_text()) == {}


def test_a_refusal_comes_back(tokens: Any, tokenizer: Any, tmp_path: Path) -> None:
    with start(job(BASE.replace(tokens=10), tokens, tokenizer, tmp_path / "there")) as process:
        assert process.wait() == 0
    assert "fewer than one batch" in json.loads((tmp_path / "reply.json").read_text())["error"][1]


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
    assert not (tmp_path / "reply.json").exists()


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
    assert reply_to(error, {"out": "/out", "stage": "m:prepare"}) == reply


def test_memory_that_ran_out_is_to_mend() -> None:
    for error in (MemoryError(), RuntimeError("CUDA out of memory. Tried to allocate 2.00 GiB")):
        reply = reply_to(error, {"out": "/out", "stage": "m:prepare"})
        assert reply is not None
        assert "--micro-batch" in reply["error"][2]
