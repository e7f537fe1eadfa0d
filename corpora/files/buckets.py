"""Files in buckets of S3 or Google, and on any other system of fsspec, each through its own client."""

from __future__ import annotations

import io
import os
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from domain.errors import UserError, first_line
from domain.machine import Machine

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer
    from fsspec import AbstractFileSystem
    from fsspec.spec import AbstractBufferedFile
    from google.auth.credentials import Credentials

EXTRAS = {"s3": "s3", "s3a": "s3", "gs": "gs", "gcs": "gs"}  # scheme -> the extra that brings its package
CREDENTIALS = {
    "s3": "AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY",
    "gs": "GOOGLE_APPLICATION_CREDENTIALS or gcloud auth application-default login",
}


def system_for(path: str, machine: Machine) -> tuple[AbstractFileSystem, str]:
    """(file system of fsspec's, what it calls this path); raises what that file system's client raises.

    It is made anew: those that fsspec keeps for the process remember listings and credentials as long as that lives.
    """
    import fsspec

    if EXTRAS.get(path.partition("://")[0]) == "gs":
        # The class under that name in gcsfs itself first asks over gRPC what kind of bucket this is. That knows no
        # proxy's certificates, and each such question waits for a minute where it is not answered.
        from gcsfs.core import GCSFileSystem

        session = {"trust_env": True}  # HTTPS_PROXY, as all others
        system = GCSFileSystem(token=google_credentials(), session_kwargs=session, skip_instance_cache=True)
        return system, fsspec.core.strip_protocol(path)
    system, bare = fsspec.core.url_to_fs(path, skip_instance_cache=True, **options(path, machine))
    return system, bare


def options(path: str, machine: Machine) -> dict[str, Any]:
    """What S3's client is told of the machine: its proxy and certificates. Others read their own environment."""
    settings: dict[str, Any] = {}
    if EXTRAS.get(path.partition("://")[0]) != "s3":
        return settings
    if machine.proxy:
        settings["config_kwargs"] = {"proxies": {"http": machine.proxy, "https": machine.proxy}}
    if machine.ca_bundle is not None:
        settings["client_kwargs"] = {"verify": str(machine.ca_bundle)}
    return settings


def google_credentials() -> Credentials | str:
    """Google's application default credentials, to read; where there are none, those for what everybody may read.

    gcsfs left to itself does so too, but asks a metadata server that is not there for longer, and says nothing of
    credentials that are named and missing.
    """
    import google.auth
    from google.auth.exceptions import DefaultCredentialsError

    try:
        return google.auth.default(scopes=["https://www.googleapis.com/auth/devstorage.read_only"])[0]
    except DefaultCredentialsError:
        if "GOOGLE_APPLICATION_CREDENTIALS" in os.environ:
            raise
        return "anon"


def refused(path: str, error: Exception) -> UserError:
    """What to say where a path cannot be looked up or read; each store's client raises kinds of its own."""
    place, store = f"corpus: {path}", EXTRAS.get(path.partition("://")[0], "")
    if store and isinstance(error, ImportError):
        return UserError(place, f"needs a package that is not installed ({error})", f"pip install 'shoptalk[{store}]'")
    if isinstance(error, FileNotFoundError):
        return UserError(place, "does not exist", "correct path")
    reason = first_line(error)
    if path.startswith("hf://"):
        return UserError(place, f"cannot be read ({reason})", "check the network; then run again")
    if store:
        return UserError(place, f"cannot be read ({reason})", f"check {CREDENTIALS[store]}, the bucket and the network")
    return UserError(place, reason, "correct the URL, or install what its scheme needs")


class Stored(io.RawIOBase):
    """A file in a store. What the store fails to do is a ``UserError``: else it is taken for damage of the file."""

    def __init__(self, system: AbstractFileSystem, path: str) -> None:
        system.invalidate_cache()  # the listing may be hours old
        self.url: str = system.unstrip_protocol(path)
        # Read on by megabytes: gcsfs left to itself sends a request for every few kilobytes of text.
        self.file: AbstractBufferedFile = self.request(system.open, path, "rb", cache_type="readahead")

    def request(self, call: Callable[..., Any], *arguments: Any, **settings: Any) -> Any:
        """What the store answers."""
        try:
            return call(*arguments, **settings)
        except FileNotFoundError:
            raise
        except Exception as error:
            raise refused(self.url, error) from error

    def readable(self) -> bool:
        """Always."""
        return True

    def seekable(self) -> bool:
        """Always."""
        return True

    def readinto(self, buffer: WriteableBuffer) -> int:
        """Fill the buffer as far as the file goes; the number of bytes."""
        data: bytes = self.request(self.file.read, memoryview(buffer).nbytes)
        memoryview(buffer)[: len(data)] = data
        return len(data)

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Go there; nothing is asked of the store before the next read."""
        return int(self.file.seek(offset, whence))

    def tell(self) -> int:
        """Bytes from the beginning."""
        return int(self.file.tell())
