"""What tests share: real text where it is at hand, a small corpus and tokenizer made by hand, offline libraries."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["HF_HUB_DISABLE_TELEMETRY"] = "1"

SENTENCE = "solve the sparse linear system with a preconditioned iteration and return its residual norm"
WORDS = SENTENCE.split()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tests that need a GPU or the internet skip themselves where there is none."""
    needs_gpu = [item for item in items if item.get_closest_marker("gpu")]
    if needs_gpu:
        import torch

        if not torch.cuda.is_available():
            for item in needs_gpu:
                item.add_marker(pytest.mark.skip(reason="no CUDA device"))
    for item in items:
        if item.get_closest_marker("network") and not os.environ.get("SHOPTALK_NETWORK"):
            item.add_marker(pytest.mark.skip(reason="SHOPTALK_NETWORK is not set"))


@pytest.fixture(scope="session")
def standard_data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Real text unpacked into finance/, general/, tasks/, safety/ and raw/; skips where it is not at hand."""
    origin = os.environ.get("SHOPTALK_TEST_DATA")
    if not origin:
        pytest.skip("SHOPTALK_TEST_DATA is not set")
    out = tmp_path_factory.mktemp("standard_data")
    subprocess.run([sys.executable, Path(origin) / "prepare.py", out], check=True, stdout=subprocess.DEVNULL)
    return out


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
        fields = {"stage": "curate", "version": 1, "kind": "Corpus", "spec": None, "parents": [], "facts": facts}
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
    from domain.tokenizer.train import Fitting, fit

    return fit(Fitting(pieces=320), corpus, out=tmp_path_factory.mktemp("tokenizer"))


@pytest.fixture(scope="session")
def tokens(tmp_path_factory: pytest.TempPathFactory, corpus: Any, tokenizer: Any) -> Any:
    """That corpus, encoded."""
    from domain.tokens.encode import Encoding, encode

    return encode(Encoding(), corpus, tokenizer, out=tmp_path_factory.mktemp("tokens"))
