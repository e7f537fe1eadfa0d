"""A lineage names no folder of the machine and no secret, wherever in it they stand."""

from __future__ import annotations

import pytest

from domain.release.lineage import portable


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("/home/alice/corpus/a.jsonl", ".../a.jsonl"),
        ("/home/alice/My Files/a b.jsonl", ".../a b.jsonl"),
        ("~/corpus/a.jsonl", ".../a.jsonl"),
        ("~alice/a.jsonl", ".../a.jsonl"),
        ("../../home/alice", ".../alice"),
        ("C:\\Users\\alice\\a.jsonl", ".../a.jsonl"),
        ("\\\\server\\share\\a.jsonl", ".../a.jsonl"),
        ("file:///home/alice/a.jsonl", ".../a.jsonl"),
        ("files: /home/alice/x", "files: .../x"),
        ("read ~/corpora/law/ and ../shared/a.jsonl", "read .../law/ and .../a.jsonl"),
        ("from 'C:\\Users\\alice\\a.jsonl'", "from '.../a.jsonl'"),
        ("of file:/home/alice/a.jsonl", "of .../a.jsonl"),
        ("corpus/a.jsonl", "corpus/a.jsonl"),
        ("and/or, 5 km/h, text/plain, 1 / 2", "and/or, 5 km/h, text/plain, 1 / 2"),
        ("https://host/home/a?id=3", "https://host/home/a?id=3"),
        ("s3://bucket/key", "s3://bucket/key"),
        ("https://u:SEC@RET@host/a?token=SECRET&id=3", "https://host/a?token=***&id=3"),
        ("https://u:SEC/RET@host/a", "https://host/a"),
        ({"/home/alice/a": {"/home/bob/b": ["/x/y"]}}, {".../a": {".../b": [".../y"]}}),
        ({"/a/x": 1, "/b/x": 2}, {".../x": 1, ".../x'": 2}),
        (3, 3),
        (None, None),
    ],
)
def test_portable(value: object, expected: object) -> None:
    assert portable(value) == expected
