"""Private addresses are never connected to, and certificates are believed as the profile says."""

from __future__ import annotations

import socket
import ssl
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpcore
import pytest

from corpora.web import Client, Unfit, Unreachable
from domain.errors import UserError
from tests.corpora.web.server import Reply, Web, serving

Make = Callable[..., Client]


@pytest.mark.parametrize(
    "location",
    ["http://127.0.0.1:{port}/", "http://169.254.169.254/meta", "http://[::1]/", "http://localhost/", "http://0/"],
)
def test_a_redirect_to_a_private_address_is_refused(web: Web, client: Make, location: str) -> None:
    with serving() as inner:
        inner.pages["/"] = Reply(b"secret")
        web.pages["/"] = Reply(status=302, headers={"Location": location.format(port=inner.host.split(":")[1])})
        with pytest.raises(UserError, match="not public"):
            client().get(f"{web.url}/")
        assert inner.asked == []


def test_a_redirect_to_a_file_is_refused(web: Web, client: Make) -> None:
    web.pages["/"] = Reply(status=302, headers={"Location": "file:///etc/passwd"})
    with pytest.raises(UserError, match="no http or https"):
        client().get(f"{web.url}/")


def test_what_was_resolved_is_what_is_connected_to(client: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    looked_up, connected = [], []

    def answers(host: str, port: int, **_: Any) -> list[Any]:
        looked_up.append(host)
        first = ["93.184.215.14", "127.0.0.1"] if len(looked_up) == 1 else ["127.0.0.1"]
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (each, port)) for each in first]

    def connect(_: Any, host: str, *__: Any, **___: Any) -> None:
        connected.append(host)
        raise httpcore.ConnectError("no")

    monkeypatch.setattr(socket, "getaddrinfo", answers)
    monkeypatch.setattr(httpcore.SyncBackend, "connect_tcp", connect)
    with pytest.raises(Unreachable):
        client(tries=1).get("http://rebinding.example/")
    assert (looked_up, connected) == (["rebinding.example"], ["93.184.215.14"])
    with pytest.raises(UserError, match="not public"):
        client(tries=1).get("http://rebinding.example/")


@pytest.mark.parametrize("content", [None, b"", b"no certificate"])
def test_a_ca_bundle_that_holds_none(client: Make, tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "ca.pem"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(UserError, match=r"machine\.ca_bundle"):
        client(profile={"ca_bundle": path}).get("https://a.example/")


def test_a_certificate_is_believed_only_if_the_profile_says_so(client: Make, tmp_path: Path) -> None:
    command = "openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=test -addext subjectAltName=IP:127.0.0.1"
    files = ["-keyout", str(tmp_path / "key.pem"), "-out", str(tmp_path / "own.pem")]
    try:
        subprocess.run([*command.split(), *files], check=True, capture_output=True)
    except FileNotFoundError:
        pytest.skip("openssl is not installed")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "own.pem", tmp_path / "key.pem")
    with serving(context) as secure:
        secure.pages["/"] = Reply(b"secret")
        profile = {"private_hosts": ("127.0.0.1",)}
        with pytest.raises(Unfit, match="certificate that is not trusted"):
            client(profile=profile).get(f"{secure.url}/")
        trusting = {**profile, "ca_bundle": tmp_path / "own.pem"}
        assert client(profile=trusting).get(f"{secure.url}/").content == b"secret"
        with pytest.raises(Unfit, match="certificate that is not trusted"):
            client(profile={**trusting, "private_hosts": ("localhost",)}).get(
                f"{secure.url.replace('127.0.0.1', 'localhost')}/"
            )
