"""What tests share: real text where it is at hand, a small corpus and tokenizer made by hand, offline libraries."""

from __future__ import annotations

import gc
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.hand_made import hand_made
from tests.once import once
from tests.skipped import skipped_line

__all__ = ["hand_made"]

os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["HF_HUB_DISABLE_TELEMETRY"] = "1"

SENTENCE = "solve the sparse linear system with a preconditioned iteration and return its residual norm"
WORDS = SENTENCE.split()

# Processes that tests start find the packages here: once a test has run a command in its own process, those that follow
# are told not to look in the current folder.
HOME = str(Path(__file__).resolve().parent.parent)
os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, (HOME, os.environ.get("PYTHONPATH"))))


# Files that take longest, many of them for few tests: pytest-xdist would leave them to the end, and to one worker.
FIRST = tuple(
    Path(__file__).parent / name
    for name in (
        "flows/run/test_run.py", "flows/run/test_deployed.py", "flows/command/test_exit_codes.py",
        "corpora/workers/test_clusters.py", "flows/run/test_prefect_server.py", "flows/command/test_isolation.py",
        "domain/training/test_ranks.py", "flows/run/test_launch.py", "flows/run/test_actuals.py",
        "corpora/sources/test_hub.py", "flows/run/test_prefect_credential.py", "flows/run/test_join.py",
        "corpora/extract/test_pool.py", "flows/tracking/test_mlflow_tracker.py", "flows/test_four_weeks.py",
        "domain/test_worker.py",
    )
)  # fmt: skip


def pytest_configure(config: pytest.Config) -> None:
    """pytest-xdist hands out files in the order of their collection, not by how many tests they have."""
    config.option.loadscopereorder = False


if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    # A shell starts background jobs so, and commands that tests start would inherit it and never be interrupted.
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.hookimpl(tryfirst=True)  # before -m selects by marks
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Long tests are left to the soak; those that need a GPU or the internet skip themselves where there is none."""
    items.sort(key=lambda item: item.path not in FIRST)
    leave_to_the_soak(config, items)
    needs_gpu = [item for item in items if item.get_closest_marker("gpu")]
    if needs_gpu:
        import torch

        if not torch.cuda.is_available():
            for item in needs_gpu:
                item.add_marker(pytest.mark.skip(reason="no CUDA device"))
    for item in items:
        if item.get_closest_marker("network") and not os.environ.get("SHOPTALK_NETWORK"):
            item.add_marker(pytest.mark.skip(reason="SHOPTALK_NETWORK is not set"))


def pytest_collection_finish() -> None:
    """What was imported and collected stays to the end: looking for garbage among it at every turn takes time."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)


SOAK = Path(__file__).parent / "soak"


def pytest_make_parametrize_id(val: object, argname: str) -> str | None:
    """Name bytes by their size: gzip writes the time into them, and two workers must name a test alike."""
    return f"{argname}: {len(val)} bytes" if isinstance(val, bytes) else None


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """The folder of long tests is collected only where it is named, or with ``-m soak``."""
    return None if collection_path != SOAK or soaking(config) else True


def soaking(config: pytest.Config) -> bool:
    """Whether the long tests are wanted."""
    named = (Path(argument.partition("::")[0]).absolute() for argument in config.args)
    return "soak" in config.option.markexpr or any(path.is_relative_to(SOAK) for path in named)


