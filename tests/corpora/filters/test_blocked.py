from __future__ import annotations

from pathlib import Path

import pytest

from corpora.filters.blocked import BlockList, plain, read_block_list
from domain.errors import UserError

LISTED = BlockList(
    ["bad.example", "WWW.Worse.example.", "good.example/forum/", "https://good.example/a?b=1", "", "co.uk"]
)


@pytest.mark.parametrize(
    ("url", "entry"),
    [
        ("https://bad.example", "bad.example"),
        ("http://user:pw@News.BAD.example:8080/x?y#z", "bad.example"),
        ("https://worse.example/", "worse.example"),
        ("https://good.example/forum", "good.example/forum"),
        ("https://good.example/forum/thread/1", "good.example/forum"),
        ("https://good.example/a?b=1", "good.example/a?b=1"),
        ("https://good.example/a?b=1&c=2", "good.example/a?b=1"),
        ("https://paper.co.uk/", "co.uk"),
        ("https://good.example/", None),
        ("https://good.example/forums", None),
        ("https://good.example/a?b=12", None),
        ("https://notbad.example/", None),
        ("https://good.example/bad.example", None),
        ("", None),
    ],
)
def test_hosts_and_beginnings(url: str, entry: str | None) -> None:
    assert LISTED.entry(url) == entry


def test_an_empty_list_blocks_nothing() -> None:
    assert BlockList([]).entry("https://a.example/") is None


def test_a_url_in_plain_form() -> None:
    assert plain("HTTPS://me@WWW.Example.ORG.:443/Path/?Q=1") == "example.org/Path/?Q=1"


def test_a_file_is_read_with_comments_and_again_when_it_changes(tmp_path: Path) -> None:
    path = tmp_path / "urls.txt"
    path.write_text("# adult\n\nbad.example # since May\n", encoding="utf-8")
    assert read_block_list(path).entry("http://bad.example/") == "bad.example"
    path.write_text("other.example and more\n", encoding="utf-8")
    assert read_block_list(path).entry("http://bad.example/") is None
    (tmp_path / "latin.txt").write_bytes(b"caf\xe9.example")
    for name in ("latin.txt", "none.txt"):
        with pytest.raises(UserError, match="cannot be read"):
            read_block_list(tmp_path / name)
