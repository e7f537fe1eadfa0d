"""The client against a server that behaves and misbehaves."""

from __future__ import annotations

import gzip
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import httpcore
import pytest

from corpora.web import Client, Missing, Unfit, Unreachable
from domain.errors import Refusal
from domain.machine import Machine
from tests.corpora.web.server import Reply, Web, serving

Make = Callable[..., Client]


@pytest.fixture
def web() -> Iterator[Web]:
    with serving() as found:
        yield found


@pytest.fixture
def client(web: Web, monkeypatch: pytest.MonkeyPatch) -> Iterator[Make]:
    monkeypatch.setattr("corpora.web.client.BACKOFF", 0.01)
    made = []

    def make(*, profile: dict[str, Any] | None = None, **settings: Any) -> Client:
        made.append(Client(Machine(**{"private_hosts": (web.host,), **(profile or {})}), **settings))
        return made[-1]

    yield make
    for each in made:
        each.close()


def test_an_answer(web: Web, client: Make) -> None:
    body = "Gewinn über Plan".encode("latin-1")
    web.pages["/a"] = Reply(body, headers={"Content-Type": "text/html; charset=ISO-8859-1", "X-Two": "1"})
    answer = client(agent="desk desk@example.com").get(f"{web.url}/a?q=1", headers={"Accept": "text/html"})
    assert (answer.url, answer.status, answer.content) == (f"{web.url}/a?q=1", 200, body)
    assert answer.text == "Gewinn über Plan"
    assert answer.headers["x-two"] == "1"
    asked = web.asked[0].headers
    assert (asked["user-agent"], asked["accept"]) == ("desk desk@example.com", "text/html")
    assert asked["host"] == web.host


def test_an_agent_is_always_named(web: Web, client: Make) -> None:
    web.pages["/"] = Reply()
    client().get(f"{web.url}/")
    assert web.asked[0].headers["user-agent"] == "shoptalk"


@pytest.mark.parametrize(
    "stated", ["", "text/html; charset=nonsense", "text/html; charset=", "text/html; charset=\x00"]
)
def test_text_without_a_charset_that_holds(web: Web, client: Make, stated: str) -> None:
    web.pages["/"] = Reply("é".encode() + b"\xff", headers={"Content-Type": stated.replace("\x00", "")})
    assert client().get(f"{web.url}/").text == "é\ufffd"


def test_without_a_network_no_socket_is_opened(
    web: Web, client: Make, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(socket, "socket", None)
    monkeypatch.setattr(socket, "getaddrinfo", None)
    off = client(profile={"network": False})
    with pytest.raises(Refusal, match="network"):
        off.get(f"{web.url}/")
    with pytest.raises(Refusal, match="network"):
        off.download(f"{web.url}/", tmp_path / "a")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "url",
    ["ftp://a.example/", "file:///etc/passwd", "//a.example", "http://", "nonsense", "http://[::1/"],
)
def test_what_is_no_web_address(client: Make, url: str) -> None:
    with pytest.raises(Refusal, match="is no"):
        client().get(url)


def test_a_password_in_a_url_is_refused_and_not_shown(client: Make) -> None:
    with pytest.raises(Refusal) as refused:
        client().get("https://user:geheim@a.example/")
    assert "geheim" not in str(refused.value)


# Busy, missing and unfit


@pytest.mark.parametrize("status", [408, 425, 429, 500, 502, 503, 504, 520])
def test_busy_then_fine(web: Web, client: Make, status: int) -> None:
    web.pages["/"] = [Reply(status=status), Reply(status=status), Reply(b"fine")]
    assert client().get(f"{web.url}/").content == b"fine"
    assert len(web.asked) == 3


def test_busy_for_ever(web: Web, client: Make) -> None:
    web.pages["/"] = Reply(status=503)
    with pytest.raises(Unreachable, match="answers 503"):
        client(tries=3).get(f"{web.url}/?key=geheim")
    assert len(web.asked) == 3


@pytest.mark.parametrize("form", ["seconds", "date"])
def test_retry_after_is_honoured(web: Web, client: Make, form: str) -> None:
    later = format_datetime(datetime.now(UTC) + timedelta(seconds=2), usegmt=True)
    web.pages["/"] = [Reply(status=429, headers={"Retry-After": "1" if form == "seconds" else later}), Reply(b"fine")]
    begun = time.monotonic()
    assert client().get(f"{web.url}/").content == b"fine"
    assert 0.9 < time.monotonic() - begun < 2.6  # a date is whole seconds


