"""Small recipes over text made by hand, the real command in a process of its own, and a run without an engine."""

from __future__ import annotations

import io
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from datetime import date
from pathlib import Path
from types import MappingProxyType, SimpleNamespace
from typing import Any, NamedTuple

import pytest
import yaml

from domain.machine import Machine
from flows.command import cli

# Once a test has imported Prefect, its handler would print other tests' warnings a second time.
os.environ.setdefault("PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL", "CRITICAL")

FIELD = [
    "clause", "tenant", "landlord", "covenant", "breach", "notice", "premises", "waiver", "indemnity", "escrow", "lien",
    "deed", "statute", "tort",
]  # fmt: skip
PLAIN = [
    "river", "garden", "window", "kettle", "winter", "uncle", "bicycle", "market", "bread", "morning", "letter",
    "sailor", "orchard", "candle",
]  # fmt: skip
DAY = date(2026, 1, 2)


class Answer(NamedTuple):
    code: int
    out: str
    err: str


def story(words: list[str], number: int) -> str:
    """A text of its own for every number, in the words of its part."""
    size = len(words)
    sentences = [
        " ".join(words[(number * step + line + step * step) % size] for step in range(2, 12)) + f" {number * 7 + line}."
        for line in range(6)
    ]
    return " ".join(sentences)


@pytest.fixture(scope="session")
def texts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with ``domain.jsonl`` and ``general.jsonl``: 240 documents each, of two vocabularies."""
    folder = tmp_path_factory.mktemp("texts")
    for part, words in (("domain", FIELD), ("general", PLAIN)):
        with (folder / f"{part}.jsonl").open("w", encoding="utf-8") as file:
            for number in range(240):
                file.write(
                    json.dumps({"id": f"{part}-{number}", "text": story(words, number), "licence": "mit"}) + "\n"
                )
    return folder


def recipe_of(texts: Path) -> dict[str, Any]:
    """A recipe that is done in seconds; its gates hold if the adapted model learned anything of its field."""
    learning = {"batch": 512, "learning_rate": 6.0e-3}
    return {
        "name": "contracts",
        "base": {
            "scratch": {"width": 32, "layers": 1, "heads": 2, "context": 64},
            "tokens": 8_192,
            "learning": learning,
        },
        "corpus": {
            "domain": [{"kind": "files", "path": str(texts / "domain.jsonl")}],
            "general": [{"kind": "files", "path": str(texts / "general.jsonl")}],
            "licences": {"allow": ["mit"]},
            "filters": [],
            "dedup": ["exact"],
            "holdout": {"validation": 0.1, "test": 0.4},
        },
        "tokenizer": {"mode": "train", "vocab_size": 300},
        "training": {"tokens": 8_192, **learning},
        "evaluation": {"bytes": 20_000, "resamples": 1_000},
        "release": {"licence": "mit", "gates": {"domain_gain": 0.0, "general_loss": 1.0}},
    }


MakeRecipe = Callable[..., Path]


@pytest.fixture
def make_recipe(texts: Path, tmp_path: Path) -> MakeRecipe:
    """``make_recipe(**changes)``: the small recipe in a file, whole sections replaced."""

    def make(**changes: Any) -> Path:
        path = tmp_path / "contracts.yaml"
        path.write_text(yaml.safe_dump({**recipe_of(texts), **changes}, sort_keys=False), encoding="utf-8")
        return path

    return make


def ask(*arguments: object) -> Answer:
    """The command, in this process."""
    out, err = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(err):
        try:
            code = cli.main([str(argument) for argument in arguments])
        except SystemExit as end:
            code = int(end.code or 0)
    return Answer(code, out.getvalue(), err.getvalue())


def begin(*arguments: object, folder: Path, **environment: str) -> subprocess.Popen[str]:
    """The command, in a process and a session of its own, without the Prefect server of this process."""
    inherited = {name: value for name, value in os.environ.items() if name != "PREFECT_API_URL"}
    return subprocess.Popen(
        [sys.executable, "-m", "flows.command.cli", *map(str, arguments)],
        cwd=folder,
        env={**inherited, "PYTHONPATH": str(Path(cli.__file__).parents[2]), **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def refused(answer: Answer, *words: str) -> str:
    """Assert that the answer is one clear line with these words, and return it."""
    lines = [line for line in answer.err.splitlines() if line.startswith("shoptalk: ")]
    assert answer.code == 2, answer
    assert "Traceback" not in answer.err
    assert len(lines) == 1, answer.err
    assert "Fix: " in lines[0]
    for word in words:
        assert word in lines[0], lines[0]
    return lines[0]


def whole(work: Path) -> list[str]:
    """The stages of which a work folder holds something that passes for finished."""
    return sorted({path.parent.parent.name for path in (work / "artifacts").glob("*/*/manifest.json")})


def digests(work: Path) -> dict[str, str]:
    """Digest of every artifact in a work folder, by stage and identity."""
    manifests = [json.loads(path.read_bytes()) for path in (work / "artifacts").glob("*/*/manifest.json")]
    return {f"{m['stage']} {m['identity'][:16]}": m["digest"] for m in manifests}


def remove_engine(patch: pytest.MonkeyPatch) -> None:
    """Runs in this process, without Prefect; a learner still has a process of its own."""
    from flows.recipe.recipe import load_recipe
    from flows.run.run import make_all

    def run_flow(name: str, overrides: list[str], as_of: date, until: str, machine: Machine) -> bool:
        return make_all(load_recipe(name, overrides), as_of, machine, until)

    patch.setattr("flows.run.run.run_flow", run_flow)


@pytest.fixture
def without_engine(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same for one test."""
    remove_engine(monkeypatch)


