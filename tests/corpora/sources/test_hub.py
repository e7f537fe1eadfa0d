from __future__ import annotations

import gzip
import hashlib
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from corpora.document import Document, Quarantined
from corpora.sources.hub import Hub
from domain.errors import UserError
from domain.machine import Machine
from tests.hub import Hub as LocalHub
from tests.hub import serving

HOME = Path(__file__).resolve().parents[3]

READ = """
import json, sys, time
time.sleep = lambda seconds: None  # the library waits longer and longer between its tries
from corpora.document import Document
from corpora.sources.hub import Hub
from domain.errors import UserError
from domain.machine import Machine
for settings in json.loads(sys.argv[1]):
    try:
        items = list(Hub(kind="hub", **settings).documents(Machine()))
        print(json.dumps([i.row() if isinstance(i, Document) else [i.id, i.reason] for i in items]))
    except UserError as refusal:
        print(json.dumps(str(refusal)))
"""


def records(count: int, word: str = "text") -> bytes:
    return b"".join(json.dumps({"text": f"{word} {i}", "id": f"id{i}"}).encode() + b"\n" for i in range(count))


def read(hub: LocalHub, cache: Path, *settings: dict[str, Any]) -> list[Any]:
    """What kind ``hub`` reads with these settings, in a process that takes ``hub`` for the Hugging Face hub."""
    command = [sys.executable, "-c", READ, json.dumps(settings)]
    answer = subprocess.run(command, env=hub.environment(cache), cwd=HOME, capture_output=True, text=True)
    assert answer.returncode == 0, answer.stderr
    return [json.loads(line) for line in answer.stdout.splitlines()]


@pytest.fixture(scope="module")
def hub() -> Iterator[LocalHub]:
    with serving() as local:
        yield local


def test_a_dataset_is_streamed_at_its_pinned_revision(hub: LocalHub, tmp_path: Path) -> None:
    old = hub.add("datasets", "org/talk", {"data/train-0.jsonl": records(40), "data/train-1.jsonl": records(3, "more")})
    new = hub.add("datasets", "org/talk", {"data/train-0.jsonl.gz": gzip.compress(records(2, "new"))})
    bad = hub.add("datasets", "org/bad", {"train.jsonl": b'{"text": "a", "n": 1}\n{"text": null, "n": 2}\n'})
    pinned, short, latest, broken, nowhere, nobody, unsplit = read(
        hub, tmp_path,
        {"dataset": "org/talk", "revision": old},
        {"dataset": "org/talk", "revision": old, "documents": 5, "licence": "mit", "name": "talk-five"},
        {"dataset": "org/talk", "revision": new},
        {"dataset": "org/bad", "revision": bad},
        {"dataset": "org/talk", "revision": "0" * 40},
        {"dataset": "org/nobody", "revision": old},
        {"dataset": "org/talk", "revision": old, "split": "dev"},
    )  # fmt: skip
    assert [row["text"] for row in pinned] == [f"text {i}" for i in range(40)] + [f"more {i}" for i in range(3)]
    assert pinned[7]["id"] == "id7"
    assert [(row["text"], row["source"], row["licence"]) for row in short] == [
        (f"text {i}", "talk-five", "mit") for i in range(5)
    ]
    assert [row["text"] for row in latest] == ["new 0", "new 1"]
    assert broken[0]["id"] == "bad:0"
    assert broken[1] == ["bad:1", "column text is empty"]
    assert nowhere.startswith("org/talk, split train: cannot be read after 0 records (Revision '0000")
    assert nobody.startswith("org/nobody, split train: cannot be read after 0 records (Dataset 'org/nobody'")
    assert unsplit.startswith("org/talk, split dev: cannot be read after 0 records")
    assert all("Fix: check dataset, revision" in told and "\n" not in told for told in (nowhere, nobody, unsplit))
    assert not [line for line in hub.asked if "/resolve/main/" in line or "/revision/main" in line]


def test_a_hub_out_of_reach_is_one_line(tmp_path: Path) -> None:
    with serving() as gone:
        pass
    (told,) = read(gone, tmp_path, {"dataset": "org/talk", "revision": "a" * 40})
    assert told.startswith("org/talk, split train: cannot be read after 0 records (")
    assert "Fix: check dataset, revision, subset, split and the network" in told


@pytest.mark.parametrize("revision", [None, "main", "v1.0", "A" * 40, "a" * 39])
def test_a_dataset_on_the_hub_is_pinned(revision: str | None) -> None:
    with pytest.raises(ValueError, match="needs a revision"):
        Hub(kind="hub", dataset="org/talk", revision=revision)


