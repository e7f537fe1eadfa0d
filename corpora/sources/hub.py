"""A Hugging Face dataset at a pinned revision, streamed; or one in a local folder."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from corpora.document import Document, Quarantined
from corpora.files.stores import content, unreadable
from corpora.sources.columns import Columns
from corpora.sources.source import Source
from corpora.web.hub_access import cached, reached
from domain.errors import UserError
from domain.machine import Machine
from domain.spec import Count, RecipePathOrHub


class Hub(Source, Columns):
    """``dataset`` is an id on the hub, with ``revision`` (a commit), or a local folder or file."""

    kind: Literal["hub"] = "hub"
    dataset: RecipePathOrHub
    revision: Annotated[str | None, Field(description="commit on the hub, 40 hexadecimal digits")] = None
    subset: Annotated[str | None, Field(description="the dataset's configuration")] = None
    split: str = "train"
    documents_at_most: Annotated[Count | None, Field(alias="documents", description="stop after so many")] = None

    @model_validator(mode="after")
    def _pinned(self) -> Hub:
        if not self.local and not re.fullmatch(r"[0-9a-f]{40}", self.revision or ""):
            raise ValueError(f"{self.dataset} needs a revision: the commit on the hub, 40 hexadecimal digits")
        return self

    @property
    def local(self) -> bool:
        """Whether the dataset is a folder or file here."""
        return Path(self.dataset).exists()

    @property
    def title(self) -> str:
        """The name, or the dataset's."""
        return self.name or Path(self.dataset).name

    def stamp(self, machine: Machine) -> Any:
        """The revision on the hub; the content of the files where it is local."""
        if not self.local:
            return {"dataset": self.dataset, "revision": self.revision, "subset": self.subset, "split": self.split}
        root = Path(self.dataset)
        paths = sorted(p for p in root.rglob("*") if p.is_file()) if root.is_dir() else [root]
        try:
            return [
                {
                    "file": p.relative_to(root).as_posix() if p != root else p.name,
                    "bytes": p.stat().st_size,
                    "content": content(p),
                }
                for p in paths
            ]
        except OSError as error:
            raise unreadable(error, self.dataset) from None

    def documents(self, machine: Machine) -> Iterator[Document | Quarantined]:
        """The records in the dataset's own order; raises ``UserError`` where it cannot be had."""
        place = f"{self.dataset}, split {self.split}"
        number = -1
        try:
            for number, record in enumerate(self.stream(machine)):
                if number == self.documents_at_most:
                    return
                if number == 0:
                    self.check_first(record, place)
                try:
                    yield self.document(record, source=self.title, name=f"{self.title}:{number}")
                except ValueError as error:
                    yield Quarantined(place=f"{place}, record {number}", reason=str(error), id=f"{self.title}:{number}")
        except UserError:
            raise
        except Exception as error:
            # The libraries below raise kinds of their own for each cause, such as an HTTP client's for a network that
            # is not there; all of them are about the dataset or the network.
            reason = str(error).splitlines()[0] if str(error) else type(error).__name__
            fix = "check dataset, revision, subset, split and the network; then run again"
            raise UserError(place, f"cannot be read after {number + 1} records ({reason})", fix) from error

    def stream(self, machine: Machine) -> Iterator[dict[str, Any]]:
        """The records, streamed by the library as the machine reaches the hub; no code of the dataset's own is run."""
        from datasets import disable_progress_bars, load_dataset

        disable_progress_bars()
        root = Path(self.dataset)
        if root.is_file():
            kind = {".jsonl": "json", ".json": "json", ".parquet": "parquet", ".csv": "csv"}.get(root.suffix, "text")
            yield from load_dataset(kind, data_files=str(root), split=self.split, streaming=True)
            return
        dataset, revision = self.dataset, self.revision
        if not self.local and not machine.network:
            dataset = cached(self.dataset, self.revision, f"{self.dataset}, split {self.split}")
        if dataset != self.dataset or self.local:
            revision = None
        with reached(machine):
            yield from load_dataset(dataset, self.subset, split=self.split, revision=revision, streaming=True)
