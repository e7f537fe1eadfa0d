"""What is fuzzed: files that a user or a stranger may have written, each with what reads it."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import struct
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from itertools import cycle
from pathlib import Path
from random import Random
from typing import Any, NoReturn

import yaml

from domain.cost.shape import shape_of
from domain.errors import UserError
from domain.machine import Machine
from domain.manifest import Damaged
from domain.model.build import load
from domain.model.chat_base import check_chat_base
from domain.model.spec import Base
from domain.stage import Store
from domain.training.instruction.examples_file import ExamplesFile
from domain.verification import Verifier
from evals.protect import Protection
from flows.recipe.recipe import load_recipe
from flows.releases.registry import record_release
from flows.run.profile import read_profile
from flows.run.record import RunRecord
from flows.run.runner import find_all
from tests.flows.conftest import DAY
from tests.mutations import encoded, json_text, mutated_bytes, mutated_tree, yaml_text

SECONDS = 5.0
Ask = Callable[..., Any]
MORE = {  # sections of a recipe that a small one leaves out
    "budget": {"gpus": 1, "hours": 0.5},
    "pilot": {"domain": [0.5, 0.9], "rates": [1.0e-3], "budget": 0.1, "seed": 3},
    "instruction_tuning": {"path": "orders.jsonl", "epochs": 2, "lora": {"rank": 4}, "validation": {"share": 0.1}},
}
PROFILE = {
    "workers": 2, "threads": 1, "device": "cpu", "precision": "fp32", "micro_batch": 512, "nodes": 2, "work": "work",
    "rendezvous": "node:29500", "checkpoint_seconds": 5.5, "tracking": "none", "network": False, "plugins": ["house"],
    "mirrors": {"https://a/": "https://b/"}, "private_hosts": ["c:80"], "slurm": {"partition": "cpu", "memory_gb": 8},
}  # fmt: skip
TASK = {
    "name": "quiz", "description": "Questions.", "licence": "mit", "source": "made up", "kind": "multiple_choice",
    "items": [{"question": "How many?", "choices": ["one", "two"], "answer": 1}] * 3,
}  # fmt: skip
LINES = [
    {"instruction": "Add.", "input": "1 2", "label": "3"},
    {"messages": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}]},
]


@dataclass(frozen=True)
class Target:
    """A file, how its content is mutated, and what reads it."""

    file: Path
    content: Callable[[Random], bytes]
    read: Callable[[], object]


def targets(name: str, folder: Path, work: Path, recipe: dict[str, Any], ask: Ask) -> list[Target]:
    """The targets of a kind, in ``folder``; ``work`` is the work folder of ``recipe``, once it has run."""
    machine = ("--work", work, "--device", "cpu")
    profile = Machine(work=work, device="cpu", threads=1, workers=1, network=False)
    recipe_file = folder / "contracts.yaml"
    recipe_file.write_text(yaml.safe_dump(recipe))
    (folder / "orders.jsonl").write_text("".join(json.dumps(line) + "\n" for line in LINES))

    def call(*arguments: object) -> None:
        answer = ask(*arguments)
        assert "Traceback" not in answer.out + answer.err, answer.err
        assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f]", answer.out + answer.err), answer
        if answer.code:
            raise UserError(str(arguments[0]), f"exit code {answer.code}", "")

    def open_recipe() -> None:
        find_all(load_recipe(str(recipe_file)), DAY, Store(work), profile, "release")
        call("check", recipe_file, *machine)
        call("plan", recipe_file, *machine)

    def with_base(base: Path) -> Callable[[], None]:
        tree = {**recipe, "base": str(base), "tokenizer": {"mode": "keep"}}

        def open_base() -> None:
            recipe_file.write_text(yaml.safe_dump(tree))
            spec = Base(weights=str(base))
            check_chat_base(spec, fetch=False)
            shape_of(spec, None)
            load(base)
            call("plan", recipe_file, *machine)

        return open_base

    looks = cycle((["show"], ["ledger"], ["datasheet"], ["why", "domain-1"], ["show", "--json"], ["release", "list"]))

    def look() -> None:
        find_all(load_recipe(str(recipe_file)), DAY, Store(work), profile, "release")
        command, *rest = next(looks)
        call(command, *([] if command == "release" else ["contracts"]), *rest, "--work", work)

    def lines(random: Random) -> bytes:
        return b"\n".join(
            json_text(line)(random) if random.random() < 0.4 else json.dumps(line).encode() for line in LINES
        )

    if name == "recipe":
        tree = {**recipe, **MORE}
        return [Target(recipe_file, yaml_text(tree, yaml.safe_dump(tree)), open_recipe)]
    if name == "profile":
        file = folder / "machine.yaml"
        return [Target(file, yaml_text(PROFILE, yaml.safe_dump(PROFILE)), lambda: read_profile(str(file)))]
    if name == "instructions":
        spec = ExamplesFile(path=str(folder / "orders.jsonl"))
        return [Target(folder / "orders.jsonl", lines, lambda: (spec.digest(), spec.check()))]
    if name == "task":
        file = folder / "quiz.yaml"
        items = folder / "items.jsonl"
        by_file = {**TASK, "items": [], "path": "items.jsonl"}
        (folder / "by_file.yaml").write_text(yaml.safe_dump(by_file))

        def row(random: Random) -> bytes:
            return json_text({"question": "How?", "choices": ["a", "b"], "answer": 0})(random) + b"\n"

        return [
            Target(file, yaml_text(TASK, yaml.safe_dump(TASK)), lambda: Protection(domain=(str(file),)).identity_key()),
            Target(items, row, lambda: Protection(general=(str(folder / "by_file.yaml"),)).identity_key()),
        ]
    if name in ("config", "header"):
        base = folder / "field-base"
        shutil.copytree(next((work / "artifacts" / "base").iterdir()), base)
        (base / "manifest.json").unlink()
        if name == "config":
            file = base / "config.json"
            return [Target(file, json_text(json.loads(file.read_bytes())), with_base(base))]
        file = base / "model.safetensors"
        return [Target(file, header_of(file.read_bytes()), with_base(base))]
    record_run(work, load_recipe(str(recipe_file)), profile)
    if name == "manifest":
        files = sorted((work / "artifacts").glob("*/*/manifest.json"))
        return [Target(file, json_text(json.loads(file.read_bytes())), look_at(file.parent, look)) for file in files]
    assert name == "record"
    files = [*(work / "runs").glob("*.json"), *(work / "releases").glob("*/*.json")]
    assert len(files) == 2
    small = list((work / "artifacts").glob("*/requests/*"))
    return [
        *(Target(file, json_text(json.loads(file.read_bytes())), look) for file in files * 4),
        *(Target(file, partial(mutated_bytes, file.read_bytes()), look) for file in small),
    ]


KINDS = ("recipe", "profile", "instructions", "task", "config", "header", "manifest", "record")


def header_of(content: bytes) -> Callable[[Random], bytes]:
    """A drawer of mutated safetensors files: their length, their header, or any byte of both."""
    (length,) = struct.unpack("<Q", content[:8])
    header, data = content[8 : 8 + length], content[8 + length :]
    tree = json.loads(header)

    def draw(random: Random) -> bytes:
        if random.random() < 0.3:
            odd = random.choice((0, 1, length - 1, length + 1, len(content), 10**8 + 1, 2**62, 2**63, 2**64 - 1))
            return struct.pack("<Q", odd) + header + data
        if random.random() < 0.3:
            return mutated_bytes(content[: 8 + length], random) + data
        new = encoded(mutated_tree(tree, random, ODD_HEADER)).ljust(random.choice((0, length)))
        return struct.pack("<Q", len(new)) + new + data

    return draw


ODD_HEADER = (
    "true", "null", "-1", "0", "1.5", "9" * 400, "18446744073709551615", "9223372036854775807", "[]", "{}",
    '""', '"F32"',
    '"F4"', "[0]", "[0, -1]", "[4, 0]", "[1, 2, 3, 4, 5, 6, 7, 8, 9, 10]", "[18446744073709551615, 2]",
    "[1e3]", "[true]",
    '{"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}', "[" * 500 + "]" * 500, '"../x"', "NaN", '"\\ud800"',
)  # fmt: skip


def look_at(folder: Path, look: Callable[[], object]) -> Callable[[], object]:
    """Verify an artifact, then look at the run."""

    def read() -> None:
        look()
        Verifier(folder.parent.parent.parent / "verified").check(folder, read=True)

    return read


def record_run(work: Path, recipe: Any, machine: Machine) -> None:
    """Record a finished run and its release, as the command does."""
    record = RunRecord(work, recipe.name)
    artifacts, complete = find_all(recipe, DAY, Store(work), machine, "release")
    assert complete
    with record.attempt(recipe.model_dump(mode="json"), DAY.isoformat(), file=recipe.file):
        for label, artifact in artifacts:
            record.add(label, artifact, 1.0)
    record_release(work, recipe.name, record.stored())


def refused(error: BaseException) -> bool:
    """Whether an error is one that the command tells in a line."""
    if isinstance(error, BaseExceptionGroup):
        return all(map(refused, error.exceptions))
    return isinstance(error, UserError | Damaged)


@contextmanager
def in_time() -> Iterator[None]:
    """Raise ``TimeoutError`` where the block takes longer than the bound."""

    def stop(*_: object) -> NoReturn:
        raise TimeoutError(f"took longer than {SECONDS} s")

    before, began = signal.signal(signal.SIGALRM, stop), time.monotonic()
    signal.setitimer(signal.ITIMER_REAL, SECONDS)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    assert time.monotonic() - began < SECONDS


def state(*folders: Path) -> dict[str, tuple[int, int, int]]:
    """Mode, size and time of change of everything below some folders."""
    paths = [Path(place, name) for top in folders for place, below, files in os.walk(top) for name in (*below, *files)]
    return {str(path): (stat.st_mode, stat.st_size, stat.st_mtime_ns) for path in paths if (stat := path.lstat())}


def fuzz_once(target: Target, random: Random, outside: Path) -> bool:
    """Read a mutated file; whether it was refused. Raises what is no refusal, and where ``outside`` was changed."""
    before, old = state(outside), target.file.read_bytes() if target.file.exists() else b""
    target.file.write_bytes(target.content(random))
    try:
        with in_time():
            target.read()
        return False
    except BaseException as error:
        if not refused(error):
            raise
        return True
    finally:
        target.file.parent.mkdir(parents=True, exist_ok=True)
        target.file.write_bytes(old)
        assert state(outside) == before
