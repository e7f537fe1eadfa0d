"""How filings write an item's heading: "Item 1A.", "PART II - ITEM 7", "Item No. 1.A", "* Items 1 and 2"."""

from __future__ import annotations

import re
from dataclasses import dataclass

from corpora.extract.filing.titles import family, titled

DASH = "\u2010-\u2015\u2212-"  # hyphen to horizontal bar, minus, hyphen-minus; last in a class
# A bullet or the bar of an empty cell, but no quotation mark or bracket, unless it closes behind the number.
LEAD = r"(?:[^\w\"'“”‘’«»„(\[]{0,12}(?:o\s+)?(?:[\[(](?=\s?i\s?t\s?e\s?m[^\])]{1,12}[\])]))?)"
PART = rf"part\s+(?P<part>i{{1,3}}|iv|[1-4])\b[\s,.:;|/{DASH}]*(?:(?:financial|other)\s+information[\s,.:;|/{DASH}]*)?"
SECTION = rf"section\s+[1-9]\b[\s,.:;|/{DASH}]*(?:[a-z][\w ,’'{DASH}]{{2,80}}?[\s,.:;|/{DASH}]+)?"  # of an 8-K
WORD = rf"i\s?t\s?e\s?m(?:\s?s|\(s\))?\s*(?:(?:no|nos|numbers?)\b\.?|№|\#)?\s*[:.{DASH}]?\s*"  # small caps may be apart
NUMBER = r"(?:\((?=\d{1,2}[a-k]?\)))?(?P<number>\d{1,2})(?!\d)(?P<dot>\.\s?\d\d(?!\d))?"
LETTER = (
    rf"(?:\s?(?P<near>[a-k])(?:t?\b|-t\b)|\s?[(\[]\s?(?P<bracketed>[a-k])\s?[)\]]"
    rf"|\s?[._/·{DASH}](?P<joined>[a-k])\b(?![’'])|\s?[._/·{DASH}]\s(?P<apart>[a-k])\b(?P<closed>\s*[.:)\]|{DASH}]|\s*$)?)?"
    r"(?:\s?\(t\))?"
)
MORE = rf"(?P<more>(?:\s*(?:and|&|,|through|to|/|[{DASH}])\s*(?:items?\s*)?\d{{1,2}}(?!\d)(?:\.\d\d)?[a-k]?\b){{0,6}})"
LABEL = re.compile(rf"{LEAD}(?:{PART}|{SECTION})?{WORD}{NUMBER}{LETTER}\s*[.:)\]]?[\s.:{DASH}]*", re.I)
HEADING = re.compile(
    rf"{LEAD}(?:{PART}|{SECTION})?{WORD}{NUMBER}{LETTER}{MORE}\s*(?P<stop>[.:|/)_\]{DASH}]*)\s*(?P<title>.*)", re.I
)
PART_HEADING = re.compile(rf"{LEAD}part\s+(?P<part>i{{1,3}}|iv|[1-4])\b(?:[\s.,:;|{DASH}]+.{{0,60}})?", re.I)
NAME = re.compile(r"(\d{1,2})((?:\.\d\d)?)([a-z]?)", re.I)
FURTHER = re.compile(r"(\d{1,2}(?:\.\d\d)?)([a-k]?)", re.I)
WORDED = 1_000  # characters of text behind it for which the word speaks
ROMAN = {"1": "I", "2": "II", "3": "III", "4": "IV"}
TITLE = 200  # characters that a heading without a stop behind its number may have
# Items with a letter, by the forms that have them: in other places a letter set apart is a section's.
LETTERED = {
    "10-K": {"1A", "1B", "1C", "4A", "7A", "9A", "9B", "9C"},
    "10-Q": {"1A"},
    "20-F": {f"16{letter}" for letter in "ABCDEFGHIJK"},
}


@dataclass(frozen=True, kw_only=True)
class Heading:
    """What a line says as an item's heading. ``weight``: how much it speaks for the item, in characters of text."""

    number: int
    dot: str = ""
    letter: str = ""
    part: str = ""
    further: tuple[str, ...] = ()
    weight: int

    @property
    def name(self) -> str:
        """``1A`` or ``5.02``."""
        return f"{self.number}{self.dot}{self.letter}"

    @classmethod
    def named(cls, name: str, *, weight: int, part: str = "") -> Heading:
        """One of a form's own names: ``1A`` or ``5.02``."""
        match = NAME.fullmatch(name)
        assert match is not None
        return cls(number=int(match[1]), dot=match[2], letter=match[3].upper(), part=part, weight=weight)


def heading(line: str, form: str) -> Heading | None:
    """The heading that a line is. "Item 7 of our report" and "Item 7 (continued)" are none."""
    match = HEADING.fullmatch(line)
    if match is None:
        return None
    letter, section = letter_of(match, form)
    title, stopped = match["title"], bool(match["stop"].strip(")]") or match["dot"])
    if match["apart"] and not (letter or section):
        title, stopped = f"{match['apart']} {title}", True
    if title and (
        "continued" in title[-14:].lower()
        or title[0] in ",;)"
        or (title[0].islower() and not stopped)
        or (title[0] == "(" and title[1:3].islower() and not match["dot"])
        or (not stopped and len(title) > TITLE)
    ):
        return None
    return Heading(
        part=roman(match["part"]),
        number=int(match["number"]),
        dot=(match["dot"] or "").replace(" ", ""),
        letter=letter,
        further=tuple(number + letter.upper() for number, letter in FURTHER.findall(match["more"])),
        weight=0 if section and family(form) != "8-K" else WORDED,
    )


def letter_of(match: re.Match[str], form: str) -> tuple[str, bool]:
    """(the letter of the item's number, whether there is one that names a section of it instead)."""
    if near := match["near"]:
        return near.upper(), False
    letter = match["bracketed"] or match["joined"] or match["apart"]
    if letter is None:
        return "", False
    key = f"{match['number']}{letter.upper()}"
    if titled(match["title"], form) == key:
        return letter.upper(), False
    if match["apart"] and match["closed"] is None:
        return "", False  # "Item 1. A description of our business"
    # "Item 1(a)" is a section of 1 as often as it is 1A
    doubtful = letter.islower() and match["bracketed"] and match["title"]
    return ("", True) if doubtful or key not in LETTERED.get(family(form), ()) else (letter.upper(), False)


def roman(part: str | None) -> str:
    """I, II, III or IV; empty where no part is named."""
    return ROMAN.get(part, part.upper()) if part else ""


def part_of(line: str) -> str | None:
    """The part whose heading a line is."""
    match = PART_HEADING.fullmatch(line)
    return roman(match["part"]) if match else None


def label(line: str) -> str:
    """The number of the item that a line begins with, written one way ("1a"); empty where there is none."""
    match = LABEL.match(line)
    if match is None:
        return ""
    letter = match["near"] or match["bracketed"] or match["joined"] or match["apart"] or ""
    return f"{match['number']}{match['dot'] or ''}{letter}".lower()
