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
    bad = hub.add("datasets", "org/bad", {"train.jsonl": b'{"text": "a", "n": 1}\n{"text": 7, "n": 2}\n'})
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
    assert len(short) == 5
    assert {(row["source"], row["licence"]) for row in short} == {("talk-five", "mit")}
    places = [pinned.index({**row, "source": "talk", "licence": None}) for row in short]
    assert places == sorted(set(places)) != [*range(5)]
    assert [row["text"] for row in latest] == ["new 0", "new 1"]
    assert broken[0]["id"] == "bad:0"
    assert broken[1] == ["bad:1", "column text holds int, not text"]
    assert nowhere.startswith(f"org/talk, split train: has no revision {'0' * 40}. Fix: correct revision")
    assert nobody.startswith("org/nobody, split train: is not on the hub, or not for all to read. Fix: correct dataset")
    assert unsplit == "org/talk, split dev: has no split dev; there are: train. Fix: correct split, or subset."
    assert not [line for line in hub.asked if "/resolve/main/" in line or "/revision/main" in line]


def test_a_subset_is_what_the_readme_states_and_files_of_others_are_not_asked_for(
    hub: LocalHub, tmp_path: Path
) -> None:
    card = """---
configs:
- config_name: small
  data_files: [{split: train, path: "sample/10BT/*.jsonl"}, {split: test, path: ["sample/held/a.jsonl"]}]
- config_name: all
  default: true
  data_files: "**/*.jsonl"
---
# Talk
"""
    files = {"README.md": card.encode(), "sample/10BT/0.jsonl": records(2), "sample/10BT/1.jsonl": records(1, "more")}
    files |= {"sample/held/a.jsonl": records(1, "held"), "other/x.jsonl": records(1, "other")}
    commit = hub.add("datasets", "org/cards", files)
    settings = {"dataset": "org/cards", "revision": commit}
    small, heldout, every, missing = read(
        hub, tmp_path,
        {**settings, "subset": "small"},
        {**settings, "subset": "small", "split": "test"},
        settings,
        {**settings, "subset": "large"},
    )  # fmt: skip
    assert [row["text"] for row in small] == ["text 0", "text 1", "more 0"]
    assert [row["text"] for row in heldout] == ["held 0"]
    assert sorted(row["text"] for row in every) == ["held 0", "more 0", "other 0", "text 0", "text 1"]
    assert missing.startswith("org/cards, split train: has no subset large; there are: small, all. Fix:")
    assert f"GET /api/datasets/org/cards/tree/{commit}/sample/10BT" in hub.asked


def test_the_readme_of_a_dataset_on_the_hub_names_no_file_elsewhere(hub: LocalHub, tmp_path: Path) -> None:
    private = tmp_path / "id_rsa.txt"
    private.write_text("PRIVATE KEY")
    bad = [str(private), "../../org/talk/x.jsonl", f"{hub.url}/secret.txt", "hf://datasets/org/talk/x.jsonl"]
    settings = []
    for number, path in enumerate(bad):
        card = f"---\nconfigs:\n- config_name: default\n  data_files: '{path}'\n---\n"
        commit = hub.add("datasets", f"org/bad{number}", {"README.md": card.encode(), "train.jsonl": records(1)})
        settings.append({"dataset": f"org/bad{number}", "revision": commit})
    before = len([line for line in hub.asked if "secret" in line])
    messages = read(hub, tmp_path / "cache", *settings)
    assert len(messages) == len(bad)
    for message in messages:
        assert "which is not below the dataset's own folder. Fix:" in message
    assert len([line for line in hub.asked if "secret" in line]) == before


def test_a_hub_out_of_reach_is_one_line(tmp_path: Path) -> None:
    with serving() as gone:
        pass
    (message,) = read(gone, tmp_path, {"dataset": "org/talk", "revision": "a" * 40})
    assert message.startswith("org/talk, split train: cannot be read after 0 records (")
    assert "Fix: check dataset, revision, subset, split and the network" in message


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


def test_a_folder_that_is_called_like_a_pinned_dataset_is_not_read_in_its_stead(tmp_path: Path) -> None:
    (tmp_path / "org" / "talk").mkdir(parents=True)
    settings = {"kind": "hub", "dataset": "org/talk", "revision": "a" * 40}
    with pytest.raises(ValueError, match="is a file or folder here, of which revision says nothing"):
        Hub.model_validate(settings, context={"folder": tmp_path})


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


