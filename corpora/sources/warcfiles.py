"""Where WARC and WET files lie: here, in a bucket, or behind a URL and then kept in the cache."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from corpora.sources.files import WILD, content, mark, relative, unreadable
from corpora.sources.remote import Web, is_remote, is_web, options
from domain.errors import Refusal
from domain.machine import Machine


@dataclass(frozen=True, kw_only=True)
class WarcFile:
    """A file of a file system of fsspec's, or of the web as one. ``name`` does not tell where it lies."""

    place: str
    name: str
    system: Any

    def seen(self) -> dict[str, Any]:
        """Name, bytes and content: SHA-256 where it is local, the store's own mark where not. Raises ``Refusal``."""
        protocol = self.system.protocol
        local = protocol == "file" or "file" in protocol
        try:
            told = content(Path(self.place)) if local else mark(self.system, self.place)
            return {"file": self.name, "bytes": self.system.size(self.place), "content": told}
        except (ConnectionError, TimeoutError):
            raise  # a retry may help
        except OSError as error:
            raise unreadable(error, self.place) from None

    def open(self) -> Any:
        """A context manager of the file's bytes, seekable."""
        return self.system.open(self.place, "rb")


def warc_files(path: str, machine: Machine) -> list[WarcFile]:
    """The files that ``path`` (a file, glob or URL) names, by name; raises ``Refusal`` where there is none."""
    import fsspec

    place = f"corpus: {path}"
    if is_remote(path) and not is_web(path) and not machine.network:
        raise Refusal(place, "needs the network, which the machine profile switches off", "set network: true")
    try:
        system, bare = (Web(machine), path) if is_web(path) else fsspec.core.url_to_fs(path, **options(path, machine))
        single = WILD.search(bare) is None or (not is_web(bare) and system.exists(bare))
        found = [bare] if single else sorted(system.glob(bare))
        paths = [each for each in found if system.exists(each) and not system.isdir(each)]
    except (ConnectionError, TimeoutError):
        raise
    except (ImportError, ValueError, OSError) as error:
        raise Refusal(place, str(error), "correct the URL, or install what its scheme needs") from None
    if not paths:
        raise Refusal(place, "is no file", "name a WARC or WET file, or a glob such as *.warc.gz")
    root = (bare if single else WILD.split(bare, maxsplit=1)[0]).rpartition("/")[0]
    return [WarcFile(place=each, name=relative(each, root), system=system) for each in paths]
