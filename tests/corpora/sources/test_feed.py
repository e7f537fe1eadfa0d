"""Feeds and the pages behind them, replayed by a local server that forgets, fails and forbids."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from corpora.document import Document, Quarantined
from corpora.sources.entries import canonical, day
from corpora.sources.feed import Feed
from domain.errors import Refusal
from domain.machine import Machine
from tests.corpora.web.server import Asked, Reply, Web, serving

pytestmark = pytest.mark.usefixtures("in_process")


def prose(number: int) -> str:
    return " ".join(
        f"Release {number} says in sentence {n} that inflation moved by {n} basis points." for n in range(20)
    )


def page(number: int, head: str = "") -> Reply:
    body = f"<html><head>{head}</head><body><article><p>{prose(number)}</p></article></body></html>"
    return Reply(body.encode(), headers={"Content-Type": "text/html; charset=utf-8"}, etag=f'"page {number}"')


def item(web: Web, number: int, more: str = "") -> str:
    """An item of RSS, published at 23:30 in New York on day ``number``: the next day in UTC."""
    date = f"<pubDate>{number:02d} Jan 2024 23:30:00 -0500</pubDate>"
    link = f"{web.url}/news/{number}?utm_source=rss&amp;id={number}"
    return f"<item><title>Release {number}</title><link>{link}</link>{date}{more}</item>"


def rss(*items: str) -> bytes:
    head = "<title>Bank</title><link>http://bank.example/</link><language>en-US</language>"
    return f'<?xml version="1.0"?><rss version="2.0"><channel>{head}{"".join(items)}</channel></rss>'.encode()


def news(web: Web, *numbers: int) -> None:
    """The feed lists these releases, and their pages are there."""
    web.pages["/feed"] = Reply(rss(*(item(web, n) for n in numbers)), etag=f'"{numbers}"')
    for number in numbers:
        web.pages[f"/news/{number}"] = page(number)


@pytest.fixture
def web(monkeypatch: pytest.MonkeyPatch) -> Iterator[Web]:
    monkeypatch.setattr("corpora.web.polite.Pace.wait", lambda pace: None)
    monkeypatch.setattr("corpora.web.client.BACKOFF", 0.001)
    with serving() as found:
        yield found


Run = Callable[..., list[Document | Quarantined]]


@pytest.fixture
def run(web: Web, tmp_path: Path) -> Run:
    """``run(network=True, **settings)``: one run over the feed."""

    def make(network: bool = True, **settings: Any) -> list[Document | Quarantined]:
        machine = Machine(workers=1, work=tmp_path, private_hosts=(web.host,), network=network)
        return list(feed(web, **settings).documents(machine))

    return make


def feed(web: Web, **settings: Any) -> Feed:
    return Feed(**{"urls": [f"{web.url}/feed"], "contact": "desk@bank.test", "licence": "cc-by-4.0", **settings})


def ids(found: list[Document | Quarantined]) -> list[str]:
    return [each.id.rpartition("/")[2] for each in found if isinstance(each, Document)]


def test_entries_become_documents_in_order_of_their_days(web: Web, run: Run) -> None:
    news(web, 3, 1, 2)
    found = run()
    assert ids(found) == ["1?id=1", "2?id=2", "3?id=3"]
    first = found[0]
    assert isinstance(first, Document)
    assert first.text.count("Release 1 says") == 20
    assert (first.id, first.url) == (f"{web.url}/news/1?id=1",) * 2
    assert (first.date, first.language, first.licence, first.source) == ("2024-01-02", "en", "cc-by-4.0", "feed")
    assert {each.headers["user-agent"] for each in web.asked} == {"shoptalk (desk@bank.test)"}
    assert web.paths()[0] == "/robots.txt"


def test_the_next_run_asks_only_for_what_is_new(web: Web, run: Run) -> None:
    news(web, 1, 2)
    run()
    web.asked.clear()
    assert ids(run()) == ["1?id=1", "2?id=2"]
    assert web.paths() == ["/feed"]
    assert web.asked[0].headers["if-none-match"] == '"(1, 2)"'
    web.asked.clear()
    news(web, 2, 3)  # the feed forgets the first, which stays
    assert ids(run()) == ["1?id=1", "2?id=2", "3?id=3"]
    assert web.paths() == ["/feed", "/news/3?utm_source=rss&id=3"]


def test_without_network_what_is_here_is_read(web: Web, run: Run, tmp_path: Path) -> None:
    with pytest.raises(Refusal, match="none was ever fetched"):
        run(network=False)
    news(web, 1, 2)
    before = run()
    web.asked.clear()
    assert run(network=False) == before
    assert web.asked == []


def test_an_entry_that_changed_is_asked_for_again_on_condition(web: Web, run: Run) -> None:
    news(web, 1, 2)
    run()
    changed = [item(web, n, "<description>now with a summary</description>") for n in (1, 2)]
    web.pages["/feed"] = Reply(rss(*changed), etag='"new"')
    web.pages["/news/2"] = page(99)
    web.asked.clear()
    found = run()
    assert "Release 1 says" in found[0].text  # type: ignore[union-attr]
    assert "Release 99 says" in found[1].text  # type: ignore[union-attr]
    feed, *pages = [each.headers.get("if-none-match") for each in web.asked]
    assert (feed, sorted(map(str, pages))) == ('"(1, 2)"', ['"page 1"', '"page 2"'])


def test_a_page_that_fails_is_quarantined_and_tried_again(web: Web, run: Run, tmp_path: Path) -> None:
    news(web, 1, 2)
    web.pages["/news/1"] = Reply(status=503)
    machine = Machine(work=tmp_path, private_hosts=(web.host,))
    stamp = feed(web).stamp(machine)
    found = run()
    assert isinstance(found[0], Quarantined)
    assert "answers 503" in found[0].reason
    assert (found[0].records, ids(found)) == (1, ["2?id=2"])
    assert feed(web).stamp(machine) != stamp  # so that the next run looks again
    web.pages["/news/1"] = page(1)
    assert ids(run()) == ["1?id=1", "2?id=2"]
    assert feed(web).stamp(machine) == stamp


@pytest.mark.parametrize(
    "reply", [Reply(status=404), Reply(status=403), Reply(b"x", headers={"Content-Type": "image/png"})]
)
def test_a_page_that_its_site_does_not_give_is_no_loss(web: Web, run: Run, reply: Reply) -> None:
    news(web, 1, 2)
    web.pages["/news/1"] = reply
    for _ in range(7):
        found = run()
        assert isinstance(found[0], Quarantined)
        assert found[0].records == 0
        assert ids(found) == ["2?id=2"]
    assert web.paths().count("/news/1?utm_source=rss&id=1") == 5  # runs; then it is left alone


def test_robots_txt_is_kept_to(web: Web, run: Run) -> None:
    news(web, 1, 2)
    web.pages["/robots.txt"] = Reply(b"User-agent: *\nDisallow: /news/1")
    found = run()
    assert "forbidden by robots.txt" in found[0].reason  # type: ignore[union-attr]
    assert ids(found) == ["2?id=2"]
    assert not [path for path in web.paths() if path.startswith("/news/1")]


def test_a_page_on_a_private_address_is_not_asked(web: Web, run: Run) -> None:
    inside = "<item><title>x</title><link>http://169.254.169.254/latest/meta-data</link></item>"
    news(web, 1)
    web.pages["/feed"] = Reply(rss(inside, item(web, 1)))
    found = run()
    assert "not public" in found[0].reason  # type: ignore[union-attr]
    assert ids(found) == ["1?id=1"]


def test_the_canonical_url_is_the_id_within_a_host(web: Web, run: Run) -> None:
    news(web, 1, 2, 3)
    own, foreign = (
        f'<link rel="canonical" href="{host}/releases/7?utm_medium=x">' for host in (web.url, "http://b.example")
    )
    web.pages["/news/1"] = page(7, own)
    web.pages["/news/2"] = page(7, own)  # the same page under another link
    web.pages["/news/3"] = page(3, foreign)
    assert ids(run()) == ["7", "3?id=3"]


def test_redirects_give_the_last_url(web: Web, run: Run) -> None:
    news(web, 1)
    web.pages["/news/1"] = Reply(status=301, headers={"Location": "/moved/1#top"})
    web.pages["/moved/1"] = page(1)
    assert ids(run()) == ["1"]


def test_the_entry_itself_instead_of_its_page(web: Web, run: Run) -> None:
    long = "<![CDATA[<p>Rates <b>stay</b> put.</p><p>Inflation &lt; 2%.</p><script>alert(1)</script>]]>"
    atom = f"""<feed xmlns="http://www.w3.org/2005/Atom" xml:lang="de"><title>Bank</title>
      <entry><title>a</title><link href="{web.url}/a"/><updated>2024-03-01T01:00:00+02:00</updated>
      <summary>short</summary><content type="html">{long}</content></entry></feed>"""
    web.pages["/feed"] = Reply(atom.encode())
    (found,) = run(pages=False)
    assert isinstance(found, Document)
    assert "Rates stay put." in found.text
    assert "Inflation < 2%." in found.text
    assert "alert" not in found.text
    assert (found.date, found.language) == ("2024-02-29", "de")
    assert web.paths() == ["/robots.txt", "/feed"]
    assert run(pages=False, network=False) == [found]


def test_plain_text_and_broken_charsets(web: Web, run: Run) -> None:
    news(web, 1, 2)
    web.pages["/news/1"] = Reply(
        "Zinsen für alle".encode("latin-1"), headers={"Content-Type": "text/plain; charset=latin-1"}
    )
    web.pages["/news/2"] = Reply(b"caf\xe9 \xff", headers={"Content-Type": "text/plain"})
    assert [each.text for each in run() if isinstance(each, Document)] == ["Zinsen für alle", "caf\ufffd \ufffd"]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"<html><body>no feed</body></html>", "no RSS or Atom feed"),
        (b"", "no RSS or Atom feed"),
        (b"/etc/passwd", "no RSS or Atom feed"),
        (b"\x00\xff" * 1_000, "no RSS or Atom feed"),
    ],
)
def test_what_is_no_feed(web: Web, run: Run, content: bytes, said: str) -> None:
    web.pages["/feed"] = Reply(content)
    with pytest.raises(Refusal, match=said):
        run()
    news(web, 1)
    run()
    web.pages["/feed"] = Reply(content)
    found = run()
    assert said in found[0].reason  # type: ignore[union-attr]
    assert ids(found) == ["1?id=1"]  # what was there before stays


def test_a_feed_cut_short_gives_what_it_holds(web: Web, run: Run) -> None:
    news(web, 1, 2)
    web.pages["/feed"] = Reply(rss(item(web, 1), item(web, 2))[:-40])
    assert sorted(ids(run())) == ["1?id=1", "2?id=2"]
    web.asked.clear()
    news(web, 1, 2, 3)
    assert ids(run()) == ["1?id=1", "2?id=2", "3?id=3"]
    assert "if-none-match" not in web.asked[0].headers  # all of it is asked for again


def test_entities_are_not_expanded(web: Web, run: Run) -> None:
    bomb = "".join(f'<!ENTITY a{n} "{f"&a{n - 1};" * 10}">' for n in range(1, 10))
    head = f'<?xml version="1.0"?><!DOCTYPE rss [<!ENTITY a0 "ha"><!ENTITY f SYSTEM "file:///etc/passwd">{bomb}]>'
    more = "<description>&a9; &f;</description>"
    web.pages["/feed"] = Reply(head.encode() + rss(item(web, 1, more)).partition(b"?>")[2])
    found = run(pages=False)
    assert all("root:" not in each.text for each in found if isinstance(each, Document))
    assert all(len(each.text) < 10_000 for each in found if isinstance(each, Document))


def test_one_feed_of_two_that_is_gone(web: Web, run: Run) -> None:
    news(web, 1)
    found = run(urls=[f"{web.url}/gone", f"{web.url}/feed"])
    assert isinstance(found[0], Quarantined)
    assert "answers 404" in found[0].reason
    assert ids(found) == ["1?id=1"]


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


KILLED = """
import sys
from pathlib import Path
from corpora.sources.feed import Feed
from domain.machine import Machine
url, work = sys.argv[1], Path(sys.argv[2])
machine = Machine(workers=1, work=work, private_hosts=(url.split("/")[2],))
for found in Feed(urls=[url], contact="desk@bank.test").finds(machine):
    print(found, flush=True)
