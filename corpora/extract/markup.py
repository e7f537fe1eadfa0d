"""Rewrites HTML where resiliparse would lose text: table cells on one line, lists, the content of figures.

On the markup, since a change of resiliparse's tree takes time with its size (147 s where a filing has 1.1 MB).
"""

from __future__ import annotations

import re
from collections.abc import Iterator

TABLE = re.compile(r"(</?(?:t[dhr]|table)\b[^>]*>)", re.IGNORECASE)
CELL_BEGINS = re.compile(r"<t[dh]\b", re.IGNORECASE)
BLOCK = re.compile(r"</?(?:div|p|br|center|h[1-6]|blockquote)\b[^>]*>|\n", re.IGNORECASE)
ANY_TAG = re.compile(r"<[^>]*>")
CELL = 500  # characters; a longer cell is a part of the layout and keeps its paragraphs
# Found in one pass: tags that are rewritten, of which most pages have few, and what holds no markup.
REWRITTEN = re.compile(
    r"<(?=/?[uftsUFTS!][LIDCTElidcte-])(?:(/?)(ul|figure|figcaption|td)\b[^>]{0,2000}>"
    r"|(?<![\"'].)(script|style|title|textarea)\b[^>]{0,2000}(?<!/)>|(!--))",
    re.IGNORECASE,
)
ENDS_OF_RAW_TEXT = {
    name: re.compile(rf"</(?i:{name})\b[^>]{{0,2000}}>") for name in ("script", "style", "title", "textarea")
} | {"!--": re.compile("--!?>")}
UNSEEN = ("script", "style", "!--")  # resiliparse weighs a script as text, and takes a menu of many for an article
TEXT_WITHIN = re.compile(r"<(?:table|pre|code|blockquote|ul|ol|dl|math)\b", re.IGNORECASE)
LINK = re.compile(r"<a\s.*?(?:</a|$)", re.DOTALL | re.IGNORECASE)
NAVIGATION = re.compile(r"nav|menu|breadcrumb|shar(?:e|ing)\b|social|pagin|toolbar|\btags?\b|related", re.IGNORECASE)
SAMPLE = 3_000  # characters of a list that tell whether it is text or links
LINKS, FEW_LINKS = (
    0.5,
    0.1,
)  # share of its letters in links above which it leads elsewhere; below which they tell nothing
LINK_TAG = re.compile(r"</?a\b[^>]{0,4000}>", re.IGNORECASE)
# Resiliparse takes a bulleted list for a menu unless it stands deep in the tree and has few links.
DEEPER, SHALLOWER = "<div><div><div>", "</div></div></div>"


def prepared(html: str, *, lists: bool = True) -> str:
    """The markup, ready for resiliparse, without scripts, styles and comments. Without ``lists`` only figures are
    changed beside.
    """
    changes: list[tuple[int, int, str]] = []
    cells = False
    for name, begin, inside, end, after in elements(html):
        if name == "td":
            cells = True
        elif name in (*UNSEEN, "figcaption"):
            changes.append((begin, after, ""))
        elif name == "figure":
            if TEXT_WITHIN.search(html, inside, end):
                changes += [(begin, inside, "<div>"), (end, after, "</div>")]
        elif lists and not NAVIGATION.search(html, begin, inside) and (share := linked(html, inside, end)) <= LINKS:
            changes += [(begin, begin, DEEPER), (after, after, SHALLOWER)]
            if share <= FEW_LINKS:
                changes += [(*link.span(), "") for link in LINK_TAG.finditer(html, inside, end)]
    html = changed(html, changes)
    return with_flat_cells(html) if cells and lists else html


def elements(html: str) -> Iterator[tuple[str, int, int, int, int]]:
    """(name, where its tag begins, what is in it, its end tag, what is behind it), inner elements before outer ones."""
    opened: list[tuple[str, int, int]] = []
    at = 0
    while (tag := REWRITTEN.search(html, at)) is not None:
        begin, at = tag.span()
        name = (tag[2] or tag[3] or tag[4]).lower()
        if (ending := ENDS_OF_RAW_TEXT.get(name)) is not None:
            inside = at - 2 if name == "!--" else at  # <!--> is a whole comment
            if (end := ending.search(html, inside)) is None:
                return
            at = end.end()
            # A script that hides another one in a comment ends elsewhere: that is for the parser.
            if name in UNSEEN and html.find("<!--", inside, at) < 0:
                yield name, begin, inside, end.start(), at
        elif name == "td":
            if not tag[1]:
                yield name, begin, at, at, at
        elif not tag[1]:
            opened.append((name, begin, at))
        elif any(each[0] == name for each in opened[-8:]):
            while opened[-1][0] != name:
                opened.pop()
            yield (*opened.pop(), begin, at)


def changed(html: str, changes: list[tuple[int, int, str]]) -> str:
    """The markup with (begin, end, what stands there instead); of two that overlap the one that begins first."""
    if not changes:
        return html
    out: list[str] = []
    at = 0
    for begin, end, text in sorted(changes):
        if begin >= at:
            out += (html[at:begin], text)
            at = end
    return "".join((*out, html[at:]))


def linked(html: str, inside: int, end: int) -> float:
    """The share of a list's letters that are in links, by its first items; 1 for one without letters."""
    if end - inside > SAMPLE:
        whole = html.rfind("</", inside, inside + SAMPLE)
        end = whole if whole > 0 else inside + SAMPLE
    markup = html[inside:end]
    letters = len("".join(ANY_TAG.sub("", markup).split()))
    rest = len("".join(ANY_TAG.sub("", LINK.sub("", markup)).split())) if "<a" in markup or "<A" in markup else letters
    return 1 - rest / letters if letters else 1.0


def with_flat_cells(html: str) -> str:
    """Each cell of a table on one line, so that a row can be one."""
    parts = TABLE.split(html)  # markup and tags of tables by turns, beginning with markup
    for at in range(1, len(parts) - 2, 2):
        if CELL_BEGINS.match(parts[at]) and not parts[at + 2].lower().startswith("<table"):
            flat = BLOCK.sub(" ", parts[at + 1])
            if len(ANY_TAG.sub("", flat)) <= CELL:
                parts[at + 1] = flat
    return "".join(parts)
