"""Which addresses may be connected to: public ones, and the private ones that the machine profile names."""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Iterable

from domain.errors import UserError

Address = ipaddress.IPv4Address | ipaddress.IPv6Address

NAT64 = ipaddress.ip_network("64:ff9b::/96")  # RFC 6052: how an IPv6-only network writes an IPv4 address


def public(address: str | Address) -> bool:
    """Whether an address is one of the internet at large; an IPv6 address that carries an IPv4 one is judged by that.

    Not public are private, loopback, link-local, multicast, reserved and unspecified ones (IANA's special registries).
    """
    ip = ipaddress.ip_address(address)
    if isinstance(ip, ipaddress.IPv6Address):
        inner = ip.ipv4_mapped or ip.sixtofour
        if ip in NAT64:
            inner = ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)
        if inner is not None:
            return public(inner)
        if ip.is_site_local:
            return False
    return ip.is_global and not (ip.is_multicast or ip.is_reserved)


def literal(host: str) -> Address | None:
    """The address that a host is written as; None for a name. ``127.1`` and ``0x7f000001`` are addresses too."""
    try:
        return ipaddress.ip_address(host.strip("[]"))
    except ValueError:
        pass
    try:
        return ipaddress.IPv4Address(socket.inet_aton(host))
    except OSError:
        return None


def named(host: str, port: int, private_hosts: Iterable[str]) -> bool:
    """Whether the machine profile lets this host be asked, whatever its address."""
    bare = host.strip("[]").lower()
    forms = {bare, f"[{bare}]", f"{bare}:{port}", f"[{bare}]:{port}"}
    return any(each.lower() in forms for each in private_hosts)


def refuse_literal(host: str, port: int, private_hosts: Iterable[str]) -> None:
    """Raise ``UserError`` for a host that says by itself that it is not public; all that can be told behind a proxy."""
    address, name = literal(host), host.lower().rstrip(".")
    local = name == "localhost" or name.endswith(".localhost")
    if (local or (address is not None and not public(address))) and not named(host, port, private_hosts):
        raise refusal(host, port, str(address or "loopback"))


def resolve(host: str, port: int, private_hosts: Iterable[str]) -> list[str]:
    """The addresses of a host that may be connected to, in the system's order of preference.

    Raises ``UserError`` where none of them may, ``OSError`` where the name is unknown. Connect to what is answered, not
    to the name: a name may answer with another address the next time (DNS rebinding).
    """
    infos = socket.getaddrinfo(host.strip("[]"), port, type=socket.SOCK_STREAM)
    addresses = list(dict.fromkeys(str(entry[4][0]) for entry in infos))
    if named(host, port, private_hosts):
        return addresses
    permitted = [address for address in addresses if public(address)]
    if not permitted:
        raise refusal(host, port, ", ".join(addresses))
    return permitted


def refusal(host: str, port: int, address: str) -> UserError:
    """What to say of a host that may not be asked."""
    problem = f"has an address that is not public ({address})"
    return UserError(
        f"{host}:{port}", problem, f"if it is meant, add {host}:{port} to the machine profile's private_hosts"
    )
