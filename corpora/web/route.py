"""How a URL is requested: whether it is allowed, from which mirror, and through which proxy."""

from __future__ import annotations

import urllib.request
from collections.abc import Mapping
from typing import TYPE_CHECKING

from corpora.web.address import refuse_literal
from corpora.web.answer import shown
from domain.errors import UserError
from domain.machine import Machine

if TYPE_CHECKING:
    import httpx


def parsed(url: str) -> httpx.URL:
    """A URL that may be asked; raises ``UserError`` for any other."""
    import httpx

    try:
        address = httpx.URL(url)
        host = address.raw_host
    except (httpx.InvalidURL, UnicodeError):
        raise UserError(shown(url), "is no URL", "correct it") from None
    if address.scheme not in ("http", "https") or not host:
        raise UserError(shown(url), "is no http or https URL", "correct it")
    if address.userinfo:
        raise UserError(f"{address.scheme}://{address.host}", "carries a user or password", "take them out of the URL")
    return address


def origin(url: str) -> str:
    """Scheme, host and port of a URL: ``https://example.com``. Raises ``UserError`` for what may not be asked."""
    address = parsed(url)
    host = f"[{address.host}]" if ":" in address.host else address.raw_host.decode("ascii")
    return f"{address.scheme}://{host}" + (f":{address.port}" if address.port else "")


def mirrored(url: str, mirrors: Mapping[str, str]) -> str:
    """What is asked in place of a URL; the longest beginning counts."""
    begin = max((each for each in mirrors if url.startswith(each)), key=len, default=None)
    return url if begin is None else mirrors[begin] + url.removeprefix(begin)


def public(before: str, url: str, mirrors: Mapping[str, str]) -> str:
    """The URL that a mirror's redirect from ``before`` stands for: no mirror's name enters a document."""
    begin = max((each for each in mirrors if before.startswith(each)), key=len, default=None)
    if begin is None or not url.startswith(mirrors[begin]):
        return url
    return begin + url.removeprefix(mirrors[begin])


def proxy(url: httpx.URL, machine: Machine) -> str:
    """The proxy for a URL, by the machine profile or else the environment; empty for none, as NO_PROXY may say.

    Raises ``UserError`` for a host that says by itself that it is not public.
    """
    port = url.port or (443 if url.scheme == "https" else 80)
    refuse_literal(url.host, port, machine.private_hosts)
    proxies = urllib.request.getproxies_environment()
    address = machine.proxy or proxies.get(url.scheme) or proxies.get("all") or ""
    past = urllib.request.proxy_bypass_environment(f"{url.host}:{port}", proxies)  # type: ignore[attr-defined]
    return "" if past else str(address)
