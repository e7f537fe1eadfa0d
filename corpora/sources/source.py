"""The base class of sources: a spec that states what it holds now, and yields its documents in a fixed order."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

from pydantic import Field

from corpora.code_version import code_digest, versions
from corpora.document import Document, Quarantined
from corpora.filters import Filters
from domain.machine import Machine
from domain.spec import Spec


@dataclass(frozen=True)
class FileEnd:
    """Between two files of a source: what reading goes on with behind it, as JSON."""

    state: dict[str, Any]


SourceItem = Document | Quarantined | FileEnd


class Source(Spec):
    """Subclass it to add a source of one's own; ``kind`` names the file, or ``package.module:Class``."""

    libraries: ClassVar[tuple[str, ...]] = ()  # distributions whose version decides what it reads

    kind: str
    name: Annotated[str, Field(description="what its documents state as their source")] = ""
    filters: Annotated[
        Filters | None, Field(description="filters of its own in place of corpus.filters: a list, documents or web")
    ] = None
    near: Annotated[bool, Field(description="whether its near duplicates are dropped, if corpus.dedup has near")] = True

    @property
    def title(self) -> str:
        """The name of the source."""
        return self.name or self.kind

    def reader_key(self) -> dict[str, Any]:
        """What reads it, for an identity: the versions of libraries, and the code of a source of a team's own."""
        code = {"code": code_digest(self.kind)} if ":" in self.kind else {}
        return {"libraries": versions(self.libraries), **code}

    @property
    def steady(self) -> bool:
        """Whether the stamp must be the same once all is read; False where reading fetches what is new."""
        return True

    def stamp(self, machine: Machine) -> Any:
        """JSON that changes when what the source holds changes; cheap against reading it. Raises ``UserError``."""
        raise NotImplementedError

    def documents(self, machine: Machine) -> Iterator[Document | Quarantined]:
        """All documents, in an order that does not depend on the machine. Raises ``UserError``."""
        raise NotImplementedError

    def parts(self, machine: Machine, state: dict[str, Any] | None = None) -> Iterator[SourceItem]:
        """All documents, and for a source that can go on behind a file, what it needs for that; from ``state`` on."""
        yield from self.documents(machine)
