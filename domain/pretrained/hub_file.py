"""A model on the hub that is one file, such as fastText's: ``org/name@commit``, or ``org/name@commit/file.bin``."""

from __future__ import annotations

import re
from pathlib import Path

from domain.errors import UserError
from domain.pretrained.weights import pinned, retries_in_one_line

NAMED = re.compile(r"[\w.-]+/[\w.-]+@[^/]+(/.*)?")
MODEL_ENDINGS = (".bin", ".ftz")


def is_on_hub(name: str) -> bool:
    """Whether this names a file on the hub and not one here."""
    return NAMED.fullmatch(name) is not None and not Path(name).exists()


def hub_file_identity(name: str) -> str:
    """Name, commit and file; raises ``UserError`` unless the commit is complete."""
    repository, file = parts(name)
    return f"{'@'.join(pinned(repository, f'filters: quality: {name}'))}/{file}"


def parts(name: str) -> tuple[str, str]:
    """(org/name@commit, file); the file is empty where none is named."""
    before, _, after = name.partition("@")
    commit, _, file = after.partition("/")
    return f"{before}@{commit}", file


def hub_file(name: str) -> Path:
    """The file, downloaded if it is not in the hub's cache. Where none is named the repository has just one model.

    Raises ``UserError``.
    """
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError

    place = f"filters: quality: {name}"
    whole, file = parts(name)
    repository, revision = pinned(whole, place)
    wanted = [file] if file else [f"*{ending}" for ending in MODEL_ENDINGS]
    try:
        with retries_in_one_line():
            folder = Path(snapshot_download(repository, revision=revision, allow_patterns=wanted))
    except (HfHubHTTPError, LocalEntryNotFoundError, OSError, ValueError) as error:
        problem = f"could not be downloaded from the hub ({type(error).__name__})"
        raise UserError(place, problem, "check the name, revision and network") from None
    models = sorted(path for path in folder.rglob("*") if path.suffix in MODEL_ENDINGS and path.is_file())
    models = [folder / file] if file and folder / file in models else [] if file else models
    if len(models) != 1:
        names = ", ".join(path.relative_to(folder).as_posix() for path in models) or "no .bin and no .ftz"
        raise UserError(place, f"the repository has {names}", f"name one: {whole}/model.bin")
    return models[0]
