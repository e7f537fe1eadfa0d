"""Which addresses may be asked: against IANA's registries of special addresses, by hand."""

from __future__ import annotations

import socket
from typing import Any

import pytest

from corpora.web.address import literal, named, public, refuse_literal, resolve
from domain.errors import UserError

OPEN = ["8.8.8.8", "1.1.1.1", "2606:4700:4700::1111", "64:ff9b::808:808", "::ffff:8.8.8.8", "2002:808:808::1"]
CLOSED = [
    *("127.0.0.1", "127.9.9.9", "10.0.0.1", "172.16.0.1", "172.31.255.255", "192.168.1.1", "169.254.169.254"),
    *("0.0.0.0", "100.64.0.1", "192.0.2.1", "198.18.0.1", "224.0.0.1", "239.1.1.1", "240.0.0.1", "255.255.255.255"),
    *("::", "::1", "fe80::1", "fe80::1%eth0", "fc00::1", "fd12::1", "fec0::1", "ff02::1", "2001:db8::1"),
    *("::ffff:127.0.0.1", "::ffff:10.0.0.1", "64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe", "2002:7f00:1::", "::7f00:1"),
    "2001:0:4136:e378:8000:63bf:3fff:fdd2",  # Teredo
]


@pytest.mark.parametrize("address", OPEN)
def test_public(address: str) -> None:
    assert public(address)


@pytest.mark.parametrize("address", CLOSED)
def test_not_public(address: str) -> None:
    assert not public(address)


@pytest.mark.parametrize(
    "host", ["127.1", "0x7f000001", "2130706433", "0177.0.0.1", "[::1]", "localhost", "a.LocalHost."]
)
def test_every_spelling_of_loopback_is_refused_without_a_look_up(host: str) -> None:
    with pytest.raises(UserError, match="not public"):
        refuse_literal(host, 80, ())


def test_names_are_no_literals() -> None:
    assert literal("example.com") is None
    assert literal("10.com") is None
    refuse_literal("example.com", 443, ())


def test_the_machine_profile_names_exceptions_by_host_or_by_port() -> None:
    assert named("127.0.0.1", 80, ["127.0.0.1"])
    assert named("127.0.0.1", 8080, ["127.0.0.1:8080"])
    assert not named("127.0.0.1", 8081, ["127.0.0.1:8080"])
    assert named("Archive.Bank.internal", 443, ["archive.bank.internal"])
    assert named("::1", 8080, ["[::1]:8080"])
    refuse_literal("127.0.0.1", 8080, ["127.0.0.1:8080"])


def answers(*addresses: str) -> Any:
    return lambda *_, **__: [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, 80)) for address in addresses]


def test_a_name_with_public_and_private_addresses_loses_the_private_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket, "getaddrinfo", answers("10.0.0.1", "8.8.8.8", "127.0.0.1"))
    assert resolve("mixed.example", 80, ()) == ["8.8.8.8"]
    assert resolve("mixed.example", 80, ["mixed.example"]) == ["10.0.0.1", "8.8.8.8", "127.0.0.1"]


def test_a_name_that_is_private_is_refused_in_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket, "getaddrinfo", answers("169.254.169.254"))
    with pytest.raises(UserError) as refused:
        resolve("metadata.example", 80, ())
    assert str(refused.value) == (
        "metadata.example:80: has an address that is not public (169.254.169.254). "
        "Fix: if it is meant, add metadata.example:80 to the machine profile's private_hosts."
    )
