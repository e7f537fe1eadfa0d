"""A feed's pages: kept, asked for again on condition, left alone where their site does not give them."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import pytest

from corpora.document import Quarantined
from domain.errors import UserError
from domain.machine import Machine
from tests.corpora.feed.bank import feed, ids, item, news, page, rss, run
from tests.corpora.web.server import Asked, Reply, Web

pytestmark = pytest.mark.usefixtures("in_process", "unhurried")


def test_without_network_what_is_here_is_read(web: Web, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="none was ever fetched"):
        run(web, tmp_path, network=False)
    news(web, 1, 2)
    before = run(web, tmp_path)
    web.asked.clear()
    assert run(web, tmp_path, network=False) == before
    assert web.asked == []


def test_an_entry_that_changed_is_asked_for_again_on_condition(web: Web, tmp_path: Path) -> None:
    news(web, 1, 2)
    run(web, tmp_path)
    changed = [item(web, n, "<description>now with a summary</description>") for n in (1, 2)]
    web.pages["/feed"] = Reply(rss(*changed), etag='"new"')
    web.pages["/news/2"] = page(99)
    web.asked.clear()
    found = run(web, tmp_path)
    assert "Release 1 says" in found[0].text  # type: ignore[union-attr]
    assert "Release 99 says" in found[1].text  # type: ignore[union-attr]
    feed, *pages = [each.headers.get("if-none-match") for each in web.asked]
    assert (feed, sorted(map(str, pages))) == ('"(1, 2)"', ['"page 1"', '"page 2"'])


def test_a_page_that_fails_is_quarantined_and_tried_again(web: Web, tmp_path: Path) -> None:
    news(web, 1, 2)
    web.pages["/news/1"] = Reply(status=503)
    machine = Machine(work=tmp_path, private_hosts=(web.host,))
    stamp = feed(web).stamp(machine)
    found = run(web, tmp_path)
    assert isinstance(found[0], Quarantined)
    assert "answers 503" in found[0].reason
    assert (found[0].records, ids(found)) == (1, ["2?id=2"])
    assert feed(web).stamp(machine) != stamp  # so that the next run looks again
    web.pages["/news/1"] = page(1)
    assert ids(run(web, tmp_path)) == ["1?id=1", "2?id=2"]
    assert feed(web).stamp(machine) == stamp


@pytest.mark.parametrize(
    "reply", [Reply(status=404), Reply(status=403), Reply(b"x", headers={"Content-Type": "image/png"})]
)
def test_a_page_that_its_site_does_not_give_is_no_loss(web: Web, tmp_path: Path, reply: Reply) -> None:
    news(web, 1, 2)
    web.pages["/news/1"] = reply
    for _ in range(7):
        found = run(web, tmp_path)
        assert isinstance(found[0], Quarantined)
        assert found[0].records == 0
        assert ids(found) == ["2?id=2"]
    assert web.paths().count("/news/1?utm_source=rss&id=1") == 5  # runs; then it is left alone


def test_robots_txt_is_kept_to(web: Web, tmp_path: Path) -> None:
    news(web, 1, 2)
    web.pages["/robots.txt"] = Reply(b"User-agent: *\nDisallow: /news/1")
    found = run(web, tmp_path)
    assert "forbidden by robots.txt" in found[0].reason  # type: ignore[union-attr]
    assert ids(found) == ["2?id=2"]
    assert not [path for path in web.paths() if path.startswith("/news/1")]


def test_a_page_on_a_private_address_is_not_asked(web: Web, tmp_path: Path) -> None:
    inside = "<item><title>x</title><link>http://169.254.169.254/latest/meta-data</link></item>"
    news(web, 1)
    web.pages["/feed"] = Reply(rss(inside, item(web, 1)))
    found = run(web, tmp_path)
    assert "not public" in found[0].reason  # type: ignore[union-attr]
    assert ids(found) == ["1?id=1"]


KILLED = """
import sys
from pathlib import Path
from corpora.sources.feed import Feed
from domain.machine import Machine
url, work = sys.argv[1], Path(sys.argv[2])
machine = Machine(workers=1, work=work, private_hosts=(url.split("/")[2],))
for found in Feed(urls=[url], contact="desk@bank.test").items(machine):
    print(found, flush=True)
"""


def test_a_kill_costs_nothing_that_had_come(web: Web, tmp_path: Path) -> None:
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
    assert ids(run(web, tmp_path)) == [f"{n}?id={n}" for n in (1, 2, 3, 4)]
    assert sorted(path[:7] for path in web.paths() if path.startswith("/news")) == ["/news/3", "/news/4"]
