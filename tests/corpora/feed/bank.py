"""A bank's feed on a local server, and what a run over it gives."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from corpora.document import Document, Quarantined
from corpora.sources.feed import Feed
from domain.machine import Machine
from tests.corpora.web.server import Reply, Web


def prose(number: int) -> str:
    return " ".join(
        f"Release {number} says in sentence {n} that inflation moved by {n} basis points." for n in range(20)
    )


def page(number: int, head: str = "") -> Reply:
    body = f"<html><head>{head}</head><body><article><p>{prose(number)}</p></article></body></html>"
    return Reply(body.encode(), headers={"Content-Type": "text/html; charset=utf-8"}, etag=f'"page {number}"')


def item(web: Web, number: int, more: str = "") -> str:
    """An item of RSS, published at 23:30 in New York on day ``number``, which is the day that counts."""
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


def feed(web: Web, **settings: Any) -> Feed:
    return Feed(**{"urls": [f"{web.url}/feed"], "contact": "desk@bank.test", "licence": "cc-by-4.0", **settings})


def run(web: Web, folder: Path, network: bool = True, **settings: Any) -> list[Document | Quarantined]:
    """One run over the feed."""
    machine = Machine(workers=1, work=folder, private_hosts=(web.host,), network=network)
    return list(feed(web, **settings).documents(machine))


def ids(found: list[Document | Quarantined]) -> list[str]:
    return [each.id.rpartition("/")[2] for each in found if isinstance(each, Document)]
