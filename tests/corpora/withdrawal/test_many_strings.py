from __future__ import annotations

import json
import random
import time
from pathlib import Path

import pytest

from corpora.withdrawal.many_strings import ManyStrings, RowsById
from corpora.withdrawal.purge import blank
from domain.jsonlines import line, read_lines, write_lines


def test_it_finds_what_python_finds() -> None:
    generator = random.Random(3)
    for _ in range(300):
        wanted = [bytes(generator.choices(b"ab/", k=generator.randrange(2, 7))) for _ in range(generator.randrange(4))]
        data = bytes(generator.choices(b"ab/", k=generator.randrange(12)))
        assert ManyStrings(wanted).within(data) == any(each in data for each in wanted)


@pytest.mark.parametrize("name", ['quote"d', "back\\slash", "grün", "a,b", "\u2028", "x" * 300, "#2"])
def test_rows_are_told_by_their_id(name: str) -> None:
    rows = RowsById({name})
    assert rows.may_be(line({"date": None, "id": name, "text": "x"}))
    assert not rows.may_be(line({"id": f"{name}x", "text": json.dumps({"id": name})}))


def test_a_purge_of_many_takes_no_longer_than_one_of_few(tmp_path: Path) -> None:
    rows = [{"id": f"document-{n:06}", "source": "s", "text": "word " * 300} for n in range(6_000)]  # 9 MB
    seconds = {}
    for count in (10, 1_000):
        path = tmp_path / f"{count}.jsonl"
        write_lines(path, rows)
        begin = time.process_time()
        blank(path, {f"document-{n:06}" for n in range(count)})
        seconds[count] = time.process_time() - begin
        assert [row["id"] for row in read_lines(path) if not row["text"]] == [row["id"] for row in rows[:count]]
    assert seconds[1_000] < 4 * seconds[10] + 0.2


def test_looking_for_many_addresses_takes_no_longer_than_for_few() -> None:
    data = b"see https://example.org/news/1 and more text of a page, what else " * 30_000  # 2 MB
    seconds = {}
    for count in (10, 1_000):
        finder = ManyStrings([f"https://example.com/page/{n:05}".encode() for n in range(count)])
        begin = time.process_time()
        assert not finder.within(data)
        seconds[count] = time.process_time() - begin
    assert seconds[1_000] < 4 * seconds[10] + 0.2
