"""Entries and their pages as documents."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from corpora.document import Document
from domain.errors import UserError
from domain.machine import Machine
from tests.corpora.feed.bank import feed, ids, news, page, run
from tests.corpora.web.server import Reply, Web

pytestmark = pytest.mark.usefixtures("in_process", "unhurried")


def test_entries_become_documents_in_order_of_their_days(web: Web, tmp_path: Path) -> None:
    news(web, 3, 1, 2)
    found = run(web, tmp_path)
    assert ids(found) == ["1?id=1", "2?id=2", "3?id=3"]
    first = found[0]
    assert isinstance(first, Document)
    assert first.text.count("Release 1 says") == 20
    assert (first.id, first.url) == (f"{web.url}/news/1?id=1",) * 2
    assert (first.date, first.language, first.licence, first.source) == ("2024-01-01", "en", "cc-by-4.0", "feed")
    assert {each.headers["user-agent"] for each in web.asked} == {"shoptalk (desk@bank.test)"}
    assert web.paths()[0] == "/robots.txt"


def test_the_canonical_url_is_the_id_within_a_host(web: Web, tmp_path: Path) -> None:
    news(web, 1, 2, 3)
    own, foreign = (
        f'<link rel="canonical" href="{host}/releases/7?utm_medium=x">' for host in (web.url, "http://b.example")
    )
    web.pages["/news/1"] = page(7, own)
    web.pages["/news/2"] = page(7, own)  # the same page under another link
    web.pages["/news/3"] = page(3, foreign)
    assert ids(run(web, tmp_path)) == ["7", "3?id=3"]


def test_redirects_give_the_last_url(web: Web, tmp_path: Path) -> None:
    news(web, 1)
    web.pages["/news/1"] = Reply(status=301, headers={"Location": "/moved/1#top"})
    web.pages["/moved/1"] = page(1)
    assert ids(run(web, tmp_path)) == ["1"]


def test_the_entry_itself_instead_of_its_page(web: Web, tmp_path: Path) -> None:
    long = "<![CDATA[<p>Rates <b>stay</b> put.</p><p>Inflation &lt; 2%.</p><script>alert(1)</script>]]>"
    atom = f"""<feed xmlns="http://www.w3.org/2005/Atom" xml:lang="de"><title>Bank</title>
      <entry><title>a</title><link href="{web.url}/a"/><updated>2024-03-01T01:00:00+02:00</updated>
      <summary>short</summary><content type="html">{long}</content></entry></feed>"""
    web.pages["/feed"] = Reply(atom.encode())
    (found,) = run(web, tmp_path, pages=False)
    assert isinstance(found, Document)
    assert "Rates stay put." in found.text
    assert "Inflation < 2%." in found.text
    assert "alert" not in found.text
    assert (found.date, found.language) == ("2024-03-01", "de")
    assert web.paths() == ["/robots.txt", "/feed"]
    assert run(web, tmp_path, pages=False, network=False) == [found]


def test_plain_text_and_broken_charsets(web: Web, tmp_path: Path) -> None:
    news(web, 1, 2)
    web.pages["/news/1"] = Reply(
        "Zinsen für alle".encode("latin-1"), headers={"Content-Type": "text/plain; charset=latin-1"}
    )
    web.pages["/news/2"] = Reply(b"caf\xe9 \xff", headers={"Content-Type": "text/plain"})
    found = run(web, tmp_path)
    assert [each.text for each in found if isinstance(each, Document)] == ["Zinsen für alle", "caf\ufffd \ufffd"]


def test_the_stamp_tells_what_is_there_and_asks_once(web: Web, tmp_path: Path) -> None:
    machine = Machine(work=tmp_path, private_hosts=(web.host,))
    news(web, 1, 2)
    spec = feed(web)
    stamp = spec.stamp(machine)
    assert (stamp["entries"], stamp["lost"]) == (2, 0)
    assert spec.stamp(machine) == stamp
    assert web.paths() == ["/robots.txt", "/feed"]
    assert feed(web).stamp(machine) == stamp
    news(web, 1, 2, 3)
    assert feed(web).stamp(machine)["said"] != stamp["said"]


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"urls": []}, "at least 1 item"),
        ({"urls": ["feed.xml"]}, "is no URL of a feed"),
        ({"urls": ["https://user:word@a.example/"]}, "is no URL of a feed"),
        ({"contact": "me"}, "who asks"),
        ({"contact": "me@a.example\r\nX: y"}, "who asks"),
    ],
)
def test_what_is_refused_in_a_recipe(web: Web, settings: dict[str, Any], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        feed(web, **settings)


def test_the_contact_is_no_part_of_what_was_asked(web: Web) -> None:
    assert "contact" not in feed(web).model_dump(mode="json")


@pytest.mark.parametrize("recipe", [None, "CC BY-NC 4.0", "unknown"])
def test_a_pages_own_licence_counts(web: Web, tmp_path: Path, recipe: str | None) -> None:
    news(web, 1)
    web.pages["/news/1"] = page(1, '<link rel="license" href="https://creativecommons.org/licenses/by-nc/4.0/">')
    (found,) = run(web, tmp_path, licence=recipe)
    assert isinstance(found, Document)
    assert found.licence == "https://creativecommons.org/licenses/by-nc/4.0/"


def test_a_page_that_contradicts_the_recipe_stops_the_run(web: Web, tmp_path: Path) -> None:
    news(web, 1)
    reply = page(1)
    web.pages["/news/1"] = Reply(reply.body, headers={**reply.headers, "Link": '</terms>; rel="license"'})
    with pytest.raises(UserError, match=r"states the licence 'http.*/terms'"):
        run(web, tmp_path, licence="internal")
    (found,) = run(web, tmp_path, licence={"override": "internal"}, network=False)
    assert isinstance(found, Document)
    assert (found.licence, found.overridden_licence) == ("internal", f"{web.url}/terms")
