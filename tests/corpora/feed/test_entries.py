"""What feeds say: remembered, asked for only if it is new, and read though it is broken."""

from __future__ import annotations

import re
import time
from pathlib import Path

import pytest

from corpora.document import Document, Quarantined
from corpora.feed import entries
from corpora.feed.entries import canonical, parse
from corpora.metadata.dates import Dates
from corpora.web import Answer
from domain.errors import UserError
from tests.corpora.feed.bank import ids, item, news, page, rss, run
from tests.corpora.web.server import Reply, Web

pytestmark = pytest.mark.usefixtures("in_process", "unhurried")


def test_the_next_run_asks_only_for_what_is_new(web: Web, tmp_path: Path) -> None:
    news(web, 1, 2)
    run(web, tmp_path)
    web.asked.clear()
    assert ids(run(web, tmp_path)) == ["1?id=1", "2?id=2"]
    assert web.paths() == ["/feed"]
    assert web.asked[0].headers["if-none-match"] == '"(1, 2)"'
    web.asked.clear()
    news(web, 2, 3)  # the feed forgets the first, which stays
    assert ids(run(web, tmp_path)) == ["1?id=1", "2?id=2", "3?id=3"]
    assert web.paths() == ["/feed", "/news/3?utm_source=rss&id=3"]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"<html><body>no feed</body></html>", "no RSS or Atom feed"),
        (b"", "no RSS or Atom feed"),
        (b"/etc/passwd", "no RSS or Atom feed"),
        (b"\x00\xff" * 1_000, "no RSS or Atom feed"),
    ],
)
def test_what_is_no_feed(web: Web, tmp_path: Path, content: bytes, said: str) -> None:
    web.pages["/feed"] = Reply(content)
    with pytest.raises(UserError, match=said):
        run(web, tmp_path)
    news(web, 1)
    run(web, tmp_path)
    web.pages["/feed"] = Reply(content)
    found = run(web, tmp_path)
    assert said in found[0].reason  # type: ignore[union-attr]
    assert ids(found) == ["1?id=1"]  # what was there before stays


def test_a_feed_cut_short_gives_what_it_holds(web: Web, tmp_path: Path) -> None:
    news(web, 1, 2)
    web.pages["/feed"] = Reply(rss(item(web, 1), item(web, 2))[:-40])
    assert sorted(ids(run(web, tmp_path))) == ["1?id=1", "2?id=2"]
    web.asked.clear()
    news(web, 1, 2, 3)
    assert ids(run(web, tmp_path)) == ["1?id=1", "2?id=2", "3?id=3"]
    assert "if-none-match" not in web.asked[0].headers  # all of it is asked for again


def test_entities_are_not_expanded(web: Web, tmp_path: Path) -> None:
    bomb = "".join(f'<!ENTITY a{n} "{f"&a{n - 1};" * 10}">' for n in range(1, 10))
    head = f'<?xml version="1.0"?><!DOCTYPE rss [<!ENTITY a0 "ha"><!ENTITY f SYSTEM "file:///etc/passwd">{bomb}]>'
    more = "<description>&a9; &f;</description>"
    web.pages["/feed"] = Reply(head.encode() + rss(item(web, 1, more)).partition(b"?>")[2])
    found = run(web, tmp_path, pages=False)
    assert all("root:" not in each.text for each in found if isinstance(each, Document))
    assert all(len(each.text) < 10_000 for each in found if isinstance(each, Document))


def test_one_feed_of_two_that_is_gone(web: Web, tmp_path: Path) -> None:
    news(web, 1)
    found = run(web, tmp_path, urls=[f"{web.url}/gone", f"{web.url}/feed"])
    assert isinstance(found[0], Quarantined)
    assert "answers 404" in found[0].reason
    assert ids(found) == ["1?id=1"]


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


@pytest.mark.parametrize(
    ("stated", "day"),
    [
        ("Fri, 05 Jan 2024 23:30:00 -0800", "2024-01-05"), ("2024-01-05T23:30:00Z", "2024-01-05"),
        ("2024年1月5日", "2024-01-05"),
        ("1704412800", "2024-01-05"), ("5 Jan 2024", "2024-01-05"), ("5. Januar 2024", None), ("05/01/2024", None),
        ("2024", None), ("soon", None), ("99999-01-01", None), ("9999-12-31", None),
    ],
)  # fmt: skip
@pytest.mark.parametrize("kind", ["rss", "atom"])
def test_a_day_is_the_one_that_is_written_or_none(stated: str, day: str | None, kind: str) -> None:
    link = "https://bank.example/a"
    content = {
        "rss": f"<rss version='2.0'><channel><title>B</title><item><link>{link}</link>"
        f"<pubDate>{stated}</pubDate></item>"
        "</channel></rss>",
        "atom": f"<feed xmlns='http://www.w3.org/2005/Atom'><title>B</title><entry><link href='{link}'/>"
        f"<published>{stated}</published><updated>2020-02-02T00:00:00Z</updated></entry></feed>",
    }[kind]
    answer = Answer(url="https://bank.example/f", status=200, headers={}, content=content.encode())
    (entry,) = parse(answer)[0]
    assert entry.date == day
    assert entry.unread_date == (None if day else stated)
    assert Dates().day(stated) == day  # as in all sources