def test_a_local_folder_or_file_needs_no_revision(tmp_path: Path) -> None:
    (tmp_path / "talk" / "data").mkdir(parents=True)
    path = tmp_path / "talk" / "data" / "train.jsonl"
    path.write_bytes(records(4))
    for dataset in ("talk", "talk/data/train.jsonl"):
        source = Hub.model_validate({"kind": "hub", "dataset": dataset}, context={"folder": tmp_path})
        items = list(source.documents(Machine()))
        assert [item.text for item in items if isinstance(item, Document)] == [f"text {i}" for i in range(4)]
        assert not [item for item in items if isinstance(item, Quarantined)]
        name = "data/train.jsonl" if dataset == "talk" else "train.jsonl"
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        assert source.stamp(Machine()) == [{"file": name, "bytes": path.stat().st_size, "content": digest}]


def test_a_wrong_column_names_those_there_are(tmp_path: Path) -> None:
    (tmp_path / "train.jsonl").write_text('{"body": "x", "when": "2024-01-01"}\n')
    with pytest.raises(UserError, match="no column text; the columns are body, when"):
        list(Hub(kind="hub", dataset=str(tmp_path)).documents(Machine()))
    assert Hub(kind="hub", dataset="org/x", revision="b" * 40, subset="en").stamp(Machine()) == {
        "dataset": "org/x", "revision": "b" * 40, "subset": "en", "split": "train",
    }  # fmt: skip


MIRRORED = """
import json, sys
from corpora.sources.hub import Hub
from domain.errors import UserError
from domain.machine import Machine
for settings in json.loads(sys.argv[1]):
    revision = settings.pop("revision")
    source = Hub(kind="hub", dataset="org/nested", revision=revision, text="sections.text[*]")
    try:
        print(json.dumps([item.text for item in source.documents(Machine(**settings))]))
    except UserError as refusal:
        print(json.dumps(str(refusal)))
"""


def test_the_machine_says_how_the_hub_is_reached(hub: LocalHub, tmp_path: Path) -> None:
    import pyarrow
    from pyarrow.parquet import write_table

    rows = [{"sections": {"text": [f"one {i}", f"two {i}"]}, "id": i} for i in range(3)]
    write_table(pyarrow.Table.from_pylist(rows), tmp_path / "x.parquet")
    commit = hub.add("datasets", "org/nested", {"train.parquet": (tmp_path / "x.parquet").read_bytes()})
    environment = hub.environment(tmp_path / "cache")
    del environment["HF_ENDPOINT"]  # the real one, which nothing here can reach
    mirrors = {"https://huggingface.co": hub.url}
    machines = [{"mirrors": mirrors}, {"network": False}, {"mirrors": mirrors, "ca_bundle": str(tmp_path / "none.pem")}]
    asked = json.dumps([{**machine, "revision": commit} for machine in machines])
    answer = subprocess.run(
        [sys.executable, "-c", MIRRORED, asked], env=environment, cwd=HOME, capture_output=True, text=True
    )
    assert answer.returncode == 0, answer.stderr
    texts, offline, certificates = map(json.loads, answer.stdout.splitlines())
    assert texts == [f"one {i}\n\ntwo {i}" for i in range(3)]
    assert offline.startswith("org/nested, split train: is not in the hub's cache on this machine")
    assert "none.pem: cannot be read as certificates" in certificates


def test_without_a_network_the_hubs_cache_is_read(hub: LocalHub, tmp_path: Path) -> None:
    commit = hub.add("datasets", "org/kept", {"train.jsonl": records(3)})
    fetch = f"""
from huggingface_hub import snapshot_download
snapshot_download("org/kept", repo_type="dataset", revision="{commit}")
print(json.dumps("fetched"), flush=True)
"""
    code = "import json\n" + fetch + READ.replace("Machine()", "Machine(network=False)")
    command = [sys.executable, "-c", code, json.dumps([{"dataset": "org/kept", "revision": commit}])]
    answer = subprocess.run(
        command, env=hub.environment(tmp_path), cwd=HOME, capture_output=True, text=True, check=True
    )
    assert [row["text"] for row in json.loads(answer.stdout.splitlines()[-1])] == [f"text {i}" for i in range(3)]
    assert hub.asked[-1].startswith("GET /datasets/org/kept/resolve/")  # nothing but the fetch
