"""A sample of a dataset as its source reads it."""

from __future__ import annotations

import gzip
import json
import zipfile
from pathlib import Path

import pyarrow
import pytest
from pyarrow import parquet

from corpora.document import Document
from corpora.sources.hub import Hub
from corpora.sources.source import FileEnd
from domain.errors import UserError
from domain.machine import Machine


def write(path: Path, texts: list[str]) -> None:
    """A file of these records in the form that its name says; an archive has two within it."""
    lines = [json.dumps({"text": text}) + "\n" for text in texts]
    if path.suffix == ".parquet":
        parquet.write_table(pyarrow.table({"text": texts}), path, row_group_size=16)
    elif path.suffix == ".zip":
        with zipfile.ZipFile(path, "w") as packed:
            packed.writestr("0.jsonl", "".join(lines[:70]))
            packed.writestr("1.jsonl", "".join(lines[70:]))
    elif path.suffix == ".csv":
        path.write_text("\n".join(["text", *texts]))
    else:
        path.write_bytes(gzip.compress("".join(lines).encode()))


@pytest.mark.parametrize("ending", [".jsonl.gz", ".parquet", ".zip", ".csv"])
def test_a_sample_is_drawn_over_all_files(tmp_path: Path, ending: str) -> None:
    folder = tmp_path / "talk"
    folder.mkdir()
    for name in "abcd":
        write(folder / f"{name}{ending}", [f"{name} {n}" for n in range(200)])

    def taken(number: int, workers: int = 1) -> dict[str, str]:
        spec = Hub.model_validate({"dataset": str(folder), "documents": number})
        made = [*spec.documents(Machine(workers=workers, work=tmp_path / "work"))]
        assert len(made) == len({each.id for each in made}) == min(number, 800)
        return {each.id: each.text for each in made if isinstance(each, Document)}

    forty = taken(40)
    for name, text in forty.items():
        file, place = text.split()
        assert name == f"talk/{file}{ending}:{place}"
    assert {text[0] for text in forty.values()} == set("abcd")
    assert max(int(text[2:]) for text in forty.values()) > 150
    assert taken(40, workers=3) == forty
    assert forty.items() <= taken(80).items()
    assert len(taken(1_000)) == 800


def test_a_sample_goes_on_behind_a_file(tmp_path: Path) -> None:
    folder = tmp_path / "talk"
    folder.mkdir()
    for name in "abc":
        (folder / f"{name}.jsonl").write_bytes(
            "".join(json.dumps({"text": f"{name} {n}"}) + "\n" for n in range(30)).encode()
        )
    spec, machine = Hub.model_validate({"dataset": str(folder), "documents": 20}), Machine(work=tmp_path / "work")
    whole = list(spec.parts(machine))
    for place, end in enumerate(whole):
        if isinstance(end, FileEnd):
            assert list(spec.parts(machine, end.state)) == whole[place + 1 :]


@pytest.mark.parametrize(
    ("data", "problem"),
    [(b'{"body": "a"}\n' * 50, "no column text; the columns are body"), (b'{"text": "a"}\n' * 50 + b"\xff\x00{", None)],
)
def test_a_sample_tells_what_is_wrong_with_its_files(tmp_path: Path, data: bytes, problem: str | None) -> None:
    (tmp_path / "talk.jsonl").write_bytes(data)
    spec = Hub.model_validate({"dataset": str(tmp_path / "talk.jsonl"), "documents": 2})
    if problem is None:
        assert len(list(spec.documents(Machine(work=tmp_path / "work")))) == 2
    else:
        with pytest.raises(UserError, match=problem):
            list(spec.documents(Machine(work=tmp_path / "work")))
