"""Files of every form with bytes changed, lost and added: read, quarantined or refused, and never a traceback."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import random
import tarfile
import time
import zipfile
from contextlib import suppress
from pathlib import Path

import pyarrow
import pytest
from backports import zstd
from pyarrow.parquet import write_table

from corpora.sources.files import Files
from domain.errors import UserError
from domain.machine import Machine

LINES = b"".join(b'{"text": "line %d", "id": %d}\n' % (n, n) for n in range(100))
EACH = 20  # of each form


def parquet(**settings: str) -> bytes:
    rows = {"text": [f"text {n % 7}" for n in range(100)], "meta": [{"a": [str(n)] * 3} for n in range(100)]}
    file = io.BytesIO()
    write_table(pyarrow.table(rows), file, **settings)  # type: ignore[arg-type]
    return file.getvalue()


def archive(kind: str) -> bytes:
    file = io.BytesIO()
    if kind == "zip":
        with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as packed:
            for number in range(3):
                packed.writestr(f"{number}.jsonl", LINES)
        return file.getvalue()
    with tarfile.open(fileobj=file, mode="w") as members:
        for number in range(3):
            entry = tarfile.TarInfo(f"{number}.jsonl")
            entry.size = len(LINES)
            members.addfile(entry, io.BytesIO(LINES))
    return file.getvalue()


WHOLE = {
    "a.parquet": parquet(), "b.parquet": parquet(compression="zstd", data_page_version="2.0"),
    "a.tar": archive("tar"), "a.tgz": gzip.compress(archive("tar")), "a.tar.xz": lzma.compress(archive("tar")),
    "a.zip": archive("zip"), "a.jsonl": LINES, "a.jsonl.gz": gzip.compress(LINES), "a.jsonl.bz2": bz2.compress(LINES),
    "a.jsonl.zst": zstd.compress(LINES), "a.json": b"[" + LINES.strip().replace(b"\n", b",") + b"]",
    "a.csv": b"text,id\n" + b"".join(b'"say ""%d""",%d\n' % (n, n) for n in range(99)),
}  # fmt: skip


def mutated(data: bytes, generator: random.Random) -> bytes:
    """The data with 1 to 20 places changed, lost or added, or cut short."""
    changed = bytearray(data)
    for _ in range(generator.choice((1, 1, 2, 5, 20))):
        place = generator.randrange(len(changed) or 1)
        match generator.randrange(10):
            case 0:
                del changed[place + 1 :]
            case 1 | 2:
                del changed[place : place + generator.randrange(1, 50)]
            case 3 | 4:
                changed[place:place] = generator.randbytes(generator.randrange(1, 20))
            case _:
                changed[place : place + 1] = generator.randbytes(1)
    return bytes(changed)


@pytest.mark.parametrize("name", WHOLE)
def test_a_damaged_file_ends_in_no_traceback(tmp_path: Path, name: str) -> None:
    generator = random.Random(name)
    for _ in range(EACH):
        (tmp_path / name).write_bytes(mutated(WHOLE[name], generator))
        begin = time.process_time()
        with suppress(UserError):
            assert len(list(Files(kind="files", path=str(tmp_path / name)).documents(Machine(workers=1)))) <= 1_000
        assert time.process_time() - begin < 5
