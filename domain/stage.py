"""A stage makes an artifact from a spec and its parents; the store keeps what is finished."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar

from domain.artifacts import Artifact
from domain.errors import UserError
from domain.files import remove, set_damaged_aside
from domain.jsonfile import JSONFileError, read_bounded
from domain.machine import Machine
from domain.manifest import Damaged, inventory, is_sha256, seal, write_atomically
from domain.numerics import numerics_of
from domain.spec import Spec, fingerprint
from domain.verification import Verifier

A = TypeVar("A", bound=Artifact)


@dataclass(frozen=True, kw_only=True)
class Stage(Generic[A]):
    """A plain function ``(spec, *, out, machine, **parents) -> facts`` and what the manifest must say of it.

    Calling it runs the function into ``out`` and seals the folder; no engine is involved.
    A ``snapshot`` is named by what it found (its inventory), not by what was asked of it.
    A stage that ``resumes`` finds its own scratch again after a crash; others begin anew.
    What a stage with a ``history`` makes also depends on what its work folder remembers; the history says that as JSON.
    A ``launched`` stage trains or scores, in a process of its own, or, with ``ranks``, in several that learn together;
    then the first of them seals. Its manifest says with which ``numerics``, outside identity and digest.
    """

    name: str
    version: int
    makes: type[A]
    run: Callable[..., Mapping[str, Any]]
    snapshot: bool = False
    resumes: bool = False
    launched: bool = False
    ranks: bool = False
    history: Callable[[Any, Mapping[str, Artifact], Machine], object] | None = None

    def request(self, spec: Spec, parents: Mapping[str, Artifact], machine: Machine | None = None) -> str:
        """Identity of what is asked: SHA-256 over stage, version, spec and each parent's name and identity.

        For a snapshot also over what its spec names holds now, as seen from ``machine`` (proxy, mirrors, cache), and
        for a stage with a history over that of the machine's work folder.
        """
        machine = machine or Machine()
        spec_key = spec.snapshot_key(machine) if self.snapshot else spec.identity_key()
        asked = {"stage": self.name, "version": self.version, "spec": spec_key}
        if self.history is not None:
            asked["history"] = self.history(spec, parents, machine)
        return fingerprint({**asked, "parents": {name: parent.identity for name, parent in parents.items()}})

    def named_by(self, files: Mapping[str, Any]) -> str:
        """Identity of a snapshot: SHA-256 over stage, version and its inventory."""
        return fingerprint({"stage": self.name, "version": self.version, "inventory": files})

    def __call__(self, spec: Spec, *, out: Path, machine: Machine | None = None, **parents: Artifact) -> A:
        """Make the artifact in the folder ``out`` from named parents. Raises ``UserError`` for what users can fix."""
        machine = machine or Machine()
        out.mkdir(parents=True, exist_ok=True)
        facts = self.run(spec, **parents, out=out, machine=machine)
        identity = self.named_by(inventory(out)) if self.snapshot else self.request(spec, parents, machine)
        manifest = seal(
            out,
            stage=self.name,
            version=self.version,
            kind=self.makes.__name__,
            spec=None if self.snapshot else spec.identity_key(),
            parents={
                name: {"kind": type(parent).__name__, "identity": parent.identity, "digest": parent.digest}
                for name, parent in parents.items()
            },
            identity=identity,
            facts=dict(facts),
            **({"numerics": numerics_of(machine).model_dump()} if self.launched else {}),
        )
        return self.makes(path=out, manifest=manifest)


def stage(
    name: str,
    *,
    makes: type[A],
    version: int,
    snapshot: bool = False,
    resumes: bool = False,
    launched: bool = False,
    ranks: bool = False,
    history: Callable[[Any, Mapping[str, Artifact], Machine], object] | None = None,
) -> Callable[[Callable[..., Mapping[str, Any]]], Stage[A]]:
    """Declare the decorated function to be the stage ``name``; raise ``version`` when its output changes."""

    def declare(run: Callable[..., Mapping[str, Any]]) -> Stage[A]:
        return Stage(
            name=name, version=version, makes=makes, run=run, snapshot=snapshot, resumes=resumes, launched=launched,
            ranks=ranks, history=history,
        )  # fmt: skip

    return declare


class Store:
    """The artifacts of one work folder: ``artifacts/<stage>/<identity>``; work in progress is apart and unseen."""

    def __init__(self, work: Path) -> None:
        self.root = work / "artifacts"
        self.building = work / "building"
        self.verifier = Verifier(work / "verified")

    def place(self, made_by: Stage[A], identity: str) -> Path:
        """The folder of an artifact; raises ``Damaged`` where ``identity``, which may be read from a file, is none."""
        if not is_sha256(identity):
            raise Damaged(f"{self.root / made_by.name}: {identity[:100]!r} is not an identity")
        return self.root / made_by.name / identity[:16]

    def find(self, made_by: Stage[A], request: str) -> A | None:
        """The finished artifact that answers ``request``; None where there is none, or a damaged one.

        Only looks: nothing is removed. Its bytes are read where the file system says that they may have changed.
        """
        try:
            identity = self.answer(made_by, request) if made_by.snapshot else request
            path = self.place(made_by, identity)
            artifact = made_by.makes.of(path, self.verifier.check(path))
        except (OSError, JSONFileError, Damaged):
            return None
        named = not made_by.snapshot or made_by.named_by(artifact.manifest["files"]) == identity
        return artifact if artifact.identity == identity and named else None

    def answer(self, made_by: Stage[A], request: str) -> str:
        """The identity of the snapshot that answers a request, as it stands in its file."""
        return read_bounded(self.root / made_by.name / "requests" / request, 200).decode("ascii", "replace").strip()

    def verify(self, parents: Iterable[Artifact]) -> None:
        """Verify by their bytes, once in a process, what a stage is about to read; raises ``Damaged``."""
        for parent in parents:
            self.verifier.check(parent.path, read=True)

    def set_aside(self, made_by: Stage[A], request: str) -> Path | None:
        """Rename what answers ``request`` now, if it is whole, and return its new path: another is about to be kept."""
        artifact = None if made_by.snapshot else self.find(made_by, request)
        if artifact is None:
            return None
        aside = artifact.path.with_name(f"{artifact.path.name}-was-{artifact.digest[:8]}")
        remove(aside)
        artifact.path.rename(aside)
        return aside

    def workplace(self, made_by: Stage[A], request: str) -> Path:
        """The folder to build in: kept from the last try where the stage resumes, else empty."""
        path = self.building / f"{made_by.name}-{request[:16]}"
        if not made_by.resumes or path.is_symlink():
            remove(path)
        path.mkdir(parents=True, exist_ok=True)
        return path

    def keep(self, made_by: Stage[A], request: str, built: A) -> A:
        """Move a sealed folder to its place in one rename and return the artifact there."""
        path = self.place(made_by, built.identity)
        path.parent.mkdir(parents=True, exist_ok=True)
        if made_by.snapshot and self.holds(path, made_by, built.identity):  # the same content, by another request
            shutil.rmtree(built.path)
        else:
            try:
                if os.path.lexists(path):  # set_aside has renamed a whole one
                    set_damaged_aside(path)
                os.rename(built.path, path)
            except OSError as error:
                raise UserError(
                    str(path), f"cannot be written ({error.strerror})", "free the folder, then run again"
                ) from error
            self.verifier.note(path)  # its bytes were hashed as it was sealed
        if made_by.snapshot:
            (path.parent / "requests").mkdir(exist_ok=True)
            write_atomically(path.parent / "requests" / request, built.identity.encode())
        return made_by.makes.load(path)

    def holds(self, path: Path, made_by: Stage[A], identity: str) -> bool:
        """Whether a folder holds, by its bytes, the snapshot of that identity."""
        try:
            return made_by.named_by(self.verifier.check(path, read=True)["files"]) == identity
        except Damaged:
            return False
