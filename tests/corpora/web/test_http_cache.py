from __future__ import annotations

from pathlib import Path

from corpora.web.http_cache import CachedPage, keep, read_page


def test_what_is_kept_is_whole_or_not_there(tmp_path: Path) -> None:
    path = tmp_path / "filings" / "a.zst"
    assert read_page(path) is None
    content = b"first line\nsecond line\n" * 1_000
    keep(path, content, {"etag": '"1"'}, packed=True)
    assert read_page(path) == CachedPage(metadata={"etag": '"1"'}, content=content)
    assert [each.name for each in path.parent.iterdir()] == ["a.zst"]
    raw = path.read_bytes()
    assert len(raw) < len(content) / 10
    for spoilt in (b"", raw[:-1], raw[:20], raw[:-3] + b"abc", b"text"):
        path.write_bytes(spoilt)
        assert read_page(path) is None


def test_what_is_kept_as_it_came_begins_with_what_was_said_of_it(tmp_path: Path) -> None:
    path = tmp_path / "a.page"
    keep(path, b"first\nsecond", {"etag": '"1"', "charset": None}, packed=False)
    assert path.read_bytes() == b'{"charset": null, "etag": "\\"1\\""}\nfirst\nsecond'
    assert read_page(path) == CachedPage(metadata={"etag": '"1"', "charset": None}, content=b"first\nsecond")
    for spoilt in (b"", b"{", b"[]\nx", b'{"etag": 1}'):
        path.write_bytes(spoilt)
        assert read_page(path) is None
