"""The licence that an HTML page states by its links, meta tags or schema.org data."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from resiliparse.parse.html import HTMLTree
    from resiliparse.parse.html.node import Node

LONGEST_STATEMENT = 1_000  # characters of an address or a name
MOST_LICENCES = 10  # licences of one page
MOST_ELEMENTS = 100  # that are looked at for one
NAMES = ("license", "licence")
WORDS = ("icens", "ICENS")  # in which an attribute speaks of a licence; in most pages neither stands
REACH = 400  # characters before such a word in which its attribute may begin
ATTRIBUTE = re.compile(
    r"""\b(?:rel|property|itemprop)\s*=\s*(?:"[^"<>]{0,300}|'[^'<>]{0,300}|[^\s"'<>]{0,300})l\Z""", re.IGNORECASE
)
COPYRIGHT = re.compile(r"""\brel\s*=\s*["']?copyright\b""", re.IGNORECASE)
ELEMENTS = '[rel*="license" i], [property*="license" i], [itemprop*="license" i], [rel~="copyright" i]'
MEDIA = re.compile(r"\.(?:jpe?g|png|gif|svg|webp|tiff?|mp[34]|og[agv]|webm|wav|zip|csv)(?:[?#]|$)", re.IGNORECASE)
CREATIVE_COMMONS = re.compile(r"(?:https?:)?//(?:www\.)?creativecommons\.org/\S+", re.IGNORECASE)
NO_ADDRESS = re.compile(r"#.*|(?:javascript|mailto|tel|data):.*", re.IGNORECASE | re.DOTALL)
# Of these only an address of Creative Commons counts: others are sentences such as "All rights reserved".
RIGHTS = ("dc.rights", "dcterms.rights", "dc:rights", "dcterms:rights", "rights", "copyright", "dc.rights.uri")
LD_JSON = re.compile(r"<script\b[^>]{0,300}\bapplication/ld\+json\b[^>]{0,300}>", re.IGNORECASE)
END_OF_SCRIPT = re.compile("</script", re.IGNORECASE)
LONGEST_JSON = 500_000  # characters of a script
# Types of schema.org that are the page's text. A picture, a dataset or a program on it may be under another licence.
TEXTS = re.compile(
    r"(?:schema:|https?://schema\.org/)?(?:\w*(?:Article|Page|Posting|Report)|CreativeWork|Book|Chapter)"
)
DEPTH = 3  # of lists and graphs in which schema.org's words are looked for


def page_licences(tree: HTMLTree, markup: str, html: str, meta: dict[str, str]) -> tuple[str, ...]:
    """Addresses and names as they stand there, each once, of a tree, its markup and, with scripts, its page; ``meta``
    are its meta tags by name.

    Read are ``rel=license`` (HTML, and ccREL in RDFa), ``itemprop=license``, meta tags such as ``dcterms.license``,
    and ``license`` in JSON-LD of the page itself. https://html.spec.whatwg.org/multipage/links.html#link-type-license
    """
    stated = [content for name, content in meta.items() if is_licence(name)]
    stated += [content for name in RIGHTS if CREATIVE_COMMONS.fullmatch(content := meta.get(name, ""))]
    if marked(markup) or ("reativecommons" in markup and COPYRIGHT.search(markup)):
        stated += linked(tree)
    if "ld+json" in html and '"license"' in html:
        stated += [licence for script in scripts(html) for licence in of_json(script)]
    sound = (
        each.strip() for each in stated if len(each) <= LONGEST_STATEMENT and not NO_ADDRESS.fullmatch(each.strip())
    )
    return tuple(dict.fromkeys(each for each in sound if each))[:MOST_LICENCES]


def is_licence(name: str) -> bool:
    """Whether a name of a link or tag is "license", in whatever vocabulary (``cc:license``, ``dcterms.license``)."""
    name = name.lower()
    return name.endswith(NAMES) and re.split(r"[:.#/]", name)[-1] in NAMES


def marked(markup: str) -> bool:
    """Whether an attribute names a licence: the whole tree is walked for a page that has one."""
    for word in WORDS:
        begin, at = 0, markup.find(word)
        while at >= 0:
            if ATTRIBUTE.search(markup, max(begin, at - REACH), at):
                return True
            begin, at = at, markup.find(word, at + 1)
    return False


def linked(tree: HTMLTree) -> Iterator[str]:
    """The addresses of the elements that are marked as the page's licence."""
    document = tree.document
    for element in document.query_selector_all(ELEMENTS)[:MOST_ELEMENTS] if document is not None else ():
        address = element.getattr("href") or element.getattr("resource") or element.getattr("content") or ""
        marks = {mark: (element.getattr(mark) or "").split() for mark in ("rel", "property", "itemprop")}
        if any(is_licence(token) for tokens in marks.values() for token in tokens):
            if not of_another(element):
                yield address
        elif "copyright" in map(str.lower, marks["rel"]) and CREATIVE_COMMONS.fullmatch(address):
            yield address  # what HTML 4 had for it; it mostly leads to a notice


def of_another(element: Node) -> bool:
    """Whether what an element says is said of another work than the page: of a figure, a picture, a dataset."""
    from resiliparse.parse.html.node import ElementNode

    node: Node | None = element
    while isinstance(node, ElementNode):
        kind = node.getattr("itemtype")
        if node.tag == "figure" or MEDIA.search(node.getattr("about") or "") or (kind and not TEXTS.fullmatch(kind)):
            return True
        node = node.parent
    return False


def scripts(html: str) -> Iterator[str]:
    """The JSON-LD in a page."""
    at = 0
    while (begin := LD_JSON.search(html, at)) and (end := END_OF_SCRIPT.search(html, begin.end())):
        at = end.end()
        if end.start() - begin.end() <= LONGEST_JSON:
            yield html[begin.end() : end.start()]


def of_json(script: str) -> Iterator[str]:
    """The licences that JSON-LD states of the page's text."""
    try:
        yield from of_graph(json.loads(script), DEPTH)
    except (ValueError, RecursionError):
        return


def of_graph(value: Any, depth: int) -> Iterator[str]:
    """Those of a node, or of the nodes of a list or graph."""
    if isinstance(value, list) and depth:
        for item in value[:MOST_ELEMENTS]:
            yield from of_graph(item, depth - 1)
    elif isinstance(value, dict):
        if any(isinstance(kind, str) and TEXTS.fullmatch(kind) for kind in several(value.get("@type"))):
            for licence in several(value.get("license")):
                if isinstance(licence, dict):
                    licence = licence.get("@id") or licence.get("url") or licence.get("name")
                if isinstance(licence, str):
                    yield licence
        if depth:
            yield from of_graph(value.get("@graph") or value.get("mainEntity") or [], depth - 1)


def several(value: Any) -> list[Any]:
    """A list, or the one that stands in its place."""
    return value if isinstance(value, list) else [value]
