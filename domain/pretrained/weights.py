"""Pretrained weights: find them in a local folder, or download them from the hub at a pinned revision."""

from __future__ import annotations

import logging
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from domain.errors import UserError
from domain.manifest import file_sha256
from domain.pretrained.folder import CONFIG, model_files, weight_names
from domain.spec import fingerprint

logger = logging.getLogger(__name__)

WANTED = ("*.json", "*.safetensors", "*.model", "*.txt", "*.jinja")  # no pickles, no code
COMMIT = re.compile(r"[0-9a-f]{40}")


def is_local(weights: str) -> bool:
    """Whether this names a folder: it exists, or it is written as a path and not as org/name@commit."""
    return os.path.exists(weights) or weights.startswith((".", "/", "~")) or weights.count("/") != 1


def weight_files(weights: str, place: str = "base") -> list[Path]:
    """The model and tokenizer files of ``weights``, downloaded if they are on the hub.

    Raises ``UserError`` at ``place``, also for files that are not opened (see ``domain.pretrained.folder``).
    """
    return model_files(weights_folder(weights, place), place)


def weights_folder(weights: str, place: str = "base") -> Path:
    """The folder of ``weights``, downloaded if they are on the hub; raises ``UserError`` if they are not there."""
    folder = Path(os.path.expanduser(weights)) if is_local(weights) else download(weights, place)
    if not os.path.lexists(folder / CONFIG):
        problem = "has no config.json" if os.path.isdir(folder) else "does not exist"
        raise UserError(place, f"{weights} {problem}", "name a folder in the transformers layout, or org/model@commit")
    if not weight_names(folder, place):
        raise UserError(
            place, f"{weights} has no safetensors", "convert the weights to safetensors; pickles are not opened"
        )
    return folder


def pinned(weights: str, place: str = "base") -> tuple[str, str]:
    """(Name, commit) of weights on the hub. Raises ``UserError`` unless the commit is complete.

    A branch or a tag can be moved, and the first digits of a commit can be those of another one, made for it.
    """
    name, _, revision = weights.partition("@")
    if not revision:
        raise UserError(
            place,
            f"{weights} does not exist as a folder, and as a model on the hub it names no revision",
            f"correct the path, or write {name}@<commit>",
        )
    if not COMMIT.fullmatch(revision):
        raise UserError(
            place,
            f"{weights} names no commit, which is 40 hexadecimal digits",
            f"copy the commit from https://huggingface.co/{name}/commits/main",
        )
    return name, revision


def download(weights: str, place: str = "base") -> Path:
    """The local snapshot of ``org/model@commit``; the commit is required, so that a model cannot change unseen."""
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError

    name, revision = pinned(weights, place)
    try:
        with retries_in_one_line():
            return Path(snapshot_download(name, revision=revision, allow_patterns=[*WANTED]))
    except (HfHubHTTPError, LocalEntryNotFoundError, OSError, ValueError) as error:
        # The hub's own first line is a bare status; what it means stands below it.
        messages = [line for line in str(error).splitlines() if line.strip() and "Client Error" not in line]
        reason = messages[0].rstrip(".") if messages else type(error).__name__
        raise UserError(
            place, f"{weights} could not be downloaded from the hub ({reason})", "check the name, revision and network"
        ) from None


@contextmanager
def retries_in_one_line() -> Iterator[None]:
    """The hub's client warns twice for every retry, with its URL; here one line says what is being waited for."""
    warned = False

    def once(record: logging.LogRecord) -> bool:
        nonlocal warned
        if not warned:
            logger.warning("The hub does not answer; retrying for up to half a minute.")
        warned = True
        return False

    source = logging.getLogger("huggingface_hub.utils._http")
    source.addFilter(once)
    try:
        yield
    finally:
        source.removeFilter(once)


def weights_identity(weights: str, place: str = "base") -> Any:
    """What identifies given weights: name and commit on the hub, the bytes of all files that are opened in a folder."""
    if not is_local(weights):
        return "@".join(pinned(weights, place))
    folder = weights_folder(weights, place)
    return fingerprint({path.relative_to(folder).as_posix(): file_sha256(path) for path in model_files(folder, place)})
