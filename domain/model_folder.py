"""The files of a model folder that are opened, copied and identified, and a copy of the folder that holds only these.

The folder may be somebody else's: a file that lies elsewhere, runs code or is a pickle is refused here, once for all.
"""

from __future__ import annotations

import json
import os
import re
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from fnmatch import fnmatchcase
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from domain.errors import UserError

CONFIG, INDEX, WEIGHTS = "config.json", "model.safetensors.index.json", "model.safetensors"
TOKENIZER_SETTINGS = ("tokenizer_config.json", "special_tokens_map.json", "added_tokens.json")
VOCABULARIES = ("tokenizer.json", "vocab.json", "vocab.txt", "merges.txt", "*.model")
TEMPLATES = ("chat_template.jinja", "chat_template.json", "additional_chat_templates/*.jinja")
OPENED_FILES = (CONFIG, "generation_config.json", *TOKENIZER_SETTINGS, *VOCABULARIES, *TEMPLATES)
# Bytes. The longest in use: a configuration of 60 kB, 1.2 MB of tokenizer settings, tokenizers of 35 MB.
LARGEST = {CONFIG: 1_000_000, "generation_config.json": 1_000_000, INDEX: 100_000_000}
LARGEST |= dict.fromkeys(TOKENIZER_SETTINGS, 10_000_000) | dict.fromkeys(VOCABULARIES, 100_000_000)
LARGEST_OTHER = 1_000_000
DEEPEST = 50  # nested values in a JSON file
# Keys by which transformers would run code of the folder or of the hub, need another package, or read other weights.
REFUSED_KEYS = {
    "auto_map": "needs custom code",
    "custom_generate": "needs custom code",
    "custom_pipelines": "needs custom code",
    "quantization_config": "is quantized",
    "compression_config": "is quantized",
    "transformers_weights": "names weights of its own",
}
# Keys that name files, folders or implementations: what is opened is decided here, and attention by Shoptalk.
IGNORED_KEYS = re.compile(
    r"_?(attn|experts)_implementation\w*|use_kernels|kernel_config|\w+_file|fast_tokenizer_files|init_inputs"
    r"|_?name_or_path|_commit_hash"
)


def model_files(folder: Path, place: str) -> list[Path]:
    """The files of ``folder`` that are opened, with those that hold weights; sorted.

    Raises ``UserError`` at ``place`` for a file that is none of its folder's, is too large, or needs code.
    """
    there = names_in(folder, place)
    names = {name for name in there if any(fnmatchcase(name, pattern) for pattern in OPENED_FILES)}
    names |= weight_names(folder, place)
    for path in [folder / name for name in {*names, *(name for name in there if fnmatchcase(name, "*config.json"))}]:
        check_file(path, folder, place)
        if path.suffix != ".safetensors" and (size := path.stat().st_size) > (limit := largest(path.name)):
            raise UserError(place, f"{path} has {size:,} bytes, more than {limit:,}", "choose another base")
        if path.name.endswith("config.json"):
            usable(read_object(path, place), path, place)
    return [folder / name for name in sorted(names)]


def names_in(folder: Path, place: str) -> list[str]:
    """Names of what is in a folder and in its folder of chat templates, links to nowhere included."""
    try:
        names = os.listdir(folder)
    except OSError as error:
        problem = f"{folder} cannot be read ({error.strerror})"
        raise UserError(place, problem, "name a folder in the transformers layout") from None
    more = folder / "additional_chat_templates"
    return names + ([f"{more.name}/{name}" for name in os.listdir(more)] if more.is_dir() else [])


def weight_names(folder: Path, place: str) -> set[str]:
    """The safetensors files that transformers reads, with their index; empty where there are none."""
    if os.path.lexists(folder / WEIGHTS):
        return {WEIGHTS}
    if not os.path.lexists(folder / INDEX):
        return set()
    check_file(folder / INDEX, folder, place)
    files = read_object(folder / INDEX, place).get("weight_map")
    names = set(files.values()) if isinstance(files, dict) and all(isinstance(n, str) for n in files.values()) else ()
    if not names:
        raise UserError(place, f"{folder / INDEX} maps no tensors to files", "download it again")
    for name in sorted(names):
        if not re.fullmatch(r"[\w.-]+\.safetensors", name):
            problem = f"{folder / INDEX} names {name!r}, which is not a safetensors file of this folder"
            raise UserError(place, problem, "convert the weights to safetensors; pickles are not opened")
        if not os.path.lexists(folder / name):
            raise UserError(place, f"{folder / INDEX} names {name}, which does not exist", "download it again")
    return {INDEX, *names}


