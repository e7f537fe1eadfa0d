"""The files of a model folder that are opened, copied and identified, and a copy of the folder that holds only these.

The folder may be somebody else's: a file that lies elsewhere, runs code or is a pickle is refused here, once for all.
"""

from __future__ import annotations

import json
import os
import re
import stat
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from fnmatch import fnmatchcase
from math import prod
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from domain.errors import UserError, first_line
from domain.jsonfile import JSONFileError, read_json
from domain.pretrained.config import check_config, check_weights
from domain.pretrained.safetensors_header import tensor_shapes

if TYPE_CHECKING:
    from transformers import PreTrainedConfig

CONFIG, INDEX, WEIGHTS = "config.json", "model.safetensors.index.json", "model.safetensors"
TOKENIZER_SETTINGS = ("tokenizer_config.json", "special_tokens_map.json", "added_tokens.json")
VOCABULARIES = ("tokenizer.json", "vocab.json", "vocab.txt", "merges.txt", "*.model")
TEMPLATES = ("chat_template.jinja", "chat_template.json", "additional_chat_templates/*.jinja")
OPENED_FILES = (CONFIG, "generation_config.json", *TOKENIZER_SETTINGS, *VOCABULARIES, *TEMPLATES)
# Bytes. The longest in use: a configuration of 60 kB, 1.2 MB of tokenizer settings, tokenizers of 35 MB.
LARGEST = {CONFIG: 1_000_000, "generation_config.json": 1_000_000, INDEX: 100_000_000}
LARGEST |= dict.fromkeys(TOKENIZER_SETTINGS, 10_000_000) | dict.fromkeys(VOCABULARIES, 100_000_000)
LARGEST_OTHER = 1_000_000
MOST_MISSING = 50_000_000  # parameters that weights may lack: 200 MB
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
    if CONFIG in names:
        config = read_object(folder / CONFIG, place)
        check_config(config, place)
        check_weights(config, weight_shapes([folder / name for name in names], place), place)
    return [folder / name for name in sorted(names)]


def weight_shapes(files: list[Path], place: str) -> dict[str, tuple[int, ...]]:
    """Names and shapes of all tensors in the safetensors among ``files``; raises ``UserError`` for a damaged one."""
    weights = [path for path in files if path.suffix == ".safetensors"]
    return {name: shape for path in weights for name, shape in tensor_shapes(path, place).items()}


def names_in(folder: Path, place: str) -> list[str]:
    """Names of what is in a folder and in its folder of chat templates, links to nowhere included."""
    try:
        names, more = os.listdir(folder), folder / "additional_chat_templates"
        below = [f"{more.name}/{name}" for name in os.listdir(more)] if more.is_dir() else []
    except OSError as error:
        problem = f"{folder} cannot be read ({error.strerror})"
        raise UserError(place, problem, "name a folder in the transformers layout") from None
    return names + below


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
    """The object in a JSON file of a model folder. Raises ``UserError`` at ``place`` if there is none."""
    try:
        return read_json(path, largest(path.name))
    except JSONFileError as error:
        raise UserError(place, f"{path} {error}", "download or save it again") from None
    except OSError as error:
        raise UserError(place, f"{path} cannot be read ({error.strerror})", "correct its permissions") from None


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


def check_size(kind: Any, config: PreTrainedConfig, folder: Path, place: str) -> None:
    """Raise ``UserError`` if a configuration asks for far more parameters than the weights in ``folder`` have.

    ``kind`` is one of transformers' auto classes. What is missing, such as a head, would be initialized in memory
    before it is reported.
    """
    import torch

    with torch.device("meta"):
        wanted = sum(tensor.numel() for tensor in kind.from_config(config).state_dict().values())
    stored = sum(prod(shape) for shape in weight_shapes(model_files(folder, place), place).values())
    if wanted > MOST_MISSING + 2 * stored:
        problem = f"{folder} states {wanted:,} parameters in config.json, and its weights have {stored:,}"
        raise UserError(place, problem, "download both again, from the same place")


@contextmanager
def quiet_transformers() -> Iterator[None]:
    """Warnings and progress bars of transformers are not printed: they may repeat text of a folder."""
    from transformers.utils import logging

    logging.disable_progress_bar()
    verbosity = logging.get_verbosity()
    logging.set_verbosity(logging.CRITICAL + 1)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.set_verbosity(verbosity)


@contextmanager
def opening(folder: Path, place: str, problem: str, fix: str) -> Iterator[Path]:
    """``checked_copy`` for transformers to open: quietly, and whatever it raises is a ``UserError``.

    Its errors have as many types as it has checks, so all of them are caught.
    """
    copy = folder
    try:
        with checked_copy(folder, place) as copy, quiet_transformers():
            yield copy
    except UserError:
        raise
    except Exception as error:
        reason = first_line(error).replace(str(copy), str(folder))[:300].rstrip(".")
        raise UserError(place, f"{problem} ({reason})", fix) from error
