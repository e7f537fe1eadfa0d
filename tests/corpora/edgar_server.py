"""EDGAR on this machine: the part of it that collecting needs, over real HTTP, as strict with who asks as the SEC."""

from __future__ import annotations

import gzip
import hashlib
import json
import re
import threading
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from domain.machine import Machine

WINDOW = 1.0  # seconds
# Real filings: form, company and CIK by the file that holds the HTML, or the whole submission where that ends .txt.
REAL = {
    "sec_html/tests/fixtures/html/aapl/10k/aapl-10-k-2024-11-01.html": ("10-K", "Apple Inc.", 320193),
    "sec_html/tests/fixtures/html/unp/10k/unp-10-k-2025-02-07.html": ("10-K", "UNION PACIFIC CORP", 100885),
    "sec_html/tests/fixtures/html/pg/10q/pg-10-q-2025-04-24.html": ("10-Q", "PROCTER & GAMBLE Co", 80424),
    "sec_html/tests/fixtures/html/unp/10q/unp-10-q-2025-07-24.html": ("10-Q", "UNION PACIFIC CORP", 100885),
    "sec_html/tests/fixtures/html/aapl/10q/aapl-10-q-2025-08-01.html": ("10-Q", "Apple Inc.", 320193),
    "sec_sgml/data/sgml/0000943374-24-000509.txt": ("8-K", "1895 Bancorp of Wisconsin, Inc. /MD/", 1847360),
    "sec_sgml/data/sgml/0001213900-25-032135.txt": ("8-K", "ABVC BIOPHARMA, INC.", 1173313),
}


@dataclass
class Edgar:
    """``files`` maps a path to its content; ``asked`` logs (time, path, status); ``faults`` are played once each.

    A fault is a number (that status, with ``Retry-After: 0``) or ``cut``: half of the body, then no more.
    """

    today: date
    most: int = 10  # requests in any second: the SEC's rule
    files: dict[str, bytes] = field(default_factory=dict)
    rows: dict[date, list[tuple[str, str, int, str]]] = field(default_factory=lambda: defaultdict(list))
    tickers: dict[str, int] = field(default_factory=dict)
    faults: dict[str, list[int | str]] = field(default_factory=dict)
    asked: list[tuple[float, str, int]] = field(default_factory=list)
    lock: Any = field(default_factory=threading.Lock)
    url: str = ""

    def machine(self, **settings: Any) -> Machine:
        """A machine profile that takes this for the SEC."""
        return Machine(mirrors={"https://www.sec.gov/": f"{self.url}/"}, private_hosts=("127.0.0.1",), **settings)

    def add(
        self, form: str, filed: date, body: str, *, company: str = "Acme Corp", cik: int = 320193, **more: str
    ) -> str:
        """File a document with its exhibits (``ex99_1="..."``); the accession number."""
        number = sum(map(len, self.rows.values())) + 1
        accession = f"{cik:010d}-{filed:%y}-{number:06d}"
        parts = {
            form: body,
            **{name.upper().replace("_", ".").replace("EX", "EX-"): text for name, text in more.items()},
        }
        documents = "".join(
            f"<DOCUMENT>\n<TYPE>{kind}\n<SEQUENCE>{n}\n<FILENAME>d{n}.htm\n<TEXT>\n{text}\n</TEXT>\n</DOCUMENT>\n"
            for n, (kind, text) in enumerate(parts.items(), 1)
        )
        head = (
            f"<SEC-DOCUMENT>{accession}.txt : {filed:%Y%m%d}\n<SEC-HEADER>{accession}.hdr.sgml : {filed:%Y%m%d}\n"
            f"ACCESSION NUMBER:\t\t{accession}\nCONFORMED SUBMISSION TYPE:\t{form}\n"
            f"PUBLIC DOCUMENT COUNT:\t\t{len(parts)}\nFILED AS OF DATE:\t\t{filed:%Y%m%d}\n\n"
            f"FILER:\n\n\tCOMPANY DATA:\t\n\t\tCOMPANY CONFORMED NAME:\t\t\t{company}\n"
            f"\t\tCENTRAL INDEX KEY:\t\t\t{cik:010d}\n</SEC-HEADER>\n"
        )
        return self.add_submission(f"{head}{documents}</SEC-DOCUMENT>\n".encode(), form, filed, company, cik, accession)

    def add_submission(self, content: bytes, form: str, filed: date, company: str, cik: int, accession: str) -> str:
        """File a full submission as it is."""
        self.files[f"/Archives/edgar/data/{cik}/{accession}.txt"] = content
        self.rows[filed].append((form, company, cik, accession))
        return accession

    def add_real(self, raw: Path) -> list[str]:
        """File ``REAL``, from a folder with ``sec_html`` and ``sec_sgml``; the accession numbers."""
        accessions = []
        for name, (form, company, cik) in REAL.items():
            content = (raw / name).read_bytes()
            if name.endswith(".txt"):
                day = re.search(rb"FILED AS OF DATE:\s*(\d{8})", content)
                assert day is not None
                filed, accession = date.fromisoformat(day[1].decode()), Path(name).stem
                self.add_submission(content, form, filed, company, cik, accession)
            else:
                filed = date.fromisoformat(name[-15:-5])
                accession = self.add(form, filed, content.decode("utf-8"), company=company, cik=cik)
            accessions.append(accession)
        return accessions

    def index(self, days: list[date], kind: str) -> bytes:
        """The form index of some days, laid out as EDGAR does: daily days have no hyphens."""
        pattern = "%Y%m%d" if kind == "Daily" else "%Y-%m-%d"
        rows = [
            f"{form:<17}{company:<62}{cik:<12}{day.strftime(pattern):<12}edgar/data/{cik}/{accession}.txt"
            for form, company, cik, accession, day in sorted((*row, day) for day in days for row in self.rows[day])
        ]
        head = (
            f"Description:           {kind} Index of EDGAR Dissemination Feed by Form Type\n"
            f"Last Data Received:    {max(days):%B %d, %Y}\nComments:              webmaster@sec.gov\n \n \n"
            f"{'Form Type':<12}{'Company Name':<62}{'CIK':<12}{'Date Filed':<12}File Name\n{'-' * 140}\n"
        )
        return (head + "\n".join(rows) + "\n").encode("latin-1")

    def find(self, path: str) -> bytes | None:
        """What lies at a path."""
        if path == "/files/company_tickers.json":
            rows = enumerate(sorted(self.tickers.items()))
            return json.dumps(
                {str(n): {"cik_str": cik, "ticker": ticker, "title": ""} for n, (ticker, cik) in rows}
            ).encode()
        quarter = lambda day: f"{day.year}/QTR{(day.month + 2) // 3}"  # noqa: E731
        days = [day for day in sorted(self.rows) if day <= self.today]
        if found := re.fullmatch(r"/Archives/edgar/full-index/(\d{4}/QTR\d)/form\.gz", path):
            within = [day for day in days if quarter(day) == found[1]]
            return gzip.compress(self.index(within, "Master"), mtime=0) if within else None
        if found := re.fullmatch(r"/Archives/edgar/daily-index/(.*)index\.json", path):
            below = [f"{quarter(day)}/form.{day:%Y%m%d}.idx" for day in days]
            names = {n[len(found[1]) :].split("/")[0] for n in below if n.startswith(found[1])}
            size = {n: sum(len(self.rows[day]) for day in days if n in f"form.{day:%Y%m%d}.idx") for n in names}
            items = [
                {"last-modified": "x", "name": n, "type": "dir", "href": n, "size": f"{size[n]} KB"} for n in names
            ]
            return (
                json.dumps({"directory": {"item": items, "name": path, "parent-dir": "../"}}).encode()
                if names
                else None
            )
        if found := re.fullmatch(r"/Archives/edgar/daily-index/.*/form\.(\d{8})\.idx", path):
            within = [day for day in days if f"{day:%Y%m%d}" == found[1]]
            return self.index(within, "Daily") if within else None
        return self.files.get(path)

    def paths(self, part: str = "") -> list[str]:
        """The paths that were sent whole, those with ``part`` in them."""
        return [path for _, path, status in self.asked if status == 200 and part in path]

    def fastest(self) -> int:
        """The most requests that came in any second."""
        times = [when for when, _, _ in self.asked]
        return max((sum(start <= each < start + WINDOW for each in times) for start in times), default=0)


