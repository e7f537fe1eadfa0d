from __future__ import annotations

from pathlib import Path

from domain.jsonlines import line, read_lines, write_lines


def test_rows_come_back_and_equal_rows_are_equal_bytes(tmp_path: Path) -> None:
    rows = [{"b": "line\nbreak \u2028 \x85 é", "a": 1}, {"a": None, "b": []}]
    write_lines(tmp_path / "one", rows)
    write_lines(tmp_path / "other", [dict(reversed(row.items())) for row in rows])
    assert list(read_lines(tmp_path / "one")) == rows
    assert (tmp_path / "one").read_bytes() == (tmp_path / "other").read_bytes()
    assert (tmp_path / "one").read_text(encoding="utf-8").startswith('{"a":1,"b":"line\\nbreak')


def test_a_lone_surrogate_is_no_end_of_the_run() -> None:
    assert line({"file": "caf\udce9.txt"}) == b'{"file":"caf?.txt"}\n'
