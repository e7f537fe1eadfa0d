"""The HTTP client: it retries busy servers, bounds time and size, and never connects to a private address."""

from __future__ import annotations

import random
import ssl
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Self, TypeVar
from urllib.parse import urljoin

from corpora.web import route
from corpora.web.answer import Answer, Arriving, Unfit, Unreachable, raise_for_status, shown
from corpora.web.decode import ACCEPTED
from corpora.web.download import partial
from corpora.web.rate_limit import Pace
from domain.errors import UserError
from domain.machine import Machine

if TYPE_CHECKING:
    import httpcore
    import httpx

T = TypeVar("T")

AGENT = "shoptalk"
NO_HEADERS: Mapping[str, str] = MappingProxyType({})
REDIRECTS = (301, 302, 303, 307, 308)
HOPS = 10
BUSY = (408, 425, 429)  # and 5xx
BACKOFF = 0.5  # seconds; doubled with each try
LONGEST_RETRY_AFTER = 300.0  # seconds that a server's Retry-After is honoured


class Client:
    """A context manager; threads may share it. ``limit`` bounds a body in bytes once decoded. ``timeout`` (seconds)
    bounds connecting, the wait for an answer, each read, and any body that comes slower than 10 kB/s.

    Raises ``UserError`` for what the user can fix, ``Missing``, ``Unfit``, and ``Unreachable`` after all ``tries``.
    """

    def __init__(
        self,
        machine: Machine,
        *,
        agent: str = AGENT,
        pace: Pace | None = None,
        limit: int = 100_000_000,
        tries: int = 5,
        timeout: float = 30.0,
        forbidden_is_busy: bool = False,
    ) -> None:
        self.machine, self.agent, self.pace = machine, agent, pace
        self.limit, self.tries, self.timeout = limit, tries, timeout
        self.busy = (*BUSY, 403) if forbidden_is_busy else BUSY
        self.pools: dict[str, httpcore.ConnectionPool] = {}
        self.trusted: ssl.SSLContext | None = None
        self.watch: Any = None
        self.lock = threading.Lock()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Hang up."""
        for each in self.pools.values():
            each.close()
        self.pools.clear()

    def get(
        self, url: str, *, headers: Mapping[str, str] = NO_HEADERS, limit: int | None = None, cut: bool = False
    ) -> Answer:
        """The whole answer, in memory; with ``cut`` the first ``limit`` bytes of a larger one.

        Status 304 and 206 are answers only to the conditional or Range headers that ask for them.
        """
        self.refuse_offline(url)
        request_headers = {"accept-encoding": ACCEPTED, **{name.lower(): value for name, value in headers.items()}}

        def once() -> Answer:
            with self.opened(url, request_headers) as answer:
                content = b"".join(answer.body(self.limit if limit is None else limit, cut=cut))
                return Answer(url=answer.url, status=answer.status, headers=answer.headers, content=content)

        return self.retried(once)

    def download(
        self,
        url: str,
        to: Path,
        *,
        size: int | None = None,
        sha256: str | None = None,
        headers: Mapping[str, str] = NO_HEADERS,
        limit: int | None = None,
    ) -> Path:
        """The file ``to``, whole or not at all; one that broke off is resumed where the server gives it an ETag.

        A Content-Encoding is undone, unless the name of the URL says that the file is meant to be compressed.
        """
        self.refuse_offline(url)
        plain = {"accept-encoding": "identity", **{name.lower(): value for name, value in headers.items()}}
        with partial(url, to) as part:

            def once() -> None:
                with self.opened(url, {**plain, **part.resume_headers()}) as answer:
                    part.fill(answer, self.limit if limit is None else limit)

            self.retried(once)
            return part.keep(size, sha256)

    def ready(self, url: str) -> None:
        """Called before each request, redirects included: waits for the pace. A polite client asks more here."""
        if self.pace is not None:
            self.pace.wait()

    def refuse_offline(self, url: str) -> None:
        """Raise a ``UserError`` where the machine profile switches the network off."""
        if not self.machine.network:
            raise UserError(
                shown(url), "needs the network, which the machine profile switches off", "set network: true"
            )

    def retried(self, once: Callable[[], T]) -> T:
        """``once``, again while the server is busy or unreachable, with exponential backoff and full jitter."""
        for number in range(1, self.tries + 1):
            try:
                return once()
            except Unreachable as error:
                if number >= self.tries:
                    raise
                jitter = random.uniform(0.0, BACKOFF * 2**number)  # noqa: S311 - no secret
                wait = min(LONGEST_RETRY_AFTER, error.after or 0.0) + jitter
            time.sleep(wait)
        raise AssertionError("tries is at least 1")

    @contextmanager
    def opened(self, url: str, headers: Mapping[str, str]) -> Iterator[Arriving]:
        """The answer at the end of all redirects, each of them checked like the first."""
        for _ in range(HOPS + 1):
            with self.hop(url, headers) as answer:
                location = answer.headers.get("location")
                if answer.status not in REDIRECTS or not location:
                    conditional = {"if-none-match", "if-modified-since"} & set(headers)
                    fine = (200, *((206,) if "range" in headers else ()), *((304,) if conditional else ()))
                    if answer.status == 416 and "if-range" in headers:
                        fine += (416,)
                    raise_for_status(answer.url, answer.status, answer.headers, fine=fine, busy=self.busy)
                    yield answer
                    return
            mirrors = self.machine.mirrors
            before, url = url, route.public(url, urljoin(route.mirrored(url, mirrors), location), mirrors)
            if route.origin(before) != route.origin(url):
                headers = {name: value for name, value in headers.items() if name not in ("authorization", "cookie")}
        raise Unfit(f"{shown(url)} redirects more than {HOPS} times")

    @contextmanager
    def hop(self, url: str, headers: Mapping[str, str]) -> Iterator[Arriving]:
        """The answer to one request, whatever it is; failures below HTTP become ``Unreachable``."""
        import httpcore

        address = route.parsed(route.mirrored(url, self.machine.mirrors))
        target = httpcore.URL(
            scheme=address.raw_scheme, host=address.raw_host, port=address.port, target=address.raw_path
        )
        timeouts = dict.fromkeys(("connect", "read", "write", "pool"), self.timeout)
        sent = [*{"user-agent": self.agent, "accept": "*/*", **headers}.items()]
        pool = self.pool(address)
        self.ready(url)  # last, so that the request leaves when its pace says
        self.watch.begin(self.timeout)
        try:
            with pool.stream("GET", target, headers=sent, extensions={"timeout": timeouts}) as response:
                self.watch.begin(self.timeout)
                extensions: dict[str, str] = {}
                for raw_name, raw_value in response.headers:
                    name, value = raw_name.decode("latin-1").lower(), raw_value.decode("latin-1")
                    extensions[name] = f"{extensions[name]}, {value}" if name in extensions else value
                yield Arriving(url=url, status=response.status, headers=extensions, chunks=response.iter_stream())
        except httpcore.ProxyError as error:
            if str(error).startswith("407"):
                raise UserError(
                    "machine.proxy", "wants a user and password", "write http://user:password@host"
                ) from None
            raise Unreachable(f"the proxy does not reach {shown(url)} ({error})") from None
        except (httpcore.TimeoutException, httpcore.NetworkError, httpcore.ProtocolError) as error:
            below = error.args[0] if error.args else None
            if isinstance(below, ssl.SSLCertVerificationError):
                message = below.verify_message
                raise Unfit(f"{shown(url)} has a certificate that is not trusted ({message})") from None
            raise Unreachable(f"{shown(url)} gives no whole answer ({str(error) or type(error).__name__})") from None

    def pool(self, url: httpx.URL) -> httpcore.ConnectionPool:
        """The connections by which a URL is asked: through the proxy, or direct, where addresses are checked."""
        from corpora.web import transport

        proxy = route.proxy(url, self.machine)
        with self.lock:
            if proxy not in self.pools:
                self.trusted = self.trusted or transport.trust(self.machine.ca_bundle)
                self.watch = self.watch or transport.ReadAllowance()
                self.pools[proxy] = transport.pool(proxy, self.trusted, self.machine.private_hosts, self.watch)
            return self.pools[proxy]
