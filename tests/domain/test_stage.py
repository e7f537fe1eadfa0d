from __future__ import annotations

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


def test_a_damaged_artifact_is_made_again(tmp_path: Path) -> None:
    store = Store(tmp_path)
    made = make(count, Number(), store)
    (made.path / "number.txt").write_text("2")
    assert store.find(count, made.identity) is None
    assert make(count, Number(), store).digest == made.digest


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
