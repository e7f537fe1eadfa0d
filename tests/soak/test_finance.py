"""A slice of dated financial text, from a real pretrained model with its own tokenizer, to a release."""

from __future__ import annotations

import gzip
import json
import shutil
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from tests.corpora.edgar_server import REAL, serving

# Documents of each file in the slice, spread evenly over it.
SLICE = {
    "finance/10k": 3, "finance/8k": 80, "finance/fomc": 30, "finance/reuters": 900,
    "general/books": 50, "general/wikipedia": 90, "general/c4": 290,
}  # fmt: skip
SMALLER = (
    "training.tokens=20480", "training.batch=2048", "corpus.holdout={validation: 0.05, test: 0.12, later: 0.1}",
    "evaluation.bytes=40kB",
)  # fmt: skip


@pytest.fixture(scope="module")
def slice_of_finance(standard_data: Path, pretrained: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The recipe, the model and the first documents of each file, laid out as the recipe says."""
    folder = tmp_path_factory.mktemp("finance")
    for name, count in SLICE.items():
        (folder / name).parent.mkdir(exist_ok=True)
        with gzip.open(standard_data / f"{name}.jsonl.gz", "rt", encoding="utf-8") as lines:
            everything = list(lines)
            chosen = everything[:: len(everything) // count][:count]
        with gzip.open(folder / f"{name}.jsonl.gz", "wt", encoding="utf-8") as file:
            file.writelines(chosen)
    shutil.copytree(pretrained, folder / "model")
    return Path(shutil.copy(Path(__file__).with_name("finance.yaml"), folder))


@pytest.fixture(scope="module")
def profile(standard_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A machine that takes a server here, with real filings in EDGAR's layout, for the SEC."""
    with serving(date(2025, 12, 31)) as edgar:
        edgar.add_real(standard_data / "raw")
        path = tmp_path_factory.mktemp("machine") / "machine.yaml"
        said = {"mirrors": {"https://www.sec.gov/": f"{edgar.url}/"}, "private_hosts": ["127.0.0.1"]}
        path.write_text(json.dumps(said), encoding="utf-8")
        yield path
        assert edgar.fastest() <= edgar.most


def test_to_a_release_that_opens(
    slice_of_finance: Path, profile: Path, tmp_path: Path, command: Any, without_engine: None, pretrained: Path
) -> None:
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    changes = [word for change in SMALLER for word in ("--set", change)]
    where = ("--machine", profile, "--work", tmp_path / "work", "--tracking", "none", *command.machine[:-2])
    answer = command.ask("run", slice_of_finance, *changes, *where)
    assert answer.code == 0, answer
    told = json.loads(command.ask("show", slice_of_finance, "--json", "--work", tmp_path / "work").out)

    corpus = told["corpus"]
    assert corpus["documents_in"] == sum(SLICE.values()) + len(REAL)
    assert corpus["documents_in"] == corpus["documents_out"] + sum(corpus["dropped"].values())
    domain, general = told["scores"]["domain"], told["scores"]["general"]
    assert domain["interval_from_control"][1] < 0  # domain text taught what general text did not
    assert domain["adapted"] < domain["control"] < domain["base"]
    assert general["adapted"] < general["base"]  # the base had read children's stories alone
    assert told["decision"]["released"]

    release = Path(told["release"])
    assert (release / "tokenizer.json").read_bytes() == (pretrained / "tokenizer.json").read_bytes()
    model, tokenizer = AutoModelForCausalLM.from_pretrained(release), AutoTokenizer.from_pretrained(release)
    assert sum(parameter.numel() for parameter in model.parameters()) == 260_032
    ids = torch.tensor([tokenizer("The company said its net income rose", add_special_tokens=True)["input_ids"]])
    with torch.inference_mode():
        assert torch.isfinite(model(input_ids=ids).logits).all()


def test_later_text_is_later(
    slice_of_finance: Path, profile: Path, tmp_path: Path, command: Any, without_engine: None
) -> None:
    changes = [word for change in SMALLER for word in ("--set", change)]
    where = ("--machine", profile, "--work", tmp_path / "work", "--tracking", "none", *command.machine[:-2])
    assert command.ask("run", slice_of_finance, "--until", "curate", *changes, *where).code == 0
    (corpus,) = (tmp_path / "work" / "artifacts" / "curate").iterdir()
    days: dict[str, dict[str, list[str]]] = {}
    for split in ("train", "validation", "test", "later"):
        for file in (corpus / split).glob("*.jsonl"):
            for line in file.read_text(encoding="utf-8").splitlines():
                document = json.loads(line)
                if document["date"]:
                    days.setdefault(document["source"], {}).setdefault(split, []).append(document["date"])
    dated = [source for source in days if "later" in days[source]]
    assert "reuters" in dated
    for source in dated:
        first = min(days[source]["later"])
        # Kin of an older text stays with it, so a few documents of those days may stand in train; most cannot.
        overlap = [day for day in days[source].get("train", []) if day >= first]
        assert len(overlap) <= len(days[source]["later"]) / 4
