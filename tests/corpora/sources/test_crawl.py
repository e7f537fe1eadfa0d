"""Pages of WARC and WET files as documents; files here and behind a URL."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from corpora.document import Document
from corpora.sources.crawl import Crawl
from domain.errors import UserError
from domain.machine import Machine
from tests.corpora.crawl.warcs import GOOD, PROSE, http, packed, page, read, record, urls
from tests.corpora.web.server import Reply, Web

pytestmark = pytest.mark.usefixtures("in_process")


def test_a_page_becomes_a_document(tmp_path: Path) -> None:
    dated = '<meta property="article:published_time" content="2023-05-06T10:00:00Z">'
    bare = page(head=dated).replace(b"<html>", b'<html lang="en-GB">')
    (found,) = read(tmp_path, packed(record(http(bare), "<http://a.example/x>")), name="desk-00.warc.gz")
    assert isinstance(found, Document)
    assert found.text.count("The committee reviewed") == 30
    assert (found.id, found.url, found.date, found.language) == ("http://a.example/x",) * 2 + ("2023-05-06", "en")
    assert (found.source, found.licence) == ("desk-00", "unknown")


def test_the_day_of_the_crawl_counts_where_the_page_has_none_or_a_later_one(tmp_path: Path) -> None:
    later = '<meta property="article:published_time" content="2031-05-06">'
    records = [record(http(page(head=head)), f"http://a.example/{n}") for n, head in enumerate(("", later))]
    found = read(tmp_path, packed(*records))
    assert [each.date for each in found if isinstance(each, Document)] == ["2024-02-21", "2024-02-21"]


def test_what_is_no_page_is_passed_over(tmp_path: Path) -> None:
    records = [
        record(b"software: x\r\n", "", kind="warcinfo"),
        record(b"GET / HTTP/1.1\r\n\r\n", "http://a.example/", kind="request"),
        record(http(page(), status="404 Not Found"), "http://a.example/gone"),
        record(http(b"\x89PNG", kind="image/png"), "http://a.example/x.png"),
        record(http(b"plain " + PROSE.encode(), kind="text/plain"), "http://a.example/x.txt"),
        record(http(page()), "dns:a.example"),
        record(http(page()), "http://a.example/page"),
    ]
    found = read(tmp_path, packed(*records))
    assert urls(found) == ["http://a.example/x.txt", "http://a.example/page"]
    assert found[0].text.startswith("plain The committee")  # type: ignore[union-attr]


def test_wet_texts_are_taken_as_they_are(tmp_path: Path) -> None:
    stated = "WARC-Identified-Content-Language: {}\r\n"
    records = [
        record(f"Zins über {n}".encode(), f"http://a.example/{n}", kind="conversion", more=stated.format(code))
        for n, code in enumerate(("deu,eng", "eng", "kor"))
    ] + [record(b"no language", "http://a.example/3", kind="conversion")]
    found = read(tmp_path, packed(*records), languages=["de", "kor"])
    assert urls(found) == [f"http://a.example/{n}" for n in (0, 2, 3)]
    assert [each.language for each in found if isinstance(each, Document)] == ["de", "ko", None]
    assert found[0].text == "Zins über 0"  # type: ignore[union-attr]


def test_domains_and_patterns(tmp_path: Path) -> None:
    names = ["bank.example/speech/1", "www.bank.example/speech/2", "notbank.example/speech/3", "bank.example/jobs"]
    content = packed(*(record(http(page()), f"https://{name}") for name in names))
    speeches = read(tmp_path, content, domains=["bank.example"], urls=["/speech/"])
    assert urls(speeches) == [f"https://{n}" for n in names[:2]]
    assert urls(read(tmp_path, content, urls=[r"/jobs$", r"/3$"])) == [f"https://{n}" for n in names[2:]]


def test_a_glob_by_name_and_its_stamp(tmp_path: Path) -> None:
    for name in ("b", "a"):
        (tmp_path / f"{name}.warc.gz").write_bytes(packed(record(http(page()), f"http://{name}.example/")))
    spec = Crawl(path=str(tmp_path / "*.warc.gz"), name="crawl")
    assert urls(list(spec.documents(Machine(workers=1)))) == ["http://a.example/", "http://b.example/"]
    stamp = spec.stamp(Machine())
    assert [each["file"] for each in stamp] == ["a.warc.gz", "b.warc.gz"]
    assert str(tmp_path) not in json.dumps(stamp)
    (tmp_path / "a.warc.gz").write_bytes(b"other")
    assert spec.stamp(Machine()) != stamp


def test_no_file(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="is not a file"):
        Crawl(path=str(tmp_path / "*.warc.gz")).stamp(Machine())


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({}, "either path or index"),
        ({"path": "a", "index": "CC-MAIN-2024-10", "domains": ["a.example"]}, "either path or index"),
        ({"index": "CC-MAIN-2024-10"}, "name the domains"),
        ({"index": "latest", "domains": ["a.example"]}, "pattern"),
        ({"path": "a", "domains": ["https://a.example/"]}, "is no domain"),
        ({"path": "a", "urls": ["("]}, "is no regular expression"),
        ({"path": "a", "urls": ["a" * 501]}, "longer than 500"),
        ({"path": "a", "languages": ["English"]}, "is no language code"),
    ],
)
def test_what_is_refused_in_a_recipe(settings: dict[str, Any], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        Crawl(**settings)


def test_a_file_behind_a_url_is_fetched_once(web: Web, tmp_path: Path) -> None:
    web.pages["/x/c.warc.gz"] = Reply(packed(*GOOD), etag='"1"')
    machine = Machine(workers=1, work=tmp_path, private_hosts=(web.host,))
    spec = Crawl(path=f"{web.url}/x/c.warc.gz")
    stamp = spec.stamp(machine)
    assert stamp == [{"file": "c.warc.gz", "bytes": len(packed(*GOOD)), "content": '"1"'}]
    assert len(urls(list(spec.documents(machine)))) == len(urls(list(spec.documents(machine)))) == 5
    assert [each.headers.get("range") for each in web.asked].count(None) == 1
    offline = machine.replace(network=False)
    assert spec.stamp(offline) == stamp
    assert len(urls(list(spec.documents(offline)))) == 5
    web.pages["/x/c.warc.gz"] = Reply(packed(*GOOD[:2]), etag='"2"')
    assert spec.stamp(machine) != stamp
    assert len(urls(list(spec.documents(machine)))) == 2


def test_a_url_that_is_not_there_or_was_never_fetched(web: Web, tmp_path: Path) -> None:
    machine = Machine(work=tmp_path, private_hosts=(web.host,))
    with pytest.raises(UserError, match="answers 404"):
        Crawl(path=f"{web.url}/c.warc.gz").stamp(machine)
    with pytest.raises(UserError, match="never fetched"):
        Crawl(path=f"{web.url}/c.warc.gz").stamp(machine.replace(network=False))


BY_LINK = '<link rel="license" href="https://creativecommons.org/licenses/by/4.0/">'


@pytest.mark.parametrize(
    ("head", "header", "recipe", "licence"),
    [
        (BY_LINK, "", None, "https://creativecommons.org/licenses/by/4.0/"),
        (BY_LINK, "", "unknown", "https://creativecommons.org/licenses/by/4.0/"),
        (BY_LINK, "", "CC BY 4.0", "https://creativecommons.org/licenses/by/4.0/"),
        (BY_LINK, "", {"override": "internal"}, "internal"),
        ("", 'Link: </legal>; rel="license"\r\n', None, "http://a.example/legal"),
        ("", "", "internal", "internal"),
        ("", "", None, None),
    ],
)
def test_a_pages_licence_counts_and_the_recipe_fills_gaps(
    tmp_path: Path, head: str, header: str, recipe: object, licence: str | None
) -> None:
    content = packed(record(http(page(head=head), more=header), "http://a.example/x"))
    (found,) = read(tmp_path, content, licence=recipe)
    assert isinstance(found, Document)
    assert found.licence == licence


def test_a_page_that_contradicts_the_recipe_stops_the_run(tmp_path: Path) -> None:
    content = packed(record(http(page(head=BY_LINK)), "http://a.example/x"))
    with pytest.raises(UserError) as caught:
        read(tmp_path, content, licence="internal")
    assert caught.value.place == "http://a.example/x"
    assert "override: internal" in caught.value.fix
