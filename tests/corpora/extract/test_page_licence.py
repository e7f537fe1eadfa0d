"""What pages state as their licence, in the ways in which pages do."""

from __future__ import annotations

import time

import pytest

from corpora.extract.html import page
from corpora.extract.page_licence import LONGEST_STATEMENT, MOST_LICENCES, marked, scripts

BY = "https://creativecommons.org/licenses/by/4.0/"


def licences(*, head: str = "", body: str = "") -> list[str]:
    html = (
        f"<html><head><title>t</title>{head}</head><body><p>{'Rates rose again today. ' * 20}</p>{body}</body></html>"
    )
    return list(page(html.encode(), mode="resiliparse").licences)


@pytest.mark.parametrize(
    "head",
    [
        f'<link rel="license" href="{BY}">',
        f"<LINK REL=License HREF={BY}>",
        f'<link href="{BY}" rel="dcterms:license">',
        f'<link rel="alternate license" href=" {BY} ">',
        f'<meta name="dcterms.license" content="{BY}">',
        f'<meta property="cc:license" content="{BY}">',
        f'<meta name="DC.License" content="{BY}">',
        f'<meta name="license" content="{BY}">',
        f'<meta name="dcterms.rights" content="{BY}">',
        f'<meta name="copyright" content="{BY}">',
        f'<link itemprop="license" href="{BY}">',
        f'<script type="application/ld+json">{{"@type": "NewsArticle", "license": "{BY}"}}</script>',
        f'<script type="application/ld+json">[{{"@type": ["WebPage"], "license": {{"@id": "{BY}"}}}}]</script>',
        f'<SCRIPT type=\'application/ld+json\'>{{"@graph": [{{"@type": "Book", "license": "{BY}"}}]}}</SCRIPT>',
    ],
)
def test_a_head_states_it(head: str) -> None:
    assert licences(head=head) == [BY]


@pytest.mark.parametrize(
    "body",
    [
        f'<a rel="license" href="{BY}">CC BY</a>',
        f"<footer>(c) <a href='{BY}' rel='nofollow license noopener'>x</a></footer>",
        f'<span rel="cc:license" resource="{BY}"></span>',
        f'<a property="dct:license" href="{BY}">x</a>',
        f'<article itemscope itemtype="https://schema.org/Article"><a itemprop="license" href="{BY}">x</a></article>',
        f'<article about="/node/7"><a rel="license" href="{BY}">x</a></article>',
        f'<a rel="copyright" href="{BY}">x</a>',
    ],
)
def test_a_link_in_the_text_states_it(body: str) -> None:
    assert licences(body=body) == [BY]


@pytest.mark.parametrize(
    "markup",
    [
        f'<a href="{BY}">what licences are</a>',
        f'<!-- <a rel="license" href="{BY}">x</a> -->',
        f"<script>'<a rel=license href={BY}>'</script>",
        f'<figure><img><a rel="license" href="{BY}">x</a></figure>',
        f'<div itemscope itemtype="http://schema.org/ImageObject"><a itemprop="license" href="{BY}">x</a></div>',
        f'<div about="a.jpg"><a rel="license" href="{BY}">x</a></div>',
        '<a rel="license" href="#footer">x</a>',
        '<a rel="license" href="javascript:show()">x</a>',
        '<a rel="license">x</a>',
        '<a rel="copyright" href="/legal">x</a>',
        f'<a rel="license" href="https://x.example/{"y" * LONGEST_STATEMENT}">x</a>',
        f'<a rel="sublicense" href="{BY}">x</a>',
        '<meta name="rights" content="All rights reserved">',
        '<meta name="licensee" content="mit">',
        f'<script type="application/ld+json">{{"@type": "ImageObject", "license": "{BY}"}}</script>',
        f'<script type="application/ld+json">{{"@type": "Dataset", "license": "{BY}"}}</script>',
        '<script type="application/ld+json">{"@type": "Article", "license": [3, null, {"@id": 4}]</script>',
        f'<script type="application/ld+json">{"[" * 3000}"license"</script>',
    ],
)
def test_what_is_said_of_something_else_or_of_nothing_is_no_licence(markup: str) -> None:
    assert licences(body=markup) == []


def test_several_are_all_told_once_and_no_page_has_many() -> None:
    nc = "http://creativecommons.org/licenses/by-nc/4.0/"
    assert licences(
        head=f'<link rel="license" href="{BY}">', body=f"<a rel=license href={BY}>x</a><a rel=license href={nc}>"
    ) == [BY, nc]
    assert len(licences(body="".join(f'<a rel="license" href="/{n}">x</a>' for n in range(50)))) == MOST_LICENCES


@pytest.mark.parametrize("markup", ["rel=", 'rel="', "<script type=application/ld+json>", "property = '"])
def test_hostile_markup_takes_no_time(markup: str) -> None:
    begin = time.process_time()
    assert not marked(markup * 200_000)
    assert list(scripts(markup * 200_000)) == []
    assert time.process_time() - begin < 5