def check_file(path: Path, folder: Path, place: str) -> None:
    """Raise ``UserError`` unless ``path`` is a regular file in its folder, or in the blobs of its hub cache."""
    try:
        root, target = folder.resolve(strict=True), path.resolve(strict=True)
        regular = stat.S_ISREG(target.stat().st_mode)
    except (OSError, RuntimeError) as error:
        problem = f"{path} cannot be read ({getattr(error, 'strerror', None) or 'a link to itself'})"
        raise UserError(place, problem, "correct or remove it") from None
    blobs = root.parent.parent / "blobs" if root.parent.name == "snapshots" else root
    if not target.is_relative_to(root) and not target.is_relative_to(blobs):
        problem = f"{path} is a link to {target}, outside of its folder"
        raise UserError(place, problem, "put the file itself there, or remove it")
    if not regular:
        raise UserError(place, f"{path} is not a regular file", "put a file there, or remove it")


def largest(name: str) -> int:
    """Bytes that a file of this name may have."""
    return LARGEST.get(f"*{Path(name).suffix}" if name.endswith(".model") else name, LARGEST_OTHER)


def read_object(path: Path, place: str) -> dict[str, Any]:
    """The object in a JSON file of a model folder. Raises ``UserError`` if there is none, or it is nested too deep."""
    try:
        with path.open("rb") as file:
            content = json.loads(file.read(largest(path.name) + 1).decode("utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        reason = getattr(error, "strerror", None) or (str(error).splitlines() or [type(error).__name__])[0]
        raise UserError(place, f"{path} is not valid JSON in UTF-8 ({reason})", "download or save it again") from None
    if not isinstance(content, dict):
        raise UserError(place, f"{path} holds {type(content).__name__}, not an object", "download or save it again")
    if depth(content) > DEEPEST:
        raise UserError(place, f"{path} is nested more than {DEEPEST} deep", "download or save it again")
    return content


def depth(value: Any) -> int:
    """How deep objects and lists are nested in a JSON value; 0 for a number."""
    level, values = 0, [value]
    while values := [value for value in values if isinstance(value, dict | list)]:
        level += 1
        values = [each for value in values for each in (value.values() if isinstance(value, dict) else value)]
    return level


def usable(settings: Any, path: Path, place: str) -> Any:
    """Settings without the ``IGNORED_KEYS`` keys; raises ``UserError`` for a ``REFUSED_KEYS`` one, wherever it is."""
    if isinstance(settings, list):
        return [usable(value, path, place) for value in settings]
    if not isinstance(settings, dict):
        return settings
    for key in settings.keys() & REFUSED_KEYS.keys():
        if settings[key] is not None:
            problem = f"{path.parent} {REFUSED_KEYS[key]} ({key} in {path.name})"
            raise UserError(place, problem, "choose a base that transformers supports, in its original precision")
    return {
        key: usable(value, path, place)
        for key, value in settings.items()
        if key not in REFUSED_KEYS and not IGNORED_KEYS.fullmatch(key)
    }


@contextmanager
def checked_copy(folder: Path, place: str) -> Iterator[Path]:
    """A temporary folder for transformers to open: links to the checked files of ``folder``, and its settings.

    Nothing else is there to be found: no code, pickles, adapters or files that a setting names.
    """
    with TemporaryDirectory(prefix="shoptalk-") as name:
        copy = Path(name)
        for path in model_files(folder, place):
            target = copy / path.relative_to(folder)
            target.parent.mkdir(exist_ok=True)
            if path.name.endswith("config.json"):
                target.write_text(json.dumps(usable(read_object(path, place), path, place)), encoding="utf-8")
            else:
                target.symlink_to(path.resolve())
        yield copy