def test_an_entry_states_its_licence(web: Web, tmp_path: Path) -> None:
    by = '<atom:link rel="license" href="https://creativecommons.org/licenses/by/4.0/" xmlns:atom="http://www.w3.org/2005/Atom"/>'
    nc = by.replace("/by/", "/by-nc/")
    web.pages["/feed"] = Reply(rss(item(web, 1, by), item(web, 2)))
    web.pages["/news/1"], web.pages["/news/2"] = page(1), page(2)
    found = [each for each in run(web, tmp_path) if isinstance(each, Document)]
    assert [each.licence_from for each in found] == ["record", "recipe"]
    web.pages["/feed"] = Reply(rss(item(web, 1, nc)))
    with pytest.raises(
        UserError, match=r"its record states the licence 'https://creativecommons\.org/licenses/by-nc/4\.0/'"
    ):
        run(web, tmp_path)
    found = [each for each in run(web, tmp_path, licence={"override": "cc-by-4.0"}) if isinstance(each, Document)]
    assert [each.licence for each in found] == ["cc-by-4.0"] * 2


def large(content: bytes) -> Answer:
    return Answer(url="https://h/feed", status=200, headers={"content-type": "application/rss+xml"}, content=content)


def test_a_large_feed_says_the_same_as_a_small_one(monkeypatch: pytest.MonkeyPatch) -> None:
    entry = b"<item><title>t</title><link>https://h/%d</link><description>&lt;p&gt;caf\xc3\xa9&lt;/p&gt;</description></item>"
    content = b'<rss version="2.0"><channel>%b</channel></rss>' % b"".join(entry % n for n in range(20))
    small = parse(large(content))
    monkeypatch.setattr(entries, "SMALL_FEED", 100)
    assert parse(large(content)) == small
    assert len(small[0]) == 20


@pytest.mark.parametrize("piece", [b"<b>", b'<a href="', b"<item>"])
def test_a_large_feed_that_takes_too_long_is_given_up(monkeypatch: pytest.MonkeyPatch, piece: bytes) -> None:
    monkeypatch.setattr(entries, "FEED_SECONDS", 0.5)
    content = b"<rss version='2.0'><channel><item><title>x" + piece * (3_000_000 // len(piece))
    begin = time.process_time()
    with pytest.raises(ValueError, match=r"took more than 0\.5 seconds"):
        parse(large(content))
    assert time.process_time() - begin < 20


def damaged(path: Path, how: str) -> None:
    """Change one entry in the middle of the log."""
    lines = path.read_bytes().splitlines(keepends=True)
    first = lines[0]
    changed = {
        "a letter": first.replace(b"Release", b"Relapse"),
        "its day": first.replace(b"2024-01-01", b"2014-01-01"),
        "its digest": first.replace(b'"sha256":"', b'"sha256":"0'),
        "no digest": re.sub(rb',"sha256":"\w+"', b"", first),
        "cut": first[:-20] + b"\n",
        "no JSON": b"\x00" * len(first) + b"\n",
        "no object": b"[1]\n",
        "gone": b"",
    }[how]
    assert changed != first
    path.write_bytes(b"".join([changed, *lines[1:]]))


@pytest.mark.parametrize(
    "how", ["a letter", "its day", "its digest", "no digest", "cut", "no JSON", "no object", "gone"]
)
def test_an_entry_that_is_not_as_it_was_written_is_asked_for_again(
    web: Web, tmp_path: Path, caplog: pytest.LogCaptureFixture, how: str
) -> None:
    more = "<description>Release notes.</description>"
    web.pages["/feed"] = Reply(rss(*(item(web, n, more) for n in (1, 2))), etag='"same"')
    first = run(web, tmp_path, pages=False)
    (log,) = tmp_path.rglob("entries.jsonl")
    before = log.read_bytes()
    damaged(log, how)
    if how != "gone":
        offline = run(web, tmp_path, network=False, pages=False)
        assert ids(offline) == ["2?id=2"]  # nothing of what was changed is believed
        assert "not as they were written" in caplog.text
    web.asked.clear()
    assert run(web, tmp_path, pages=False) == first
    assert "if-none-match" not in web.asked[0].headers
    assert "1 entries are gone or damaged" in caplog.text
    assert sorted(log.read_bytes().splitlines()) == sorted(before.splitlines())
    caplog.clear()
    web.asked.clear()
    assert run(web, tmp_path, pages=False) == first
    assert web.asked[0].headers["if-none-match"] == '"same"'
    assert caplog.text == ""


def test_a_log_that_a_kill_cut_goes_on(web: Web, tmp_path: Path) -> None:
    news(web, 1, 2)
    first = run(web, tmp_path)
    (log,) = tmp_path.rglob("entries.jsonl")
    whole = log.read_bytes()
    second = whole.index(b"\n") + 1
    for end in (second + 1, second + 30, len(whole) - 1):
        log.write_bytes(whole[:end])
        log.with_name("mark.json").unlink()  # it is written last
        assert run(web, tmp_path) == first
        assert log.read_bytes() == whole