class Handler(BaseHTTPRequestHandler):
    """Answers for the EDGAR of its server."""

    protocol_version = "HTTP/1.1"
    edgar: Edgar

    def log_message(self, *_: Any) -> None:
        """Keep quiet."""

    def do_GET(self) -> None:
        """A file, an index or a listing; or why not."""
        edgar, now = self.edgar, time.monotonic()
        with edgar.lock:
            recent = sum(now - when < WINDOW for when, _, _ in edgar.asked)
            fault = edgar.faults.get(self.path, [None]).pop(0) if edgar.faults.get(self.path) else None
            body = edgar.find(self.path)
            mark = f'"{hashlib.sha256(body or b"").hexdigest()[:16]}"'
            status = 200
            if "@" not in self.headers.get("User-Agent", ""):
                status, body = 403, b"Your Request Originates from an Undeclared Automated Tool"
            elif recent >= edgar.most:
                status, body = 403, b"Request Rate Threshold Exceeded"
            elif isinstance(fault, int):
                status, body = fault, b"busy"
            elif body is None:
                status, body = (
                    403,
                    b"<Error><Code>AccessDenied</Code></Error>",
                )  # what its store says of what is not there
            elif self.headers.get("If-None-Match") == mark:
                status, body = 304, b""
            edgar.asked.append((now, self.path, 0 if fault == "cut" else status))
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        if status == 200:
            self.send_header("ETag", mark)
        elif status in (429, 503):
            self.send_header("Retry-After", "0")
        self.end_headers()
        self.wfile.write(body[: len(body) // 2] if fault == "cut" else body)
        self.close_connection = fault == "cut"


class Server(ThreadingHTTPServer):
    """Says nothing of who hung up: tests kill who asks."""

    def handle_error(self, *_: Any) -> None:
        """Keep quiet."""


@contextmanager
def serving(today: date) -> Iterator[Edgar]:
    """An EDGAR at an address of its own, until the end of the block."""
    edgar = Edgar(today=today)
    server = Server(("127.0.0.1", 0), type("Bound", (Handler,), {"edgar": edgar}))
    edgar.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield edgar
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