def test_retry_after_is_capped(web: Web, client: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    slept: list[float] = []
    monkeypatch.setattr("corpora.web.client.time.sleep", slept.append)
    web.pages["/"] = [Reply(status=429, headers={"Retry-After": "86400"}), Reply(b"fine")]
    client().get(f"{web.url}/")
    assert max(slept) == pytest.approx(300, abs=0.1)


@pytest.mark.parametrize("status", [404, 410])
def test_missing(web: Web, client: Make, status: int) -> None:
    web.pages["/"] = Reply(status=status)
    with pytest.raises(Missing, match=f"answers {status}"):
        client().get(f"{web.url}/")
    assert len(web.asked) == 1


@pytest.mark.parametrize("status", [400, 401, 403, 451, 204, 206, 304])
def test_unfit_is_not_asked_again(web: Web, client: Make, status: int) -> None:
    web.pages["/"] = Reply(status=status)
    with pytest.raises(Unfit, match=f"answers {status}") as unfit:
        client().get(f"{web.url}/")
    assert (len(web.asked), unfit.value.status) == (1, status)


def test_forbidden_may_mean_busy(web: Web, client: Make) -> None:
    web.pages["/"] = [Reply(status=403), Reply(b"fine")]
    assert client(forbidden_is_busy=True).get(f"{web.url}/").content == b"fine"


def test_what_has_not_changed(web: Web, client: Make) -> None:
    web.pages["/"] = Reply(b"x", etag='"v1"')
    first = client().get(f"{web.url}/")
    again = client().get(f"{web.url}/", headers={"If-None-Match": first.headers["etag"]})
    assert (again.status, again.content) == (304, b"")


def test_a_part(web: Web, client: Make) -> None:
    web.pages["/"] = Reply(b"0123456789", etag='"v1"')
    answer = client().get(f"{web.url}/", headers={"Range": "bytes=2-4"})
    assert (answer.status, answer.content) == (206, b"234")


# Cut, slow and large


def test_cut_then_whole(web: Web, client: Make) -> None:
    body = bytes(range(256)) * 400
    web.pages["/"] = [Reply(body, cut=0), Reply(body, cut=70_000), Reply(body)]
    assert client().get(f"{web.url}/").content == body


def test_cut_for_ever(web: Web, client: Make) -> None:
    web.pages["/"] = Reply(b"x" * 100, length=200)
    with pytest.raises(Unreachable, match="no whole answer"):
        client(tries=2).get(f"{web.url}/")
    assert len(web.asked) == 2


def test_nobody_there(client: Make) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        host = f"127.0.0.1:{free.getsockname()[1]}"
    with pytest.raises(Unreachable, match=r"refused"):
        client(tries=2, profile={"private_hosts": (host,)}).get(f"http://{host}/")


def test_an_unknown_name(client: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(*_: Any, **__: Any) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    with pytest.raises(Unreachable, match="Name or service not known"):
        client(tries=1).get("http://gone.example/")


def test_a_silent_server(web: Web, client: Make) -> None:
    web.pages["/"] = Reply(b"x", wait=2.0)
    begun = time.monotonic()
    with pytest.raises(Unreachable, match="no whole answer"):
        client(tries=1, timeout=0.3).get(f"{web.url}/")
    assert time.monotonic() - begun < 1.0


def test_a_body_that_drips_ends(web: Web, client: Make) -> None:
    web.pages["/"] = Reply(b"x" * 1_000, drip=0.02)  # 50 bytes a second: each read is quick, all of it takes 20 s
    begun = time.monotonic()
    with pytest.raises(Unreachable, match=r"timed out|bytes in"):
        client(tries=1, timeout=0.4).get(f"{web.url}/")
    assert 0.3 < time.monotonic() - begun < 1.5


def test_headers_that_drip_end(client: Make) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        host = f"127.0.0.1:{server.getsockname()[1]}"

        def drip() -> None:
            connection, _ = server.accept()
            with connection:
                for byte in b"HTTP/1.1 200 OK\r\n" + b"X-Long: y\r\n" * 100:
                    try:
                        connection.sendall(bytes([byte]))
                    except OSError:
                        return
                    time.sleep(0.02)

        thread = threading.Thread(target=drip, daemon=True)
        thread.start()
        begun = time.monotonic()
        with pytest.raises(Unreachable, match=r"timed out|bytes in"):
            client(tries=1, timeout=0.4, profile={"private_hosts": (host,)}).get(f"http://{host}/")
        assert time.monotonic() - begun < 1.5
        thread.join(2)


def test_no_http_at_all(client: Make) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        host = f"127.0.0.1:{server.getsockname()[1]}"

        def talk() -> None:
            connection, _ = server.accept()
            with connection:
                connection.recv(1_000)
                connection.sendall(b"220 mail.example ESMTP\r\n")

        threading.Thread(target=talk, daemon=True).start()
        with pytest.raises(Unreachable, match="no whole answer"):
            client(tries=1, profile={"private_hosts": (host,)}).get(f"http://{host}/")


def test_too_large_by_its_own_word_is_not_read(web: Web, client: Make) -> None:
    web.pages["/"] = Reply(b"x" * 10, length=10**12)
    with pytest.raises(Unfit, match="1,000,000,000,000 bytes, more than 1,000"):
        client().get(f"{web.url}/", most=1_000)


def test_a_bomb_stops_at_the_cap(web: Web, client: Make) -> None:
    web.pages["/"] = Reply(gzip.compress(bytes(300_000_000)), headers={"Content-Encoding": "gzip"})
    begun = time.monotonic()
    with pytest.raises(Unfit, match="more than 5,000,000 bytes"):
        client(most=5_000_000).get(f"{web.url}/")
    assert time.monotonic() - begun < 1.0
    assert len(client().get(f"{web.url}/", most=5_000_000, cut=True).content) == 5_000_000


def test_an_encoding_is_undone_or_unfit(web: Web, client: Make) -> None:
    web.pages["/gzip"] = Reply(gzip.compress(b"hello"), headers={"Content-Encoding": "gzip"})
    web.pages["/broken"] = Reply(gzip.compress(b"hello")[:-4], headers={"Content-Encoding": "gzip"})
    web.pages["/unknown"] = Reply(b"hello", headers={"Content-Encoding": "sdch"})
    assert client().get(f"{web.url}/gzip").content == b"hello"
    for path in ("broken", "unknown"):
        with pytest.raises(Unfit):
            client().get(f"{web.url}/{path}")


# Redirects and private addresses


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_redirects_are_followed(web: Web, client: Make, status: int) -> None:
    web.pages["/a/b"] = Reply(status=status, headers={"Location": "../c?d=1"})
    web.pages["/c"] = Reply(b"there")
    answer = client().get(f"{web.url}/a/b")
    assert (answer.url, answer.content) == (f"{web.url}/c?d=1", b"there")


def test_a_loop_ends(web: Web, client: Make) -> None:
    web.pages["/"] = Reply(status=302, headers={"Location": "/"})
    with pytest.raises(Unfit, match="more than 10 times"):
        client().get(f"{web.url}/")
    assert len(web.asked) == 11


@pytest.mark.parametrize(
    "location",
    ["http://127.0.0.1:{port}/", "http://169.254.169.254/meta", "http://[::1]/", "http://localhost/", "http://0/"],
)
def test_a_redirect_to_a_private_address_is_refused(web: Web, client: Make, location: str) -> None:
    with serving() as inner:
        inner.pages["/"] = Reply(b"secret")
        web.pages["/"] = Reply(status=302, headers={"Location": location.format(port=inner.host.split(":")[1])})
        with pytest.raises(Refusal, match="not public"):
            client().get(f"{web.url}/")
        assert inner.asked == []


def test_a_redirect_to_a_file_is_refused(web: Web, client: Make) -> None:
    web.pages["/"] = Reply(status=302, headers={"Location": "file:///etc/passwd"})
    with pytest.raises(Refusal, match="no http or https"):
        client().get(f"{web.url}/")


def test_another_site_does_not_learn_credentials(web: Web, client: Make) -> None:
    with serving() as other:
        other.pages["/"] = Reply(b"x")
        web.pages["/"] = Reply(status=302, headers={"Location": "/next"})
        web.pages["/next"] = Reply(status=302, headers={"Location": f"{other.url}/"})
        asking = client(profile={"private_hosts": ("127.0.0.1",)})
        asking.get(f"{web.url}/", headers={"Authorization": "Bearer geheim"})
        assert [each.headers.get("authorization") for each in web.asked] == ["Bearer geheim"] * 2
        assert "authorization" not in other.asked[0].headers


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
    with pytest.raises(Refusal, match="not public"):
        client(tries=1).get("http://rebinding.example/")


# The machine profile


def test_a_mirror_is_asked_and_never_named(web: Web, client: Make) -> None:
    web.pages["/sec/a"] = Reply(status=301, headers={"Location": "/sec/b"})
    web.pages["/sec/b"] = Reply(b"filing")
    asking = client(profile={"mirrors": {"https://www.sec.gov/": f"{web.url}/sec/", "https://": "http://[::1]/"}})
    answer = asking.get("https://www.sec.gov/a")
    assert (answer.url, answer.content) == ("https://www.sec.gov/b", b"filing")
    assert web.paths() == ["/sec/a", "/sec/b"]


def test_a_proxy_is_asked_with_the_whole_url(web: Web, client: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    web.pages["http://a.example/x?y=1"] = Reply(b"by proxy")
    profile = {"private_hosts": (), "proxy": web.url.replace("http://", "http://me:word@")}
    assert client(profile=profile).get("http://a.example/x?y=1").content == b"by proxy"
    assert web.asked[0].headers["proxy-authorization"] == "Basic bWU6d29yZA=="
    with pytest.raises(Refusal, match="not public"):
        client(profile=profile).get("http://10.0.0.1/")
    monkeypatch.setenv("http_proxy", web.url)
    assert client(profile={"private_hosts": ()}).get("http://a.example/x?y=1").content == b"by proxy"


def test_no_proxy_is_kept_to(web: Web, client: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    web.pages["/x"] = Reply(b"direct")
    monkeypatch.setenv("http_proxy", "http://proxy.example:1")
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    assert client().get(f"{web.url}/x").content == b"direct"


@pytest.mark.parametrize("proxy", ["socks5://a.example:1080", "ftp://a", "http://"])
def test_a_proxy_of_no_known_kind(client: Make, proxy: str) -> None:
    with pytest.raises(Refusal, match=r"machine\.proxy"):
        client(profile={"proxy": proxy}).get("http://a.example/")


@pytest.mark.parametrize("content", [None, b"", b"no certificate"])
def test_a_ca_bundle_that_holds_none(client: Make, tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "ca.pem"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(Refusal, match=r"machine\.ca_bundle"):
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