@pytest.fixture(scope="session")
def undisturbed(texts: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The work folder of the small recipe, every stage called in this process: no engine, no launcher, no tracker."""
    from domain.spec import Spec
    from domain.stage import Stage, Store
    from flows.adapt import adapt
    from flows.recipe.recipe import load_recipe

    folder = tmp_path_factory.mktemp("undisturbed")
    (folder / "contracts.yaml").write_text(yaml.safe_dump(recipe_of(texts), sort_keys=False), encoding="utf-8")
    machine = Machine(work=folder / "work", device="cpu", precision="fp32", threads=1, workers=1)
    store = Store(machine.work)

    def runner(made_by: Stage[Any], spec: Spec, parents: Any = MappingProxyType({}), *, label: str = "") -> Any:
        request = made_by.request(spec, parents)
        built = made_by(spec, **parents, out=store.workplace(made_by, request), machine=machine)
        return store.keep(made_by, request, built)

    adapt(load_recipe(str(folder / "contracts.yaml")), DAY, runner)
    return machine.work


MACHINE = ("--device", "cpu", "--precision", "fp32", "--threads", "1", "--workers", "1")


@pytest.fixture
def finished(undisturbed: Path, tmp_path: Path) -> Path:
    """A copy of that work folder, to be spoilt."""
    shutil.copytree(undisturbed, tmp_path / "work")
    return tmp_path / "work"


def plain(text: str) -> str:
    """Text without terminal colours."""
    return re.sub(r"\x1b\[[0-9;]*m", "", text)


@pytest.fixture(scope="session")
def command() -> Any:
    """The functions above, under one name: test files cannot import from each other."""
    return SimpleNamespace(
        ask=ask,
        begin=begin,
        refused=refused,
        whole=whole,
        digests=digests,
        machine=MACHINE,
        day=DAY,
        plain=plain,
        remove_engine=remove_engine,
    )


@pytest.fixture
def held_by_another() -> Any:
    """``with held_by_another(work)``: another process holds the work folder meanwhile."""
    code = (
        "import sys\nfrom pathlib import Path\nfrom flows.run.lock import holding\n"
        "with holding(Path(sys.argv[1])):\n    print('holding', flush=True)\n    sys.stdin.read()\n"
    )

    @contextmanager
    def hold(work: Path) -> Iterator[None]:
        environment = {**os.environ, "PYTHONPATH": str(Path(__file__).resolve().parents[2])}
        command = [sys.executable, "-c", code, str(work)]
        with subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment, text=True
        ) as process:
            assert process.stdout is not None
            assert process.stdin is not None
            assert process.stdout.readline() == "holding\n"
            try:
                yield
            finally:
                process.stdin.close()

    return hold
