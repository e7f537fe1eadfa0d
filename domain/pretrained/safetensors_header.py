"""The header of a safetensors file, read with bounds: names and shapes of its tensors, without their data."""

from __future__ import annotations

import json
from math import prod
from pathlib import Path

from domain.errors import UserError, first_line
from domain.userfile import open_file

LARGEST_HEADER = 25_000_000  # bytes; some 250,000 tensors. safetensors itself allows 100 MB
MOST_DIMENSIONS = 8
BYTES = {"F64": 8, "I64": 8, "U64": 8, "C64": 8, "F32": 4, "I32": 4, "U32": 4, "F16": 2, "BF16": 2, "I16": 2, "U16": 2}
BYTES |= dict.fromkeys(("I8", "U8", "BOOL", "F8_E4M3", "F8_E5M2"), 1)


def tensor_shapes(path: Path, place: str) -> dict[str, tuple[int, ...]]:
    """Names and shapes of the tensors in a safetensors file, whose header is 8 bytes of length and then JSON.

    Raises ``UserError`` at ``place`` for a file that is damaged, or has a header of more than ``LARGEST_HEADER`` bytes.
    """
    try:
        with open_file(path) as file:
            size = path.stat().st_size
            length = int.from_bytes(file.read(8), "little")
            if size < 8 or length > min(size - 8, LARGEST_HEADER):
                raise ValueError(f"a header of {length:,} bytes in a file of {size:,}")
            header = json.loads(file.read(length).decode("utf-8"))
        if not isinstance(header, dict):
            raise ValueError("the header is not an object")
        return {name: shape_of_entry(n, size - 8 - length) for name, n in header.items() if name != "__metadata__"}
    except (OSError, ValueError, RecursionError) as error:
        reason = getattr(error, "strerror", None) or first_line(error)
        problem = f"{path} is not a valid safetensors file ({reason})"
        raise UserError(place, problem, "download or save it again") from None


def shape_of_entry(entry: object, data: int) -> tuple[int, ...]:
    """The shape in an entry of a header; raises ``ValueError`` unless its tensor lies within ``data`` bytes."""
    fields = entry if isinstance(entry, dict) else {}
    dtype, shape, offsets = (fields.get(name) for name in ("dtype", "shape", "data_offsets"))
    if dtype not in BYTES if isinstance(dtype, str) else True:
        raise ValueError("a tensor has an unknown dtype")
    if not (isinstance(shape, list) and len(shape) <= MOST_DIMENSIONS and all(map(is_size, shape))):
        raise ValueError("a tensor has no valid shape")
    if not (isinstance(offsets, list) and len(offsets) == 2 and all(map(is_size, offsets))):
        raise ValueError("a tensor has no valid data_offsets")
    begin, end = offsets
    if end > data or end - begin != prod(shape) * BYTES[str(dtype)]:
        raise ValueError("a tensor lies outside of the file, or has another size than its shape says")
    return tuple(shape)


def is_size(value: object) -> bool:
    """Whether a value is a number of elements or bytes."""
    return type(value) is int and 0 <= value < 2**63
