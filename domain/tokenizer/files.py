"""The files of a tokenizer folder: where they are, their vocabulary size, and the hash that identifies them."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import Any

from domain.errors import UserError
from domain.manifest import file_sha256
from domain.pretrained.folder import CONFIG, TOKENIZER_SETTINGS, checked_copy, model_files, read_object
from domain.pretrained.weights import is_local, pinned, weights_folder
from domain.spec import fingerprint
from domain.tokenizer.encoding.tokenizer_file import read_tokenizer

TOKENIZER_FILES = ("tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "chat_template.jinja")
SLOW_FILES = ("tokenizer.model", "spiece.model", "sentencepiece.bpe.model", "vocab.json", "vocab.txt")


def tokenizer_folder(name: str, place: str) -> Path:
    """The folder of a tokenizer that is named by a folder or as org/name@commit on the hub.

    Raises ``UserError`` at the recipe path ``place`` where there is no tokenizer.json.
    """
    folder = Path(os.path.expanduser(name))
    if not (is_local(name) and (folder / "tokenizer.json").is_file()):
        folder = weights_folder(name, place)
    model_files(folder, place)
    if not (folder / "tokenizer.json").is_file():
        slow = next((name for name in SLOW_FILES if (folder / name).is_file()), None)
        if slow:
            problem = f"{name} has a slow tokenizer only ({slow}, no tokenizer.json)"
            raise UserError(place, problem, "open it in transformers and save it again, which writes tokenizer.json")
        raise UserError(place, f"{name} has no tokenizer.json", "name one that has, or set tokenizer.mode to train")
    return folder


def tokenizer_identity(name: str, place: str) -> Any:
    """What identifies a named tokenizer: name and revision on the hub, the files' bytes and the model's rows else."""
    if not is_local(name):
        return "@".join(pinned(name, place))
    folder = tokenizer_folder(name, place)
    files = {
        path.relative_to(folder).as_posix(): file_sha256(path)
        for path in model_files(folder, place)
        if path.name in TOKENIZER_SETTINGS or path.name == "tokenizer.json" or path.suffix == ".jinja"
    }
    return fingerprint({**files, "rows": model_rows(folder)})


def copy_tokenizer(folder: Path, out: Path) -> None:
    """Copy the ``TOKENIZER_FILES`` of ``folder``; raises ``UserError`` for one that is not opened.

    BPE-dropout is left out, so that the copy encodes a text alike each time, wherever it is opened.
    """
    with checked_copy(folder, str(folder)) as copy:
        for name in TOKENIZER_FILES:
            if (copy / name).is_file():
                shutil.copyfile(copy / name, out / name)
    content = read_object(out / "tokenizer.json", str(folder)) if (out / "tokenizer.json").is_file() else {}
    if content.get("model", {}).get("dropout"):
        content["model"]["dropout"] = None
        (out / "tokenizer.json").write_text(json.dumps(content, ensure_ascii=False), encoding="utf-8")


def model_rows(folder: Path) -> int | None:
    """``vocab_size`` of the model beside a tokenizer; None where no configuration says it."""
    if not (folder / CONFIG).is_file():
        return None
    config = read_object(folder / CONFIG, "base")
    inner = config.get("text_config")
    rows = config.get("vocab_size", inner.get("vocab_size") if isinstance(inner, dict) else None)
    return rows if isinstance(rows, int) else None


def ids_of(folder: Path) -> set[int]:
    """The ids of the tokenizer in ``folder``, added tokens included, without loading it."""
    content = read_tokenizer(folder / "tokenizer.json", "base")
    vocabulary = content["model"]["vocab"]
    ids = set(vocabulary.values()) if isinstance(vocabulary, dict) else set(range(len(vocabulary)))
    return ids | {token["id"] for token in content.get("added_tokens") or []}


def pieces_of(folder: Path) -> int:
    """Pieces of the tokenizer in ``folder``, added tokens included, without loading it."""
    return len(ids_of(folder))