"""


def test_a_kill_costs_nothing_that_had_come(web: Web, run: Run, tmp_path: Path) -> None:
    news(web, 1, 2, 3)

    def slow(asked: Asked) -> Reply:
        return Reply(b"x", wait=30.0)

    web.pages["/news/3"] = slow
    process = subprocess.Popen([sys.executable, "-c", KILLED, f"{web.url}/feed", str(tmp_path)])
    shelf = tmp_path / "cache" / "feed" / "pages"
    until = time.monotonic() + 30
    while len(list(shelf.rglob("*.page"))) < 2 and time.monotonic() < until:
        time.sleep(0.02)
    process.kill()
    process.wait()
    (log,) = (tmp_path / "cache" / "feed").rglob("entries.jsonl")
    log.write_bytes(log.read_bytes() + b'{"url": "http://cut.exam')
    news(web, 1, 2, 3, 4)
    web.asked.clear()
    assert ids(run()) == [f"{n}?id={n}" for n in (1, 2, 3, 4)]
    assert sorted(path[:7] for path in web.paths() if path.startswith("/news")) == ["/news/3", "/news/4"]


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


@pytest.mark.parametrize(
    ("url", "plain"),
    [
        ("https://Bank.example/a?utm_source=x&id=3&fbclid=1#top", "https://bank.example/a?id=3"),
        ("https://bank.example:443/a/", "https://bank.example/a/"),
        ("mailto:desk@bank.test", None),
        ("javascript:alert(1)", None),
        ("", None),
        ("https://[", None),
    ],
)
def test_one_spelling_of_a_url(url: str, plain: str | None) -> None:
    assert canonical(url) == plain


def test_days_that_no_calendar_holds() -> None:
    assert day(time.struct_time((2024, 2, 29, 23, 59, 59, 3, 60, 0))) == "2024-02-29"
    assert day(None) is None
    assert day(time.struct_time((99999, 1, 1, 0, 0, 0, 0, 1, 0))) is None
