"""How a recipe names EDGAR's forms, companies, items and its contact; errors come with a fix."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, Field

FASTEST = 10  # requests a second: the SEC's rule of fair access, www.sec.gov/os/accessing-edgar-data
FORM = re.compile(r"[A-Z0-9][A-Z0-9 /-]{0,19}")
COMPANY = re.compile(r"(?:CIK)?\d{1,10}|[A-Z][A-Z0-9.-]{0,9}")
ITEM = re.compile(r"(?:I{1,2}-)?\d{1,2}[A-K]?|\d\.\d\d|EX-[\d.]+")
MAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")
EXAMPLE = re.compile(r"@(?:[\w-]+\.)*example(?:\.\w+)?$", re.I)  # RFC 2606; what recipes and their examples say
# Forms by what they are written like without hyphens and blanks: 10K, DEF14A.
MEANT = {
    re.sub(r"[ -]", "", form): form
    for form in (
        "10-K", "10-K405", "10-KSB", "10-KT", "10-Q", "10-QSB", "10-QT", "8-K", "6-K", "20-F", "40-F", "11-K", "N-CSR",
        "DEF 14A", "DEFA14A", "PRE 14A", "S-1", "S-3", "S-4", "S-8", "F-1", "F-3", "F-4", "SC 13D", "SC 13G", "SC TO-T",
    )
}  # fmt: skip


def form(name: str) -> str:
    """A form as EDGAR writes it: ``10-K``, ``10-K/A``, ``DEF 14A``."""
    upper = name.strip().upper()
    kind, slash, amended = upper.partition("/")
    meant = MEANT.get(re.sub(r"[ -]", "", kind), kind)
    if meant != kind:
        raise ValueError(f"{name} is no form of EDGAR; write {meant}{slash}{amended}")
    if not FORM.fullmatch(upper):
        raise ValueError(f"{name[:40]!r} is no form of EDGAR; write for instance 10-K, 10-Q or 8-K")
    return upper


def company(name: str) -> str:
    """A ticker, or a CIK with or without its zeros."""
    if not COMPANY.fullmatch(name.upper()):
        raise ValueError(f"{name[:40]!r} is neither a ticker nor a CIK; write for instance AAPL or 320193")
    return name.upper()


def item(name: str) -> str:
    """``1A`` of a 10-K, ``II-1A`` of a 10-Q, ``2.02`` of an 8-K, ``EX-99.1`` of any with its exhibits."""
    if not ITEM.fullmatch(name.upper()):
        raise ValueError(f"{name[:20]!r} is no item; write for instance 1A (10-K), II-1A (10-Q) or '2.02' (8-K)")
    return name.upper()


def contact(address: str) -> str:
    """Whom the SEC may write to."""
    if not (address.isascii() and address.isprintable() and MAIL.search(address)):
        raise ValueError("the SEC asks for an e-mail address; write for instance you@example.com")
    return address


def fair(per_second: float) -> float:
    """Requests a second, as many as the SEC allows."""
    if not 0 < per_second <= FASTEST:
        raise ValueError(f"the SEC allows at most {FASTEST} requests a second; write {FASTEST} or less")
    return per_second


def written(value: object) -> object:
    """YAML reads 320193 and 2.02 as numbers."""
    return str(value) if isinstance(value, int | float) and not isinstance(value, bool) else value


FormName = Annotated[str, AfterValidator(form)]
Company = Annotated[str, BeforeValidator(written), AfterValidator(company)]
ItemName = Annotated[str, BeforeValidator(written), AfterValidator(item)]
# Who asks, and how fast, is no part of what is asked for.
Contact = Annotated[str, AfterValidator(contact), Field(exclude=True, description="your e-mail address, for the SEC")]
Fair = Annotated[float, AfterValidator(fair), Field(exclude=True, description="requests, at most 10")]