def test_a_cached_snapshot_reads_its_own_blobs_alone(hub: LocalHub, tmp_path: Path) -> None:
    private = tmp_path / "id_rsa.txt"
    private.write_text("PRIVATE KEY")
    paths = [str(private), "../../../../../id_rsa.txt", f"{hub.url}/asked.txt", "s3://bucket/x.jsonl"]
    settings = []
    for number, path in enumerate(paths):
        card = f"---\nconfigs:\n- config_name: default\n  data_files: ['{path}']\n---\n".encode()
        commit = hub.add("datasets", f"org/trap{number}", {"README.md": card, "train.jsonl": records(1)})
        settings.append({"dataset": f"org/trap{number}", "revision": commit})
    code = """
import json, sys
from huggingface_hub import snapshot_download
for settings in json.loads(sys.argv[1]):
    snapshot_download(settings["dataset"], repo_type="dataset", revision=settings["revision"])
""" + READ.replace("Machine()", "Machine(network=False)")
    command = [sys.executable, "-c", code, json.dumps(settings)]
    answer = subprocess.run(
        command, env=hub.environment(tmp_path), cwd=HOME, capture_output=True, text=True, check=True
    )
    messages = [json.loads(line) for line in answer.stdout.splitlines()]
    assert len(messages) == len(paths)
    for message in messages:
        assert isinstance(message, str)
        assert "which is not below the dataset's own folder" in message
    assert not [line for line in hub.asked if "asked.txt" in line]


def test_a_local_folder_is_read_as_it_is_laid_out(tmp_path: Path) -> None:
    for split, word in (("train", "text"), ("test", "held")):
        path = tmp_path / "talk" / "data" / f"{split}-00000-of-00001.jsonl"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(records(2, word))
    (tmp_path / "talk" / "LICENSE.txt").write_text("no record")
    dataset = str(tmp_path / "talk")
    for split, word in (("train", "text"), ("test", "held")):
        source = Hub(kind="hub", dataset=dataset, split=split)
        items = list(source.documents(Machine(network=False)))
        assert [item.text for item in items if isinstance(item, Document)] == [f"{word} 0", f"{word} 1"]
        assert [entry["file"] for entry in source.stamp(Machine())] == [f"data/{split}-00000-of-00001.jsonl"]
    (tmp_path / "talk" / "talk.py").write_text("raise SystemExit")
    with pytest.raises(UserError, match=r"is made by code of its own \(talk.py\), which is not run"):
        Hub(kind="hub", dataset=dataset).stamp(Machine())


def test_a_file_of_text_is_a_record_a_line_and_a_cut_one_is_quarantined(tmp_path: Path) -> None:
    (tmp_path / "train-0.txt").write_text("one\n\ntwo\n")
    (tmp_path / "train-1.txt.gz").write_bytes(gzip.compress(b"three\nfour\n" * 50_000)[:-20])
    items = list(Hub(kind="hub", dataset=str(tmp_path), lines=True).documents(Machine()))
    assert [item.text for item in items[:4] if isinstance(item, Document)] == ["one", "two", "three", "four"]
    assert isinstance(items[-1], Quarantined)
    assert items[-1].reason.startswith("the file is broken from here on")


def test_a_data_set_states_its_licence(tmp_path: Path) -> None:
    (tmp_path / "README.md").write_text("---\nlicense: cc-by-nc-4.0\n---\n")
    (tmp_path / "train.jsonl").write_text('{"text": "a"}\n{"text": "b", "license": "mit"}\n')
    stated = [(item.licence, item.licence_from) for item in documents(tmp_path)]
    assert stated == [("cc-by-nc-4.0", "data set"), ("mit", "record")]
    with pytest.raises(UserError, match=r"its data set states the licence 'cc-by-nc-4\.0', the recipe 'internal'"):
        documents(tmp_path, licence="internal")
    override = {"override": "internal"}
    assert [item.overridden_licence for item in documents(tmp_path, licence=override)] == ["cc-by-nc-4.0", "mit"]
    (tmp_path / "README.md").write_text("---\nlicense: other\nlicense_name: house-terms\n---\n")
    assert documents(tmp_path)[0].licence == "house-terms"


def documents(folder: Path, **settings: Any) -> list[Document]:
    found = Hub.model_validate({"kind": "hub", "dataset": str(folder), **settings}).documents(Machine(network=False))
    return [item for item in found if isinstance(item, Document)]
