"""The client against a server that behaves: answers, tries, redirects."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path

import pytest

from corpora.web import Client, NotFoundError, Unfit, Unreachable
from domain.errors import UserError
from tests.corpora.web.server import Reply, Web, serving

Make = Callable[..., Client]


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
    with pytest.raises(UserError, match="network"):
        off.get(f"{web.url}/")
    with pytest.raises(UserError, match="network"):
        off.download(f"{web.url}/", tmp_path / "a")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "url",
    ["ftp://a.example/", "file:///etc/passwd", "//a.example", "http://", "nonsense", "http://[::1/"],
)
def test_what_is_no_web_address(client: Make, url: str) -> None:
    with pytest.raises(UserError, match="is no"):
        client().get(url)


def test_a_password_in_a_url_is_refused_and_not_shown(client: Make) -> None:
    with pytest.raises(UserError) as refused:
        client().get("https://user:geheim@a.example/")
    assert "geheim" not in str(refused.value)


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
    assert 0.9 < time.monotonic() - begun < 15  # a date is whole seconds


def test_retry_after_is_capped(web: Web, client: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    slept: list[float] = []
    monkeypatch.setattr("corpora.web.client.time.sleep", slept.append)
    web.pages["/"] = [Reply(status=429, headers={"Retry-After": "86400"}), Reply(b"fine")]
    client().get(f"{web.url}/")
    assert max(slept) == pytest.approx(300, abs=0.1)


@pytest.mark.parametrize("status", [404, 410])
def test_missing(web: Web, client: Make, status: int) -> None:
    web.pages["/"] = Reply(status=status)
    with pytest.raises(NotFoundError, match=f"answers {status}"):
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


def test_another_site_does_not_learn_credentials(web: Web, client: Make) -> None:
    with serving() as other:
        other.pages["/"] = Reply(b"x")
        web.pages["/"] = Reply(status=302, headers={"Location": "/next"})
        web.pages["/next"] = Reply(status=302, headers={"Location": f"{other.url}/"})
        asking = client(profile={"private_hosts": ("127.0.0.1",)})
        asking.get(f"{web.url}/", headers={"Authorization": "Bearer geheim"})
        assert [each.headers.get("authorization") for each in web.asked] == ["Bearer geheim"] * 2
        assert "authorization" not in other.asked[0].headers
