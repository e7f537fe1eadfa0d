"""The client's sockets: connected to checked addresses only, and closed when an answer is too slow."""

from __future__ import annotations

import ssl
import threading
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import certifi
import httpcore
import httpx

from corpora.web.address import resolve
from domain.errors import UserError

SLOWEST = 10_000  # bytes per second that an answer must bring on average, beyond the time that one read may take
HELD = 10  # connections kept open


class ReadAllowance(threading.local):
    """How long reads of the current answer may still take: ``allowance`` seconds, and more as bytes come.

    Only time spent waiting counts, so a slow disk on this side does no harm.
    """

    allowance = spent = 0.0
    received = 0

    def begin(self, allowance: float) -> None:
        """A new request, or the body after its headers."""
        self.allowance, self.spent, self.received = allowance, 0.0, 0

    def left(self) -> float:
        """Seconds; raises a timeout where there are none."""
        left = self.allowance + self.received / SLOWEST - self.spent
        if left <= 0:
            raise httpcore.ReadTimeout(f"brought {self.received:,} bytes in {self.spent:.1f} s")
        return left


class Watched(httpcore.NetworkStream):
    """A stream whose reads keep to a watch."""

    def __init__(self, stream: httpcore.NetworkStream, watch: ReadAllowance) -> None:
        self.stream, self.watch = stream, watch

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        """Bytes as they come; raises a timeout."""
        left, begun = self.watch.left(), time.monotonic()
        try:
            data = self.stream.read(max_bytes, left if timeout is None else min(left, timeout))
        finally:
            self.watch.spent += time.monotonic() - begun
        self.watch.received += len(data)
        return data

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        """Send all."""
        self.stream.write(buffer, timeout)

    def close(self) -> None:
        """Hang up."""
        self.stream.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        """The same over TLS."""
        return Watched(self.stream.start_tls(ssl_context, server_hostname, timeout), self.watch)

    def get_extra_info(self, info: str) -> Any:
        """What is below."""
        return self.stream.get_extra_info(info)


class Gate(httpcore.NetworkBackend):
    """Opens connections. ``private_hosts`` None: to whatever is named, for that is the proxy of the machine profile."""

    def __init__(self, private_hosts: Iterable[str] | None, watch: ReadAllowance) -> None:
        self.plain, self.private_hosts, self.watch = httpcore.SyncBackend(), private_hosts, watch

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.NetworkStream:
        """A connection to the first address that answers; raises ``UserError`` if no address is public."""
        try:
            addresses = [host] if self.private_hosts is None else resolve(host, port, self.private_hosts)
        except (OSError, UnicodeError) as error:
            raise httpcore.ConnectError(getattr(error, "strerror", None) or str(error)) from error
        share = None if timeout is None else timeout / len(addresses)
        failed: Exception | None = None
        for address in addresses:
            try:
                stream = self.plain.connect_tcp(address, port, share, local_address, socket_options)
                return Watched(stream, self.watch)
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                failed = error
        raise failed or httpcore.ConnectError("has no address")


def trust(ca_bundle: Path | None) -> ssl.SSLContext:
    """The certificates to believe; raises ``UserError`` for a bundle that holds none."""
    try:
        return ssl.create_default_context(cafile=str(ca_bundle) if ca_bundle else certifi.where())
    except OSError as error:  # ssl.SSLError is one
        raise UserError(
            "machine.ca_bundle",
            f"{ca_bundle} cannot be used ({error.strerror or error})",
            "name a file of PEM certificates",
        ) from None


def pool(
    proxy: str, trusted: ssl.SSLContext, private_hosts: Iterable[str], watch: ReadAllowance
) -> httpcore.ConnectionPool:
    """Connections, direct where ``proxy`` is empty. Raises ``UserError`` for a proxy of an unknown kind."""
    settings: dict[str, Any] = {"ssl_context": trusted, "max_connections": HELD}
    if not proxy:
        return httpcore.ConnectionPool(**settings, network_backend=Gate(private_hosts, watch))
    try:
        url = httpx.URL(proxy if "://" in proxy else f"http://{proxy}")
    except httpx.InvalidURL:
        url = httpx.URL("")
    if url.scheme not in ("http", "https") or not url.host:
        raise UserError("machine.proxy", "is no http or https URL", "write for instance http://proxy.example.com:8080")
    user, _, password = url.userinfo.decode("ascii").partition(":")
    return httpcore.HTTPProxy(
        proxy_url=httpcore.URL(scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=b"/"),
        proxy_auth=(unquote(user), unquote(password)) if user else None,
        proxy_ssl_context=trusted if url.scheme == "https" else None,
        **settings,
        network_backend=Gate(None, watch),
    )
