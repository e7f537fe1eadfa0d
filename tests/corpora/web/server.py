"""A web server for tests, on an address of its own: it behaves as told, misbehaves as told, and remembers who asked."""

from __future__ import annotations

import re
import ssl
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass(frozen=True)
class Asked:
    """A request as it arrived; ``path`` with its query, names of headers in lower case, ``at`` in seconds."""

    path: str
    headers: Mapping[str, str]
    at: float


@dataclass
class Reply:
    """What to answer. ``length`` states another Content-Length than the true one; ``cut`` hangs up after so many bytes
    of the body; ``drip`` sends a byte at a time, so many seconds apart. With ``etag`` the server keeps to
    If-None-Match, Range and If-Range."""

    body: bytes = b""
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    length: int | None = None
    cut: int | None = None
    drip: float = 0.0
    wait: float = 0.0
    etag: str = ""


Answering = Reply | Callable[[Asked], Reply]


@dataclass
class Web:
    """``pages[path]`` is a reply, a function of the request, or a list of which each request takes one (and the last
    one for ever). ``path`` may be with or without its query."""

    url: str = ""
    pages: dict[str, Answering | list[Answering]] = field(default_factory=dict)
    asked: list[Asked] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def host(self) -> str:
        """Host and port, as a machine profile's private_hosts names them."""
        return self.url.partition("://")[2]

    def paths(self) -> list[str]:
        """What was asked, in order."""
        return [each.path for each in self.asked]

    def reply(self, asked: Asked) -> Reply:
        """The reply to a request."""
        with self.lock:
            self.asked.append(asked)
            found = self.pages.get(asked.path, self.pages.get(asked.path.partition("?")[0]))
            if isinstance(found, list):
                found = found.pop(0) if len(found) > 1 else found[0]
        if found is None:
            return Reply(status=404)
        return found(asked) if callable(found) else found


class Handler(BaseHTTPRequestHandler):
    """Answers for its web."""

    protocol_version = "HTTP/1.1"
    web: Web

    def log_message(self, *_: Any) -> None:
        """Keep quiet."""

    def do_GET(self) -> None:
        """As told; a proxy's absolute URL is asked like any path."""
        headers = {name.lower(): value for name, value in self.headers.items()}
        reply = self.web.reply(Asked(self.path, headers, time.time()))
        time.sleep(reply.wait)
        status, body, told = reply.status, reply.body, dict(reply.headers)
        if reply.etag:
            told["ETag"] = reply.etag
            part = re.fullmatch(r"bytes=(\d+)-(\d*)", headers.get("range", ""))
            if headers.get("if-none-match") == reply.etag:
                status, body = 304, b""
            elif part and headers.get("if-range", reply.etag) == reply.etag:
                first, last = int(part[1]), min(int(part[2] or len(body) - 1), len(body) - 1)
                told["Content-Range"] = f"bytes {first}-{last}/{len(body)}"
                status, body = (206, body[first : last + 1]) if first <= last else (416, b"")
        self.send_response(status)
        for name, value in told.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body) if reply.length is None else reply.length))
        self.end_headers()
        try:
            self.send(reply, body)
        except OSError:
            self.close_connection = True  # who asked has hung up

    def send(self, reply: Reply, body: bytes) -> None:
        """The body, in the manner of the reply."""
        if reply.cut is not None:
            self.wfile.write(body[: reply.cut])
            self.close_connection = True
        elif reply.drip:
            for number in range(len(body)):
                self.wfile.write(body[number : number + 1])
                self.wfile.flush()
                time.sleep(reply.drip)
        else:
            self.wfile.write(body)
        if reply.length is not None:
            self.close_connection = True


class Quiet(ThreadingHTTPServer):
    """Threads that end with the process, and no word about those who hang up."""

    daemon_threads = True
    block_on_close = False

    def handle_error(self, *_: Any) -> None:
        """Keep quiet."""


@contextmanager
def serving(context: ssl.SSLContext | None = None) -> Iterator[Web]:
    """A web at an address of its own, until the end of the block; over TLS with a ``context``."""
    web = Web()
    server = Quiet(("127.0.0.1", 0), type("Bound", (Handler,), {"web": web}))
    if context is not None:
        server.socket = context.wrap_socket(server.socket, server_side=True)
    web.url = f"{'https' if context else 'http'}://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield web
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
