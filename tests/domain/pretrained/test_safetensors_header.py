"""Headers of safetensors files against the library itself, and those that are damaged or hostile."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

from domain.errors import UserError
from domain.pretrained.safetensors_header import LARGEST_HEADER, tensor_shapes

ENTRY = {"dtype": "F32", "shape": [2, 3], "data_offsets": [0, 24]}


def file_with(path: Path, header: Any, data: int = 24, length: int | None = None) -> Path:
    """A file with a header, given as bytes or as a value, and the length that it states."""
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    path.write_bytes((len(text) if length is None else length).to_bytes(8, "little") + text + bytes(data))
    return path


def test_names_and_shapes_are_the_librarys(tmp_path: Path) -> None:
    types = (torch.float32, torch.bfloat16, torch.float16, torch.int64, torch.uint8, torch.bool, torch.float8_e4m3fn)
    tensors = {str(dtype): torch.zeros(2, number, dtype=dtype) for number, dtype in enumerate(types)}
    save_file({**tensors, "scalar": torch.tensor(1.0)}, tmp_path / "a.safetensors", {"format": "pt"})
    expected = {name: tuple(tensor.shape) for name, tensor in tensors.items()} | {"scalar": ()}
    assert tensor_shapes(tmp_path / "a.safetensors", "base") == expected


HOSTILE: dict[str, dict[str, Any]] = {
    "length of 2^63": {"header": {"a": ENTRY}, "length": 2**63},
    "length of 2^62": {"header": {"a": ENTRY}, "length": 2**62},
    "length of 20 GB": {"header": {"a": ENTRY}, "length": 20 * 10**9},
    "length of one more": {"header": b"{}", "length": 3, "data": 0},
    "longer than allowed": {"header": b"{" + b" " * LARGEST_HEADER + b"}"},
    "no header": {"header": b"", "data": 0},
    "no JSON": {"header": b'{"a"'},
    "Latin-1": {"header": '{"é": 1}'.encode("latin-1")},
    "list": {"header": [ENTRY]},
    "null": {"header": None},
    "deep": {"header": b'{"a":' * 200_000 + b"1" + b"}" * 200_000},
    "digits": {"header": b'{"a": ' + b"9" * 5_000 + b"}"},
    "entry no object": {"header": {"a": [1]}},
    "no shape": {"header": {"a": {"dtype": "F32", "data_offsets": [0, 24]}}},
    "shape a text": {"header": {"a": {**ENTRY, "shape": "ab"}}},
    "shape negative": {"header": {"a": {**ENTRY, "shape": [-2, -3]}}},
    "shape of a float": {"header": {"a": {**ENTRY, "shape": [2.0, 3]}}},
    "shape of a bool": {"header": {"a": {**ENTRY, "shape": [True, 6]}}},
    "shape in lists": {"header": {"a": {**ENTRY, "shape": [[2], 3]}}},
    "many dimensions": {"header": {"a": {**ENTRY, "shape": [1] * 100_000 + [6]}}},
    "huge numbers": {"header": {"a": {**ENTRY, "shape": [2**62, 2**62, 2**62]}}},
    "no dtype": {"header": {"a": {"shape": [2, 3], "data_offsets": [0, 24]}}},
    "unknown dtype": {"header": {"a": {**ENTRY, "dtype": "F31"}}},
    "dtype a list": {"header": {"a": {**ENTRY, "dtype": ["F32"]}}},
    "other dtype": {"header": {"a": {**ENTRY, "dtype": "F64"}}},
    "offsets outside": {"header": {"a": {**ENTRY, "data_offsets": [24, 48]}}},
    "offsets reversed": {"header": {"a": {**ENTRY, "shape": [0], "data_offsets": [24, 0]}}},
    "offsets one": {"header": {"a": {**ENTRY, "data_offsets": [24]}}},
    "offsets negative": {"header": {"a": {**ENTRY, "data_offsets": [-24, 0]}}},
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_what_is_damaged_is_one_line_at_once(tmp_path: Path, kind: str) -> None:
    path = file_with(tmp_path / "model.safetensors", **HOSTILE[kind])
    start = time.process_time()
    with pytest.raises(UserError, match=r"model\.safetensors is not a valid safetensors file"):
        tensor_shapes(path, "base")
    assert time.process_time() - start < 2


@pytest.mark.parametrize("size", [0, 1, 7, 8])
def test_a_short_file(tmp_path: Path, size: int) -> None:
    (tmp_path / "a.safetensors").write_bytes(b"\1" * size)
    with pytest.raises(UserError, match="not a valid safetensors file"):
        tensor_shapes(tmp_path / "a.safetensors", "base")


@given(position=st.integers(0, 200), byte=st.integers(0, 255))
@settings(max_examples=100, deadline=None)
def test_a_changed_byte_is_refused_or_read_as_the_library_does(
    tmp_path_factory: pytest.TempPathFactory, position: int, byte: int
) -> None:
    path = tmp_path_factory.mktemp("header") / "a.safetensors"
    save_file({"weight": torch.zeros(2, 3), "bias": torch.zeros(3)}, path, {"format": "pt"})
    content = bytearray(path.read_bytes())
    content[position % len(content)] = byte
    path.write_bytes(content)
    try:
        ours = tensor_shapes(path, "base")
    except UserError:
        return
    try:
        with safe_open(path, framework="np") as file:
            theirs = {name: tuple(file.get_slice(name).get_shape()) for name in file.keys()}  # noqa: SIM118
    except SafetensorError:
        return
    assert ours == theirs
