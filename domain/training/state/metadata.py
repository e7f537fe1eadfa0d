"""The metadata of a checkpoint as JSON: where each tensor lies. Torch writes a pickle, and who opens one runs code."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import torch
from torch.distributed.checkpoint.filesystem import FileSystemReader, _StorageInfo
from torch.distributed.checkpoint.metadata import (
    ChunkStorageMetadata,
    Metadata,
    MetadataIndex,
    StorageMeta,
    TensorProperties,
    TensorStorageMetadata,
)
from torch.distributed.checkpoint.storage import WriteResult

from domain.jsonfile import JSONFileError, read_json
from domain.manifest import MANIFEST_BYTES, Damaged, write_atomically

METADATA = "metadata.json"
DATA = re.compile(r"__[0-9]{1,6}_[0-9]{1,6}\.distcp")  # the names that torch gives: of a rank, and a part of its data
TYPES = ("float64", "float32", "float16", "bfloat16", "int64", "int32", "int16", "int8", "uint8", "bool")
DTYPES: Mapping[str, torch.dtype] = {name: getattr(torch, name) for name in TYPES}
MOST_DIMENSIONS = 16


def write_metadata(folder: Path, metadata: Metadata, results: Iterable[Iterable[WriteResult]]) -> None:
    """Write the metadata of tensors, whose data was written with these ``results``, to the checkpoint's folder."""
    places = {result.index: result.storage_data for rank in results for result in rank}
    tensors = {}
    for name, tensor in metadata.state_dict_metadata.items():
        if not isinstance(tensor, TensorStorageMetadata):
            raise TypeError(f"{name} is not a tensor")
        chunks = []
        for chunk in tensor.chunks:
            place = places[MetadataIndex(name, chunk.offsets)]
            where = {"file": place.relative_path, "begin": place.offset, "length": place.length}
            chunks.append({**where, "offsets": list(chunk.offsets), "sizes": list(chunk.sizes)})
        dtype = str(tensor.properties.dtype).removeprefix("torch.")
        tensors[name] = {"dtype": dtype, "size": list(tensor.size), "chunks": chunks}
    # Without spaces: 60,000 chunks, as of 64 ranks, hold the interpreter for 0.14 s, and with them for 0.8 s.
    write_atomically(
        folder / METADATA, json.dumps({"tensors": tensors}, sort_keys=True, separators=(",", ":")).encode()
    )


def read_metadata(folder: Path) -> Metadata:
    """The metadata of a checkpoint whose files exist; raises ``Damaged`` for any that cannot be of such.

    The data files lie in the folder, every tensor is whole, and no more memory is taken than the files have bytes.
    """
    try:
        sizes = {path.name: path.lstat().st_size for path in folder.iterdir() if DATA.fullmatch(path.name)}
        tensors = read_json(folder / METADATA, MANIFEST_BYTES)["tensors"]
        parsed = {name: tensor_of(name, tensor, sizes) for name, tensor in tensors.items()}
        total = sum(place.length for _, places in parsed.values() for place in places.values())
        if total > sum(sizes.values()):
            raise ValueError("more data than the files hold")
    except (OSError, JSONFileError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise Damaged(f"{folder / METADATA}: is not the metadata of a checkpoint ({error!r:.200})") from None
    return Metadata(
        state_dict_metadata={name: tensor for name, (tensor, _) in parsed.items()},
        planner_data={},
        storage_data={index: place for _, places in parsed.values() for index, place in places.items()},
        storage_meta=StorageMeta(),
    )


def tensor_of(
    name: str, entry: Mapping[str, Any], sizes: Mapping[str, int]
) -> tuple[TensorStorageMetadata, dict[MetadataIndex, _StorageInfo]]:
    """A tensor's metadata and the places of its chunks, from JSON; raises ``ValueError`` and the like if it is wrong.

    ``sizes`` are the bytes of the data files.
    """
    dtype, size = DTYPES[entry["dtype"]], shape(entry["size"])
    chunks, places, elements = [], {}, 0
    for chunk in entry["chunks"]:
        offsets, extents = shape(chunk["offsets"]), shape(chunk["sizes"])
        if any(begin + extent > full for begin, extent, full in zip(offsets, extents, size, strict=True)):
            raise ValueError(f"a chunk beyond the tensor {name}")
        begin, length = shape([chunk["begin"], chunk["length"]])
        count = math.prod(extents)
        if begin + length > sizes[chunk["file"]] or count * dtype.itemsize > length:
            raise ValueError(f"a chunk of {name} beyond its file")
        elements += count
        chunks.append(ChunkStorageMetadata(offsets=offsets, sizes=extents))
        places[MetadataIndex(name, offsets)] = _StorageInfo(chunk["file"], begin, length)
    if elements != math.prod(size):
        raise ValueError(f"not all of {name}")
    return TensorStorageMetadata(properties=TensorProperties(dtype=dtype), size=size, chunks=chunks), places


def shape(numbers: list[int]) -> torch.Size:
    """Numbers from 0 of 63 bits, as many as a tensor may have dimensions; raises ``ValueError`` for anything else."""
    if not isinstance(numbers, list) or len(numbers) > MOST_DIMENSIONS:
        raise ValueError("not a list of sizes")
    if not all(type(number) is int and 0 <= number < 2**63 for number in numbers):
        raise ValueError("not sizes")
    return torch.Size(numbers)


class CheckpointReader(FileSystemReader):
    """Reads what ``CheckpointWriter`` wrote; tensors by torch's unpickler for weights, which runs no code."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.folder = folder

    def read_metadata(self, *args: Any, **kwargs: Any) -> Metadata:
        """The metadata; raises ``Damaged``."""
        return read_metadata(self.folder)
