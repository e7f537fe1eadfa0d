from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import Any

import pytest

from domain.artifacts import Corpus, Raw
from domain.machine import Machine
from domain.spec import Spec
from domain.stage import Stage, Store, stage


class Number(Spec):
    value: int = 1


@stage("count", makes=Raw, version=1)
def count(spec: Number, *, out: Path, machine: Machine, **parents: Any) -> dict[str, Any]:
    (out / "number.txt").write_text(str(spec.value + sum(p.facts["value"] for p in parents.values())))
    return {"value": spec.value}


@stage("look", makes=Raw, version=1, snapshot=True)
def look(spec: Number, *, out: Path, machine: Machine) -> dict[str, Any]:
    (out / "seen.txt").write_text("the same")
    return {}


def make(made_by: Stage[Any], spec: Spec, store: Store, **parents: Any) -> Any:
    request = made_by.request(spec, parents)
    return store.keep(made_by, request, made_by(spec, **parents, out=store.workplace(made_by, request)))


def test_identity_follows_spec_version_and_parents(tmp_path: Path) -> None:
    one = count(Number(value=1), out=tmp_path / "one")
    assert one.identity == count.request(Number(value=1), {})
    assert one.identity != count.request(Number(value=2), {})
    assert one.identity != count.request(Number(value=1), {"first": one})
    newer = Stage(name="count", version=2, makes=Raw, run=count.run)
    assert one.identity != newer.request(Number(value=1), {})


def test_the_machine_changes_neither_identity_nor_digest(tmp_path: Path) -> None:
    workers = []

    def run(spec: Number, *, out: Path, machine: Machine) -> dict[str, Any]:
        workers.append(machine.workers)
        return count.run(spec, out=out, machine=machine)

    counted = Stage(name="count", version=1, makes=Raw, run=run)
    one = counted(Number(), out=tmp_path / "one", machine=Machine(workers=1))
    two = counted(Number(), out=tmp_path / "two", machine=Machine(workers=7, device="cpu", precision="fp32"))
    assert workers == [1, 7]  # it worked with either
    assert (one.identity, one.digest) == (two.identity, two.digest)
    assert (one.path / "manifest.json").read_bytes() == (two.path / "manifest.json").read_bytes()


def test_what_is_finished_is_found(tmp_path: Path) -> None:
    store = Store(tmp_path)
    assert store.find(count, count.request(Number(), {})) is None
    made = make(count, Number(), store)
    found = store.find(count, count.request(Number(), {}))
    assert found is not None
    assert found.digest == made.digest
    assert not list(store.building.iterdir())


