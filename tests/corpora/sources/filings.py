"""A source over a few small filings on an EDGAR of this machine."""

from __future__ import annotations

from datetime import date
from typing import Any

from corpora.document import Document
from corpora.sources.edgar import Edgar
from domain.machine import Machine

TODAY = date(2025, 5, 20)
CONTACT = "desk@bank.test"


def report(words: str) -> str:
    """A small 10-K."""
    return f"""<html><body><div style="display:none"><ix:header><ix:hidden>us-gaap:Cash</ix:hidden></ix:header></div>
<p>ACME CORP</p><p>PART I</p><p><b>Item 1.</b> Business</p><p>We make {words}.</p>
<p>Item 1A. Risk Factors</p><p>Nobody may buy {words}.</p><p>PART II</p><p>Item 7. Management's Discussion</p>
<table><tr><td>Sales of {words}</td><td>$</td><td>(1,234</td><td>)</td></tr></table></body></html>"""


def spec(**settings: Any) -> Edgar:
    """10-Ks of this year, unless the settings say otherwise."""
    return Edgar.model_validate({"forms": ["10-K"], "since": "2025-01-01", "contact": CONTACT, **settings})


def read(source: Edgar, machine: Machine) -> list[Document]:
    """Its documents; nothing else comes."""
    found = list(source.documents(machine))
    assert all(isinstance(each, Document) for each in found), found
    return [each for each in found if isinstance(each, Document)]