def leave_to_the_soak(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Mark what lies in the folder of long tests; deselect what is marked, unless it is wanted or named alone."""
    for item in items:
        if item.path.is_relative_to(SOAK):
            item.add_marker("soak")
    if soaking(config) or any("::" in argument for argument in config.args):
        return
    long = [item for item in items if item.get_closest_marker("soak")]
    if long:
        config.hook.pytest_deselected(items=long)
        items[:] = [item for item in items if not item.get_closest_marker("soak")]


def pytest_unconfigure(config: pytest.Config) -> None:
    """The last line says what was not proven; .ci/run collects these lines in the file SHOPTALK_SKIPPED."""
    reporter = config.pluginmanager.get_plugin("terminalreporter")
    if reporter is None or hasattr(config, "workerinput"):
        return
    reports = reporter.stats.get("skipped", [])
    line = skipped_line([report.longrepr[2] if isinstance(report.longrepr, tuple) else "" for report in reports])
    reporter.write_line(line)
    if path := os.environ.get("SHOPTALK_SKIPPED"):
        with Path(path).open("a", encoding="utf-8") as file:
            file.write(f"{' '.join(config.args)}: {line}\n")


@pytest.fixture(scope="session")
def standard_data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Real text unpacked into finance/, general/, tasks/, safety/ and raw/; skips where it is not at hand."""
    origin = os.environ.get("SHOPTALK_TEST_DATA")
    if not origin:
        pytest.skip("SHOPTALK_TEST_DATA is not set")
    prepare = Path(origin) / "prepare.py"

    def make(out: Path) -> None:
        subprocess.run([sys.executable, prepare, out], check=True, stdout=subprocess.DEVNULL)

    return once(tmp_path_factory, "standard_data", make)


@pytest.fixture(scope="session")
def pretrained() -> Path:
    """A folder with a tiny real pretrained Llama and its tokenizer; skips where it is not at hand."""
    origin = os.environ.get("SHOPTALK_TEST_DATA")
    if not origin:
        pytest.skip("SHOPTALK_TEST_DATA is not set")
    return Path(origin) / "stories260k"


def sentence(number: int) -> str:
    """A sentence of its own for every number."""
    return " ".join(WORDS[(number * step + step) % len(WORDS)] for step in range(3, 15)) + f" {number}."


def text(number: int, sentences: int = 6) -> str:
    """A text of its own for every number."""
    return " ".join(sentence(1000 * number + line) for line in range(sentences))


MakeCorpus = Callable[..., Any]


@pytest.fixture(scope="session")
def make_corpus() -> MakeCorpus:
    """``make_corpus(folder, documents=200)``: a sealed Corpus of distinct texts in all splits and both parts."""
    from domain.artifacts import Corpus
    from domain.manifest import seal

    def make(folder: Path, documents: int = 200) -> Corpus:
        splits: dict[str, Any] = {}
        number = 0
        for split, share in (("train", 0.6), ("validation", 0.2), ("test", 0.2)):
            splits[split] = {}
            for part in ("domain", "general"):
                (folder / split).mkdir(parents=True, exist_ok=True)
                count, size = round(documents * share), 0
                with (folder / split / f"{part}-00000.jsonl").open("w", encoding="utf-8") as out:
                    for _ in range(count):
                        body = text(number)
                        size += len(body.encode())
                        name = f"{part}-{number}"
                        line = {"id": name, "text": body, "source": f"{part}-source", "cluster": name}
                        empty = {"url": None, "licence": "mit", "date": None, "language": "en"}
                        out.write(json.dumps({**line, **empty}, sort_keys=True) + "\n")
                        number += 1
                splits[split][part] = {"documents": count, "bytes": size}
        facts = {"splits": splits, "documents_in": number, "documents_out": number, "dropped": {}}
        fields = {"stage": "curate", "version": 1, "kind": "Corpus", "spec": None, "parents": {}, "facts": facts}
        seal(folder, identity=f"hand-{documents}", **fields)
        return Corpus.open(folder)

    return make


@pytest.fixture(scope="session")
def corpus(tmp_path_factory: pytest.TempPathFactory, make_corpus: MakeCorpus) -> Any:
    """A small Corpus."""
    return make_corpus(tmp_path_factory.mktemp("corpus"))


@pytest.fixture(scope="session")
def tokenizer(tmp_path_factory: pytest.TempPathFactory, corpus: Any) -> Any:
    """A small byte-level BPE fitted on that corpus."""
    from domain.tokenizer.fit import Fitting, fit

    return fit(Fitting(vocab_size=320), corpus=corpus, out=tmp_path_factory.mktemp("tokenizer"))


@pytest.fixture(scope="session")
def tokens(tmp_path_factory: pytest.TempPathFactory, corpus: Any, tokenizer: Any) -> Any:
    """That corpus, encoded."""
    from domain.tokens.encode import Encoding, encode

    return encode(Encoding(), corpus=corpus, tokenizer=tokenizer, out=tmp_path_factory.mktemp("tokens"))
