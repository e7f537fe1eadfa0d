"""EDGAR's form indexes: which filings there are, by quarter or by day."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date

# Form, company, CIK, day, file. Columns are padded with blanks, to widths that have changed over the years (12 or 17
# for the form), so a row is told by its parts. Days are 2016-04-26 in quarterly indexes and 20160426 in daily ones.
ROW = re.compile(r"(\S.*?)\s{2,}\S.*?\s(\d{1,10})\s+(\d{4})-?(\d\d)-?(\d\d)\s+edgar/data/\d+/([\d-]+)\.txt\s*")
DAILY = re.compile(r"form\.(\d{4})(\d\d)(\d\d)\.idx(?:\.gz)?")


@dataclass(frozen=True, order=True, slots=True)
class IndexEntry:
    """A filing in an index. ``filed`` is an ISO day; a filing of several companies stands under each of them."""

    filed: str
    accession: str
    cik: int
    form: str

    @property
    def file(self) -> str:
        """Where the full submission lies in the archive."""
        return f"edgar/data/{self.cik}/{self.accession}.txt"

    @property
    def page(self) -> str:
        """The address of the filing's index page."""
        folder = self.accession.replace("-", "")
        return f"https://www.sec.gov/Archives/edgar/data/{self.cik}/{folder}/{self.accession}-index.htm"


@dataclass(frozen=True, order=True)
class Quarter:
    """A quarter of a year, as EDGAR divides its indexes."""

    year: int
    number: int

    @classmethod
    def of(cls, day: date) -> Quarter:
        """The quarter of a day."""
        return cls(day.year, (day.month + 2) // 3)

    @property
    def after(self) -> Quarter:
        """The next one."""
        return Quarter(self.year + self.number // 4, self.number % 4 + 1)

    def __str__(self) -> str:
        return f"{self.year}/QTR{self.number}"


def quarters(since: date, until: date) -> Iterator[Quarter]:
    """The quarters that a span of days touches."""
    quarter = Quarter.of(since)
    while quarter <= Quarter.of(until):
        yield quarter
        quarter = quarter.after


def days(names: Iterable[str]) -> dict[date, str]:
    """The form indexes among a folder's files, by day. Weekends and holidays have none."""
    return {date(*map(int, match.groups())): name for name in sorted(names) if (match := DAILY.fullmatch(name))}


def entries(index: str, forms: Iterable[str]) -> Iterator[IndexEntry]:
    """The filings of these forms in an index; lines that are no rows, such as its head, are passed over."""
    wanted = set(forms)
    starts = tuple(f"{form} " for form in wanted)
    shared: dict[str, str] = {form: form for form in wanted}  # a string a form and a day, not one a row
    for line in index.splitlines():
        if line.startswith(starts) and (row := ROW.fullmatch(line)) and row[1] in wanted:
            day = f"{row[3]}-{row[4]}-{row[5]}"
            yield IndexEntry(shared.setdefault(day, day), row[6], int(row[2]), shared[row[1]])
