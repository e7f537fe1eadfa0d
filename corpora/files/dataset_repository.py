"""A data set on the hub at a fixed commit as a read-only file system of its own files."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from corpora.files.buckets import Stored
from corpora.files.dataset_card import LARGEST_CARD
from domain.errors import UserError

if TYPE_CHECKING:
    from huggingface_hub import HfFileSystem


@dataclass(frozen=True)
class Repository:
    """A dataset on the hub at a commit: its files by name; nothing else is ever asked for."""

    dataset: str
    revision: str
    place: str

    @cached_property
    def system(self) -> HfFileSystem:
        """The hub as a file system. It is made anew: those that fsspec keeps remember listings."""
        from huggingface_hub import HfFileSystem

        return HfFileSystem(skip_instance_cache=True)

    def path(self, name: str) -> str:
        """What the file system calls a file."""
        return f"datasets/{self.dataset}@{self.revision}/{name}"

    def names(self, folder: str, *, recursive: bool) -> dict[str, int]:
        """The files below a folder, with their bytes; raises ``UserError`` for no such dataset or revision."""
        from huggingface_hub import HfApi, RepoFile
        from huggingface_hub.errors import EntryNotFoundError, RepositoryNotFoundError, RevisionNotFoundError

        try:
            tree = HfApi().list_repo_tree(
                self.dataset, folder or None, repo_type="dataset", revision=self.revision, recursive=recursive
            )
            return {each.path: each.size for each in tree if isinstance(each, RepoFile)}
        except EntryNotFoundError:
            return {}
        except RevisionNotFoundError:
            raise UserError(self.place, f"has no revision {self.revision}", "correct revision: a commit") from None
        except RepositoryNotFoundError:
            fix = "correct dataset, or log in (hf auth login) if it is private"
            raise UserError(self.place, "is not on the hub, or not for all to read", fix) from None

    def card(self) -> bytes:
        """README.md."""
        file = Stored(self.system, self.path("README.md"))
        return file.request(file.file.read, LARGEST_CARD)  # type: ignore[no-any-return]
