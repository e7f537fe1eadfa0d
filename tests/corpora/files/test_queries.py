"""Files whose URL has a query: it is asked as it stands, and no secret of it is kept or shown."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from corpora.document import Document
from corpora.files.stores import is_glob
from corpora.sources.crawl import Crawl
from corpora.sources.feed import Feed
from corpora.sources.files import Files
from domain.errors import UserError
from domain.machine import Machine
from tests.corpora.files.reading import JSONL, TEXTS, texts
from tests.corpora.web.server import Asked, Reply, Web

SECRET = "s3cretSignature%2Fof%3Dmine"
QUERIES = [
    "download=1", f"X-Amz-Credential=AKIAX%2F2026&X-Amz-Signature={SECRET}", f"sv=2022-11-02&sig={SECRET}",
    f"Expires=1790000000&GoogleAccessId=x%40y&Signature={SECRET}", f"a=/b/c*.d&token={SECRET}#part", f"key={SECRET}?x",
]  # fmt: skip


def everything(folder: Path) -> str:
    """All names and contents below a folder."""
    paths = sorted(folder.rglob("*"))
    return "\n".join(f"{path} {path.read_bytes() if path.is_file() else ''!r}" for path in paths)


@pytest.mark.parametrize("query", QUERIES)
@pytest.mark.parametrize("etag", ['"x"', ""])
def test_a_file_is_asked_for_with_its_query_and_kept_without_it(
    web: Web, tmp_path: Path, query: str, etag: str
) -> None:
    web.pages["/data/a.jsonl"] = Reply(JSONL, etag=etag)
    machine = Machine(work=tmp_path, private_hosts=(web.host,), workers=1)
    source = Files(kind="files", path=f"{web.url}/data/a.jsonl?{query}")
    items = list(source.documents(machine))
    assert texts(items) == TEXTS
    assert set(web.paths()) == {f"/data/a.jsonl?{query.partition('#')[0]}"}
    assert [item.id for item in items if isinstance(item, Document)] == [f"a/a.jsonl:{n}" for n in (1, 2, 3)]
    stamp = source.stamp(machine)
    assert stamp[0]["file"] == "a.jsonl"
    assert SECRET not in json.dumps(stamp) + everything(tmp_path) + source.title + str(source.identity_key())
    again = Files(kind="files", path=f"{web.url}/data/a.jsonl?{query.replace(SECRET, 'another')}")
    assert again.stamp(machine) == stamp


def test_a_server_that_says_nothing_of_the_content_is_asked_again_for_another_query(web: Web, tmp_path: Path) -> None:
    web.pages["/a.jsonl"] = lambda request: Reply(json.dumps({"text": request.path[-1]}).encode())
    machine = Machine(work=tmp_path, private_hosts=(web.host,), workers=1)
    for key in "ab":
        assert texts(list(Files(kind="files", path=f"{web.url}/a.jsonl?key={key}").documents(machine))) == [key]


def test_an_error_shows_no_secret(web: Web, tmp_path: Path) -> None:
    machine = Machine(work=tmp_path, private_hosts=(web.host,), workers=1)
    for path in (f"/none.jsonl?sig={SECRET}", f"/a?sig={SECRET}", f"/*/x.jsonl?sig={SECRET}"):
        for kind in (Files, Crawl):
            with pytest.raises(UserError) as refusal:
                kind.model_validate({"kind": kind.__name__.lower(), "path": web.url + path}).stamp(machine)
            assert SECRET not in str(refusal.value)
    offline = Machine(work=tmp_path, network=False)
    with pytest.raises(UserError) as refusal:
        Files(kind="files", path=f"{web.url}/a.jsonl?sig={SECRET}").stamp(offline)
    assert SECRET not in str(refusal.value)


def test_a_feed_of_ones_own_key_keeps_it_out_of_cache_and_documents(web: Web, tmp_path: Path) -> None:
    def page(request: Asked) -> Reply:
        return Reply(b"<p>Words of a page that is long enough.</p>", headers={"content-type": "text/html"})

    link = f"{web.url}/page?token={SECRET}&amp;n="
    items = "".join(f"<item><title>t</title><link>{link}{n}</link></item>" for n in (1, 2))
    web.pages["/rss"] = Reply(f'<rss version="2.0"><channel>{items}</channel></rss>'.encode())
    web.pages["/page"] = page
    web.pages["/robots.txt"] = Reply(status=404)
    machine = Machine(work=tmp_path, private_hosts=(web.host,), workers=1)
    urls = (f"{web.url}/rss?key={SECRET}", f"{web.url}/none?key={SECRET}")
    feed = Feed(kind="feed", urls=urls, contact="me@example.com", pages=False)
    documents = list(feed.documents(machine))
    assert f"/rss?key={SECRET}" in web.paths()
    assert SECRET not in str(documents) + str(feed.identity_key())
    assert not [path for path in tmp_path.rglob("*") if SECRET[:10] in path.name]


@pytest.mark.parametrize(
    ("path", "glob"),
    [
        ("https://host/a.jsonl?x=*", False), ("https://[2001:db8::1]/a.jsonl", False), ("https://h/*.jsonl", True),
        ("https://h/[ab].jsonl?x=1", True), ("a?.jsonl", True), ("s3://b/a?.jsonl", True),
    ],
)  # fmt: skip
def test_a_question_mark_is_no_wildcard_on_the_web(path: str, glob: bool) -> None:
    assert is_glob(path) == glob
