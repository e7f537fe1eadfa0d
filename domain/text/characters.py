"""What each character is to somebody who compares texts: nothing, a space, a dash, a digit, or a plainer character."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache, partial

import numpy as np

# Joiners select the form of letters in scripts that are written joined or stacked (Unicode 16, sections 9.2 and 12.1):
# Arabic to Thaana and N'Ko, the scripts of India, Tibetan and Myanmar, Khmer and Mongolian, and later blocks of them.
JOINED_SCRIPTS = "\u0600-\u08ff\u0900-\u0dff\u0f00-\u109f\u1780-\u18af\ua800-\uabff\U00010a00-\U00011fff"
JOINERS = "\u200c\u200d"
# Default_Ignorable_Code_Point without joiners and variation selectors, soft hyphens included. What Unicode calls format
# controls though they are seen, such as the Arabic end of ayah, is not among them.
IGNORABLE = (
    "\u00ad\u061c\u180e\u200b\u200e\u200f\u202a-\u202e\u2060-\u206f\u3164\ufeff\uffa0\ufff9-\ufffb"
    "\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e00ff"
)
# Seen as part of the character before them at most: grapheme joiner, Hangul and Khmer fillers, variation selectors, and
# the keycap around a digit.
ATTACHED = "\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180d\u180f\u20e3\ufe00-\ufe0f\U000e0100-\U000e0fff"
LINE_ENDS = "\x0b\x0c\x1c-\x1e\x85\u2028\u2029"
DASHES = "\u02d7\u2043\u2212"  # beside the category of dashes (Pd)
MOST_MARKS = (
    30  # on one letter: Unicode's Stream-Safe Text Format (UAX 15, section 13); NFC of more is quadratic in time
)
SINGLE_QUOTES = "\u00b4\u02bc\u2018-\u201b\u2032\u2035\u2039\u203a"
DOUBLE_QUOTES = "\u00ab\u00bb\u201c-\u201f\u2033\u2036"
SLASHES = "\u2044\u2215"
COLONS = "\u2236\ua789"

KEEP, SEPARATOR, ONE, DROP, SEVERAL, JOINER = range(6)
HAS_MARK = 0x80  # added to these where a mark is among what a character becomes
PLANES = 0x40000  # beyond them there is nothing to fold but tags and variation selectors, which are dropped
TAGS = (0xE0000, 0xE1000)


def code_points(text: str) -> np.ndarray:
    """uint32 [characters]; surrogates as they are."""
    return np.frombuffer(text.encode("utf-32-le", "surrogatepass"), "<u4")


def text_of(codes: np.ndarray) -> str:
    """The text of code points."""
    return codes.astype("<u4").tobytes().decode("utf-32-le", "surrogatepass")


def in_class(members: str) -> re.Pattern[str]:
    """A pattern for one character of a class as in a regular expression."""
    return re.compile(f"[{members}]")


INVISIBLE = in_class(IGNORABLE + ATTACHED)
PLAIN = {
    in_class(LINE_ENDS): "\n", in_class(DASHES): "-", in_class(SINGLE_QUOTES): "'", in_class(DOUBLE_QUOTES): '"',
    in_class(SLASHES): "/", in_class(COLONS): ":",
}  # fmt: skip


def plain(letter: str) -> str:
    """What one character is compared as: none, one or several characters, which are compared as themselves.

    ASCII stays. Numbers that are raised, lowered or parts of a fraction stay too: 5\u00b2 is not 52. So do accents that
    stand alone, which NFKC puts on a space.
    """
    if letter < "\x80" or letter in JOINERS:
        return letter
    if INVISIBLE.match(letter):
        return ""
    category = unicodedata.category(letter)
    for members, one in PLAIN.items():
        if members.match(letter):
            return one
    if category == "Zs" or letter == "\u2800":  # braille's empty cell
        return " "
    if category == "Pd" and letter != "\u30a0":  # a double hyphen of Katakana
        return "-"
    if category == "Nd":
        return str(unicodedata.decimal(letter))
    if category == "Cc":
        return ""
    if unicodedata.decomposition(letter).startswith(("<super>", "<sub>", "<fraction>")):
        return letter
    folded = unicodedata.normalize("NFKC", letter)
    if folded == letter or (len(folded) > 1 and folded[0] == " "):
        return letter
    return "".join(map(plain, folded))


@lru_cache(maxsize=1)
def fold_tables() -> tuple[np.ndarray, np.ndarray, dict[int, str]]:
    """(uint8: KEEP and so on, with ``HAS_MARK``; uint32: the one character for it; the several ones), by code point."""
    marks = mark_table()
    kinds, ones = np.where(marks, HAS_MARK, KEEP).astype(np.uint8), np.zeros(PLANES + 1, np.uint32)
    several = {}
    for letter in not_plain():
        code, folded = ord(letter), plain(letter)
        kinds[code] = KEEP
        if letter in JOINERS:
            kinds[code] = JOINER
        elif not folded:
            kinds[code] = DROP
        elif len(folded) > 1:
            kinds[code], several[code] = SEVERAL, folded
        elif folded != letter:
            words = letter.isalnum() or folded.isalnum() or unicodedata.category(letter)[0] == "M"
            kinds[code], ones[code] = ONE if words else SEPARATOR, ord(folded)
        if any(marks[ord(part)] for part in folded):
            kinds[code] |= HAS_MARK
    ones[0xAD] = ord("-")  # only where it divides a word at the end of a line
    return kinds, ones, several


def not_plain() -> list[str]:
    """The joiners, and every letter that ``plain`` may change: one in thirty. The others would take it a second."""
    letters = beyond_ascii()
    listed = "|".join(pattern.pattern for pattern in (INVISIBLE, in_class(JOINERS + "\u2800"), *PLAIN))
    categories = map(unicodedata.category, letters)
    normal = map(partial(unicodedata.normalize, "NFKC"), letters)
    change = {"Zs", "Pd", "Nd", "Cc"}
    others = {
        letter
        for letter, category, folded in zip(letters, categories, normal, strict=True)
        if category in change or folded != letter
    }
    return sorted(others | set(re.findall(listed, "".join(letters))))


def beyond_ascii() -> list[str]:
    """The characters from U+0080 up to ``PLANES``."""
    return list(map(chr, range(0x80, PLANES)))


@lru_cache(maxsize=1)
def mark_table() -> np.ndarray:
    """bool by code point: what may join what stands before it when a text is composed (NFC_Quick_Check is not Yes)."""
    marks, letters = np.zeros(PLANES + 1, bool), beyond_ascii()
    marks[0x80:PLANES] = list(map(unicodedata.combining, letters))
    for decomposition in filter(None, map(unicodedata.decomposition, letters)):
        parts = decomposition.split()
        if len(parts) == 2 and not parts[0].startswith("<"):
            marks[int(parts[1], 16)] = True
    marks[0x1161:0x1176] = marks[0x11A8:0x11C3] = True  # vowels and finals of Hangul, which compose by arithmetic
    return marks


def few_marks(text: str) -> str:
    """The text with no more than ``MOST_MARKS`` on one letter; the rest go."""
    codes = code_points(text)
    marks = np.flatnonzero(mark_table()[np.minimum(codes, PLANES)])
    opens = np.flatnonzero(np.diff(marks, prepend=-2) > 1)
    place_in_run = np.arange(len(marks)) - np.repeat(opens, np.diff(opens, append=len(marks)))
    return text_of(np.delete(codes, marks[place_in_run >= MOST_MARKS])) if len(marks) else text
