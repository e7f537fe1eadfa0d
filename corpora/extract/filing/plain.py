"""Filings in plain text, from before HTML, as lines: wrapped paragraphs joined, columns separated by a bar."""

from __future__ import annotations

import html
import re

from corpora.extract.filing.headings import LABEL
from corpora.extract.filing.markup import decoded, squeezed, visible
from corpora.extract.filing.tables import BAR, BULLET, joined

TAGGED = re.compile(rb"<(?:div|p|br|tr|font|span)\b", re.I)
LINES_A_TAG = 40  # above which a document is plain text, whatever stands around it: HTML has more tags than lines
RULE = re.compile(r"[\s\-=_*.~]*")  # a line drawn with characters
COLUMNS = re.compile(r"^\s*(?:<(?:S|C|CAPTION|FN|F\d+)>\s*)+$", re.I)
TAG = re.compile(
    r"</?(?:S|C|CAPTION|FN|F\d{1,2}|TABLE|R|B|I|U|CENTER|HTML|HEAD|TITLE|BODY|DIV|PRE)\b[^<>]{0,300}>", re.I
)
# What stands between two columns: blanks (two may be those behind a full stop), or dots that lead the eye.
GAP, NARROW = re.compile(r"\s{3,}|\s*\.{4,}\s*"), re.compile(r"\s{2,}|\s*\.{4,}\s*")
WRAPPED = 45  # mean characters in a line of prose: EDGAR's lines were at most 80 wide
SHORT = 220  # characters in a heading


def is_plain(content: bytes) -> bool:
    """Whether a document is plain text, in which EDGAR's own few tags may stand."""
    return LINES_A_TAG * sum(1 for _ in TAGGED.finditer(content, 0, 200_000)) <= content.count(b"\n", 0, 200_000)


def plain_lines(content: bytes) -> list[str]:
    """The lines of a plain-text document, as ``markup_lines`` gives them."""
    out: list[str] = []
    block: list[str] = []
    table = False
    text = visible(html.unescape(decoded(content))).replace("\xa0", " ").expandtabs(8)
    for raw in text.splitlines():
        upper = raw.upper()
        if "<PAGE>" in upper or (raw.strip() == "" and "\f" in raw):
            out.extend((*closed(block, table), "", "\f", ""))
            continue
        if "<TABLE>" in upper or "</TABLE>" in upper:
            out.extend((*closed(block, table), ""))
            table = "<TABLE>" in upper
        if COLUMNS.match(raw):
            continue
        line = TAG.sub("", raw).rstrip()
        if RULE.fullmatch(line):  # blank, or drawn below a heading
            out.extend(closed(block, table))
            if not (table and line.strip()):
                out.append("")
            continue
        block.append(line)
    return squeezed([*out, *closed(block, table)])


def closed(block: list[str], table: bool) -> list[str]:
    """The lines of a block that has ended, which is emptied."""
    rows = list(block)
    block.clear()
    if not rows:
        return []
    head = " ".join(" ".join(rows).split())
    if LABEL.match(head) and len(head) <= SHORT and not table:
        return [head]
    if table or not prose(rows):
        gap = NARROW if table else GAP
        return [BAR.join(joined([" ".join(cell.split()) for cell in gap.split(row.strip()) if cell])) for row in rows]
    out: list[str] = []
    before = 0
    for row in rows:
        indent = len(row) - len(row.lstrip())
        if out and not (indent >= before + 3 and out[-1].endswith((".", ":", ";"))) and not LABEL.match(row.strip()):
            out[-1] += " " + " ".join(row.split())
        else:
            out.extend(("", " ".join(row.split())) if out else (" ".join(row.split()),))
        before = indent
    return out


def prose(rows: list[str]) -> bool:
    """Whether a block's lines are one text that was wrapped, rather than lines that stand for themselves."""
    apart = sum(map(columns, rows))
    if len(rows) == 1:
        return not apart
    full = [row.strip() for row in rows[:-1]]
    return sum(map(len, full)) / len(full) >= WRAPPED and apart <= len(rows) / 5


def columns(row: str) -> bool:
    """Whether a line has columns; the number of a paragraph in front of it is none."""
    cells = GAP.split(row.strip())
    return len(cells) > 2 or (len(cells) == 2 and BULLET.fullmatch(cells[0]) is None)
