"""Answers that are cut, slow, too large or damaged: the client ends in time, and says why."""

from __future__ import annotations

import gzip
import socket
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

from corpora.web import Client, Unfit, Unreachable
from tests.corpora.web.server import Reply, Web

Make = Callable[..., Client]


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
    web.pages["/"] = Reply(b"x", wait=4.0)
    begun = time.monotonic()
    with pytest.raises(Unreachable, match="no whole answer"):
        client(tries=1, timeout=0.3).get(f"{web.url}/")
    assert time.monotonic() - begun < 3.5


def test_a_body_that_drips_ends(web: Web, client: Make) -> None:
    web.pages["/"] = Reply(b"x" * 1_000, drip=0.02)  # 50 bytes a second: each read is quick, all of it takes 20 s
    begun = time.monotonic()
    with pytest.raises(Unreachable, match=r"timed out|bytes in"):
        client(tries=1, timeout=0.4).get(f"{web.url}/")
    assert 0.3 < time.monotonic() - begun < 10


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
        assert time.monotonic() - begun < 10  # all of it would take 22 s
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
        client().get(f"{web.url}/", limit=1_000)


def test_a_bomb_stops_at_the_cap(web: Web, client: Make) -> None:
    web.pages["/"] = Reply(gzip.compress(bytes(300_000_000)), headers={"Content-Encoding": "gzip"})
    begun = time.process_time()  # of the server's thread too; a busy machine adds nothing
    with pytest.raises(Unfit, match="more than 5,000,000 bytes"):
        client(limit=5_000_000).get(f"{web.url}/")
    assert time.process_time() - begun < 1.0
    assert len(client().get(f"{web.url}/", limit=5_000_000, cut=True).content) == 5_000_000


def test_an_encoding_is_undone_or_unfit(web: Web, client: Make) -> None:
    web.pages["/gzip"] = Reply(gzip.compress(b"hello"), headers={"Content-Encoding": "gzip"})
    web.pages["/broken"] = Reply(gzip.compress(b"hello")[:-4], headers={"Content-Encoding": "gzip"})
    web.pages["/unknown"] = Reply(b"hello", headers={"Content-Encoding": "sdch"})
    assert client().get(f"{web.url}/gzip").content == b"hello"
    for path in ("broken", "unknown"):
        with pytest.raises(Unfit):
            client().get(f"{web.url}/{path}")
