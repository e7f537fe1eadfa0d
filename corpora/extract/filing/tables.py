"""A filing's table as readable lines: one line for each row, cells separated by a bar, split amounts joined."""

from __future__ import annotations

import re

from corpora.extract.filing.headings import LABEL

BAR = " | "
OPENING = re.compile(r"[($€£¥]+|[-–—]?\$|US\$|C\$|\(\$")  # a cell that belongs to the number after it
CLOSING = re.compile(r"\)?\s*(?:%|\)|pts?|bps|x)?\)?|\(\w{1,2}\)")  # a cell that belongs to the number before it
NUMBER = re.compile(r"[-–—($€£¥\s]*[\d.,]*\d[\d.,]*|[($€£¥\s]*[-–—]+")
BULLET = re.compile(r"[•·●○▪■□◦‣–—*o\uf0b7\uf0a7]|\(?[0-9ivxa-z]{1,4}[.)]|\(\w{1,4}\)", re.I)
LONG = 240  # characters in a cell that stands for the layout of a page rather than for data


def rendered(rows: list[list[list[str]]]) -> list[str]:
    """The lines of a table, given as rows of cells of lines. A cell of several paragraphs keeps them as lines."""
    out: list[str] = []
    for row in rows:
        cells = [[line for line in map(str.strip, cell) if line] for cell in row]
        cells = [cell for cell in cells if cell]
        if any("\f" in cell for cell in cells) or any(len(cell) > 1 and len(" ".join(cell)) > LONG for cell in cells):
            out.extend(line for cell in cells for paragraph in cell for line in ("", paragraph))
            continue
        words = joined([" ".join(cell) for cell in cells])
        if not words:
            continue
        if len(words) == 1 and len(words[0]) > LONG:
            out.extend(("", words[0], ""))  # a paragraph that a table only places on the page
        elif len(words) == 2 and (BULLET.fullmatch(words[0]) or LABEL.fullmatch(words[0])):
            out.extend(("", " ".join(words), "") if len(words[1]) > LONG else (" ".join(words),))
        else:
            out.append(BAR.join(words))
    return out


def joined(cells: list[str]) -> list[str]:
    """The cells of a row, with ``$``, brackets and ``%`` put to the number that they belong to."""
    out: list[str] = []
    opening = ""
    for cell in cells:
        if OPENING.fullmatch(cell):
            opening += cell
        elif out and not opening and NUMBER.match(out[-1]) and CLOSING.fullmatch(cell):
            out[-1] += cell
        else:
            out.append(opening + cell)
            opening = ""
    return [*out, opening] if opening else out
