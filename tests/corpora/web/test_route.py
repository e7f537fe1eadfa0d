"""Mirrors and proxies, as the machine profile names them."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from corpora.web import Client
from domain.errors import UserError
from tests.corpora.web.server import Reply, Web

Make = Callable[..., Client]


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
    with pytest.raises(UserError, match="not public"):
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
    with pytest.raises(UserError, match=r"machine\.proxy"):
        client(profile={"proxy": proxy}).get("http://a.example/")
