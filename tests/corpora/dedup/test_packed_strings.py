from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from corpora.dedup.packed_strings import PACKED, PackedStrings, StringWriter


@pytest.mark.parametrize("count", [0, 1, PACKED - 1, PACKED, PACKED + 1, 3_000])
@pytest.mark.parametrize("some", [1, 700, 5_000])
def test_strings_are_packed_in_blocks(tmp_path: Path, count: int, some: int) -> None:
    strings = [f"line\n{number}\u00e9" for number in range(count)]
    writer = StringWriter(tmp_path / "ids")
    for begin in range(0, count, some):
        writer.add(strings[begin : begin + some])
    writer.close()
    packed = PackedStrings(tmp_path / "ids")
    assert list(packed.strings()) == strings
    assert packed.at(np.array([], np.int64)) == []
    places = [place for place in (count - 1, 0, PACKED, PACKED - 1) if 0 <= place < count]
    assert packed.at(np.array(places, np.int64)) == [strings[place] for place in places]
    assert len(packed.begins) == 1 + -(-count // PACKED)
