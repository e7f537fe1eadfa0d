"""Pretrained weights: find them in a local folder, or download them from the hub at a pinned revision."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from domain.errors import UserError
from domain.manifest import file_sha256
from domain.spec import fingerprint

logger = logging.getLogger(__name__)

WANTED = ("*.json", "*.safetensors", "*.model", "*.txt")  # no pickles, no code


def is_local(weights: str) -> bool:
    """Whether this names a folder: it exists, or it is written as a path and not as org/name@revision."""
    return Path(weights).exists() or weights.startswith((".", "/", "~")) or weights.count("/") != 1


def weight_files(weights: str) -> list[Path]:
    """The model and tokenizer files of ``weights``, downloaded if they are on the hub; raises ``UserError``."""
    folder = Path(weights).expanduser() if is_local(weights) else download(weights)
    if not (folder / "config.json").is_file():
        problem = "has no config.json" if folder.is_dir() else "does not exist"
        raise UserError(
            "base", f"{weights} {problem}", "name a folder in the transformers layout, or org/model@revision"
        )
    if not any(folder.glob("*.safetensors")):
        raise UserError(
            "base", f"{weights} has no safetensors", "convert the weights to safetensors; pickles are not opened"
        )
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    if "auto_map" in config:
        raise UserError(
            "base",
            f"{weights} needs custom code (auto_map)",
            "choose a base that transformers supports",
        )
    return sorted(path for pattern in WANTED for path in folder.glob(pattern))


def download(weights: str) -> Path:
    """The local snapshot of ``org/model@revision``; the revision is asked for, so that a model cannot change unseen."""
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError

    name, _, revision = weights.partition("@")
    if not revision:
        raise UserError(
            "base",
            f"{weights} does not exist as a folder, and as a model on the hub it names no revision",
            f"correct the path, or write {name}@<commit>",
        )
    try:
        with retries_in_one_line():
            return Path(snapshot_download(name, revision=revision, allow_patterns=[*WANTED, "*.jinja"]))
    except (HfHubHTTPError, LocalEntryNotFoundError, OSError, ValueError) as error:
        # The hub's own first line is a bare status; what it means stands below it.
        messages = [line for line in str(error).splitlines() if line.strip() and "Client Error" not in line]
        reason = messages[0].rstrip(".") if messages else type(error).__name__
        raise UserError(
            "base", f"{weights} could not be downloaded from the hub ({reason})", "check the name, revision and network"
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


def weights_identity(weights: str) -> Any:
    """What identifies given weights: name and revision on the hub, the files' bytes in a folder."""
    if not is_local(weights):
        return weights
    return fingerprint({path.name: file_sha256(path) for path in weight_files(weights)})