def test_a_damaged_artifact_is_made_again_and_set_aside(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    store = Store(tmp_path)
    made = make(count, Number(), store)
    for damage in ("2", "3"):
        (made.path / "number.txt").write_text(damage)
        assert store.find(count, made.identity) is None
        assert make(count, Number(), store).digest == made.digest
        aside = [path for path in made.path.parent.iterdir() if path != made.path]
        assert len(aside) == 1  # the last one alone
        assert re.fullmatch(f"{made.path.name}-damaged-[0-9a-f]{{8}}", aside[0].name)
        assert (aside[0] / "number.txt").read_text() == damage
    assert caplog.text.count("is damaged, and is now") == 2


def test_finding_a_damaged_artifact_leaves_it_where_it_is(tmp_path: Path) -> None:
    store = Store(tmp_path)
    made = make(count, Number(), store)
    (made.path / "number.txt").write_text("2")
    assert store.find(count, made.identity) is None
    assert (made.path / "number.txt").read_text() == "2"


def test_what_is_whole_is_set_aside_and_what_is_damaged_is_not(tmp_path: Path) -> None:
    store = Store(tmp_path)
    made = make(count, Number(), store)
    aside = store.set_aside(count, made.identity)
    assert aside is not None
    assert aside.name == f"{made.path.name}-was-{made.digest[:8]}"
    assert (aside / "number.txt").read_text() == "1"
    again = make(count, Number(), store)
    (again.path / "number.txt").write_text("2")
    assert store.set_aside(count, again.identity) is None


def test_half_made_is_not_there_and_not_kept(tmp_path: Path) -> None:
    store = Store(tmp_path)
    request = count.request(Number(), {})
    (store.workplace(count, request) / "stray.txt").write_text("half")
    assert store.find(count, request) is None
    assert not (store.workplace(count, request) / "stray.txt").exists()


def test_a_stage_that_resumes_keeps_its_scratch(tmp_path: Path) -> None:
    store = Store(tmp_path)
    resuming = Stage(name="count", version=1, makes=Raw, run=count.run, resumes=True)
    (store.workplace(resuming, "r") / ".scratch").mkdir()
    assert (store.workplace(resuming, "r") / ".scratch").exists()


def test_a_snapshot_is_named_by_what_it_found(tmp_path: Path) -> None:
    store = Store(tmp_path)
    monday, tuesday = make(look, Number(value=1), store), make(look, Number(value=2), store)
    assert monday.identity == tuesday.identity
    assert monday.path == tuesday.path
    assert store.find(look, look.request(Number(value=2), {})) is not None
    assert store.find(look, look.request(Number(value=3), {})) is None


def test_a_damaged_snapshot_is_replaced_when_another_request_finds_the_same(tmp_path: Path) -> None:
    store = Store(tmp_path)
    monday = make(look, Number(value=1), store)
    next(p for p in monday.path.iterdir() if p.name != "manifest.json").write_text("damaged")
    tuesday = make(look, Number(value=2), store)
    assert tuesday.path == monday.path
    assert tuesday.digest == monday.digest
    assert store.find(look, look.request(Number(value=1), {})) is not None


def test_kinds_are_not_confused(tmp_path: Path) -> None:
    from domain.manifest import Damaged

    made = count(Number(), out=tmp_path / "one")
    with pytest.raises(Damaged, match="not a Corpus"):
        Corpus.open(made.path)


def stands(folder: Path) -> dict[str, bytes]:
    """Every file below a folder."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize(
    "name",
    [
        "", ".", "..", "../count/{count}", "{work}/precious", "{other}", "../../../precious", "a" * 63, "A" * 64,
        "g" * 64, "０" * 64, "a" * 64 + "/..", "\0" * 64, "a" * 100_000, "{other}\n{other}", "/", "requests",
        "requests/" + "a" * 55,
    ],
)  # fmt: skip
def test_a_request_that_names_no_snapshot_is_unknown_and_touches_nothing(tmp_path: Path, name: str) -> None:
    store = Store(tmp_path / "work")
    (tmp_path / "work" / "precious").mkdir(parents=True)
    (tmp_path / "work" / "precious" / "mine").write_text("mine")
    other, snapshot = make(count, Number(), store), make(look, Number(), store)
    request = look.request(Number(), {})
    text = name.format(work=tmp_path / "work", count=other.path.name, other=other.identity)
    (snapshot.path.parent / "requests" / request).write_text(text)
    before = stands(tmp_path)
    assert store.find(look, request) is None
    assert stands(tmp_path) == before
    assert make(look, Number(), store).path == snapshot.path
    assert store.find(look, request) is not None
    assert (other.path / "number.txt").read_text() == "1"
    assert (tmp_path / "work" / "precious" / "mine").read_text() == "mine"


@pytest.mark.parametrize("kind", ["folder", "FIFO", "link to a device"])
def test_a_request_that_is_no_file(tmp_path: Path, kind: str) -> None:
    store, request = Store(tmp_path), look.request(Number(), {})
    place = tmp_path / "artifacts" / "look" / "requests" / request
    place.parent.mkdir(parents=True)
    if kind == "folder":
        place.mkdir()
    elif kind == "FIFO":
        os.mkfifo(place)
    else:
        place.symlink_to("/dev/zero")
    assert store.find(look, request) is None


@pytest.mark.parametrize("identity", ["../../../../precious", "", 7, None, ["a"], "A" * 64])
def test_a_sealed_folder_of_no_identity_goes_nowhere(tmp_path: Path, identity: object) -> None:
    from domain.manifest import Damaged, seal

    store, request = Store(tmp_path / "work"), look.request(Number(), {})
    out = store.workplace(look, request)
    (out / "seen.txt").write_text("planted")
    fields = {"stage": "look", "version": 1, "kind": "Raw", "spec": None, "parents": {}, "facts": {}}
    seal(out, **fields, identity=identity)
    with pytest.raises(Damaged):
        store.keep(look, request, Raw.open(out))
    assert not (tmp_path / "precious").exists()


@pytest.mark.parametrize("field", ["kind", "stage", "identity", "facts", "parents", "spec"])
@pytest.mark.parametrize("value", [[], "x", 7, [{}]])
def test_a_manifest_of_other_types_is_damage(tmp_path: Path, field: str, value: object) -> None:
    from domain.manifest import Damaged

    if value == "x" and field in ("kind", "stage", "identity"):
        value = {}
    made = count(Number(), out=tmp_path / "one")
    (made.path / "manifest.json").write_text(json.dumps({**made.manifest, field: value}))
    with pytest.raises(Damaged):
        Raw.open(made.path)
    with pytest.raises(Damaged):
        Raw.load(made.path)


def test_a_link_in_the_place_of_an_artifact_is_set_aside_and_what_it_names_stays(tmp_path: Path) -> None:
    store = Store(tmp_path / "work")
    (tmp_path / "precious").mkdir()
    (tmp_path / "precious" / "mine").write_text("mine")
    place = store.place(count, count.request(Number(), {}))
    place.parent.mkdir(parents=True)
    place.symlink_to(tmp_path / "precious")
    building = store.building / f"count-{count.request(Number(), {})[:16]}"
    building.parent.mkdir(parents=True)
    building.symlink_to(tmp_path / "precious")
    made = make(count, Number(), store)
    assert made.path == place
    assert not place.is_symlink()
    assert stands(tmp_path / "precious") == {"mine": b"mine"}
    (place / "number.txt").write_text("2")
    make(count, Number(), store)  # the link that was set aside before goes, and not what it names
    assert stands(tmp_path / "precious") == {"mine": b"mine"}


def test_a_snapshot_is_taken_for_its_content_and_not_for_what_it_claims(tmp_path: Path) -> None:
    """A folder in the place of a snapshot, sealed under its identity with other content."""
    from domain.manifest import seal

    store, request = Store(tmp_path), look.request(Number(), {})
    made = make(look, Number(), store)
    fields = {
        name: made.manifest[name] for name in ("stage", "version", "kind", "spec", "parents", "facts", "identity")
    }
    (made.path / "seen.txt").write_text("poisoned")
    (made.path / "manifest.json").unlink()
    seal(made.path, **fields)
    assert store.find(look, request) is None
    again = make(look, Number(), store)
    assert (again.path / "seen.txt").read_text() == "the same"
    assert store.find(look, request) is not None
