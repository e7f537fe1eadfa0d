"""robots.txt as RFC 9309 reads it, Crawl-delay, and each site's own pace."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from corpora.web import PoliteClient, Unfit
from corpora.web.http_cache import keep, read_page
from domain.errors import UserError
from domain.machine import Machine
from tests.corpora.web.server import Reply, Web, serving

ROBOTS = b"""\xef\xbb\xbfUser-agent: *
Disallow: /

User-agent: ShopTalk
Disallow: /private
Allow: /private/open$
Disallow: /*.pdf$
"""


@pytest.fixture
def web() -> Iterator[Web]:
    with serving() as found:
        found.pages.update({path: Reply(b"page") for path in ("/", "/private", "/private/open", "/a.pdf", "/a.pdf?x")})
        yield found


def polite(web: Web, folder: Path, **settings: Any) -> PoliteClient:
    settings = {"tries": 1, "per_second": 1_000, "agent": "shoptalk (desk@example.com)", **settings}
    return PoliteClient(Machine(work=folder, private_hosts=("127.0.0.1",)), **settings)


def test_the_rules_of_the_agent_by_the_longest_match(web: Web, tmp_path: Path) -> None:
    web.pages["/robots.txt"] = Reply(ROBOTS)
    with polite(web, tmp_path) as client:
        for path in ("/", "/private/open", "/a.pdf?x"):
            assert client.get(f"{web.url}{path}").content == b"page"
        for path in ("/private", "/a.pdf", "/private/open?x"):
            with pytest.raises(Unfit, match=r"forbidden by robots\.txt"):
                client.get(f"{web.url}{path}")
    assert web.paths() == ["/robots.txt", "/", "/private/open", "/a.pdf?x"]


@pytest.mark.parametrize("status", [400, 401, 403, 404, 410])
def test_no_robots_txt_allows_all(web: Web, tmp_path: Path, status: int) -> None:
    web.pages["/robots.txt"] = Reply(b"Disallow: /", status=status)
    with polite(web, tmp_path) as client:
        assert client.get(f"{web.url}/").content == b"page"


@pytest.mark.parametrize("reply", [Reply(status=500), Reply(status=503), Reply(ROBOTS, cut=3)])
def test_a_silent_robots_txt_forbids_all(web: Web, tmp_path: Path, reply: Reply) -> None:
    web.pages["/robots.txt"] = reply
    with polite(web, tmp_path) as client, pytest.raises(Unfit, match=r"robots\.txt is silent"):
        client.get(f"{web.url}/")
    assert "/" not in web.paths()


def aged(path: Path, seconds: int) -> None:
    """Let what is kept be so old."""
    page = read_page(path)
    assert page is not None
    keep(path, page.content, {**page.metadata, "at": time.time() - seconds}, packed=False)


def test_it_is_asked_once_a_day_and_an_old_one_counts_in_silence(web: Web, tmp_path: Path) -> None:
    web.pages["/robots.txt"] = Reply(b"User-agent: *\nDisallow: /private")
    for _ in range(2):
        with polite(web, tmp_path) as client:
            client.get(f"{web.url}/")
    assert web.paths().count("/robots.txt") == 1
    (kept,) = (tmp_path / "cache" / "robots").iterdir()
    aged(kept, 86_401)
    web.pages["/robots.txt"] = Reply(status=503)
    with polite(web, tmp_path) as client:
        client.get(f"{web.url}/")
        with pytest.raises(Unfit):
            client.get(f"{web.url}/private")
    aged(kept, 30 * 86_400 + 1)
    with polite(web, tmp_path) as client, pytest.raises(Unfit, match=r"robots\.txt is silent"):
        client.get(f"{web.url}/")  # but not for ever
    aged(kept, 0)
    kept.write_bytes(kept.read_bytes().replace(b"/private", b"/pirate!"))
    web.pages["/robots.txt"] = Reply(b"User-agent: *\nDisallow: /")  # asked for again: that is not what came
    with polite(web, tmp_path) as client, pytest.raises(Unfit):
        client.get(f"{web.url}/")


def test_only_the_beginning_of_a_huge_one_counts(web: Web, tmp_path: Path) -> None:
    web.pages["/robots.txt"] = Reply(
        b"User-agent: *\nDisallow: /private\n" + b"# pad\n" * 100_000 + b"Disallow: /\n"  # 600 kB
    )
    with polite(web, tmp_path) as client:
        client.get(f"{web.url}/")
        with pytest.raises(Unfit):
            client.get(f"{web.url}/private")


def test_a_redirect_does_not_lead_past_the_rules(web: Web, tmp_path: Path) -> None:
    with serving() as other:
        other.pages["/robots.txt"] = Reply(b"User-agent: *\nDisallow: /")
        web.pages["/"] = Reply(status=302, headers={"Location": f"{other.url}/x"})
        with polite(web, tmp_path) as client, pytest.raises(Unfit, match=r"forbidden by robots\.txt"):
            client.get(f"{web.url}/")
        assert other.paths() == ["/robots.txt"]


def test_the_delay_that_a_site_asks_for(web: Web, tmp_path: Path) -> None:
    web.pages["/robots.txt"] = Reply(b"User-agent: *\nCrawl-delay: 1.2")
    with polite(web, tmp_path) as client:
        client.get(f"{web.url}/")
        client.get(f"{web.url}/")
    first, second = (each.at for each in web.asked if each.path == "/")
    assert second - first >= 1.2


def test_a_site_that_wants_no_visits(web: Web, tmp_path: Path) -> None:
    web.pages["/robots.txt"] = Reply(b"User-agent: *\nCrawl-delay: 100000")
    with polite(web, tmp_path) as client, pytest.raises(Unfit, match="100,000 s between two requests"):
        client.get(f"{web.url}/")
    assert web.paths() == ["/robots.txt"]


def test_two_sites_do_not_wait_for_each_other(web: Web, tmp_path: Path) -> None:
    with serving() as other, polite(web, tmp_path) as client:
        for site in (web, other):
            site.pages["/robots.txt"] = Reply(b"User-agent: *\nCrawl-delay: 30")
            site.pages["/"] = Reply(b"page")
        begun = time.monotonic()
        client.get(f"{web.url}/")
        client.get(f"{other.url}/")
        assert time.monotonic() - begun < 20


def test_what_is_no_web_address(web: Web, tmp_path: Path) -> None:
    with polite(web, tmp_path) as client, pytest.raises(UserError, match="is no"):
        client.get("mailto:desk@example.com")
