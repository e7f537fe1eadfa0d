"""Files on their way: whole or not there, resumed where the server allows it."""

from __future__ import annotations

import gzip
import hashlib
import random
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from corpora.web import Client, Unfit, Unreachable
from domain.errors import UserError
from domain.machine import Machine
from tests.corpora.web.server import Asked, Reply, Web

BODY = random.Random(0).randbytes(500_000)
DIGEST = hashlib.sha256(BODY).hexdigest()


@pytest.fixture
def client(web: Web, monkeypatch: pytest.MonkeyPatch) -> Iterator[Client]:
    monkeypatch.setattr("corpora.web.client.BACKOFF", 0.01)
    with Client(Machine(private_hosts=(web.host,)), tries=2) as made:
        yield made


def test_whole_checked_and_alone(web: Web, client: Client, tmp_path: Path) -> None:
    web.pages["/a"] = Reply(BODY, etag='"v1"')
    to = tmp_path / "new" / "a.bin"
    assert client.download(f"{web.url}/a", to, size=len(BODY), sha256=DIGEST.upper()) == to
    assert to.read_bytes() == BODY
    assert [each.name for each in to.parent.iterdir()] == ["a.bin"]
    assert web.asked[0].headers["accept-encoding"] == "identity"


@pytest.mark.parametrize("wrong", [{"size": 5}, {"sha256": "0" * 64}, {"limit": 499_999}])
def test_what_is_wrong_is_not_kept(web: Web, client: Client, tmp_path: Path, wrong: dict[str, object]) -> None:
    web.pages["/a"] = Reply(BODY, etag='"v1"')
    to = tmp_path / "a"
    to.write_bytes(b"the old one")
    with pytest.raises(Unfit):
        client.download(f"{web.url}/a", to, **wrong)  # type: ignore[arg-type]
    assert to.read_bytes() == b"the old one"
    assert all(path.stat().st_size == 0 for path in tmp_path.iterdir() if path != to)
    assert client.download(f"{web.url}/a", to, sha256=DIGEST).read_bytes() == BODY
    assert "range" not in web.asked[-1].headers


def test_resumed_where_it_broke_off(web: Web, client: Client, tmp_path: Path) -> None:
    web.pages["/a"] = [Reply(BODY, cut=200_000, etag='"v1"'), Reply(BODY, etag='"v1"')]
    assert client.download(f"{web.url}/a", tmp_path / "a", sha256=DIGEST).read_bytes() == BODY
    begun = int(web.asked[1].headers["range"].removeprefix("bytes=").removesuffix("-"))
    assert 0 < begun <= 200_000
    assert web.asked[1].headers["if-range"] == '"v1"'


def test_begun_anew_where_the_content_changed(web: Web, client: Client, tmp_path: Path) -> None:
    web.pages["/a"] = [Reply(b"old" * 100_000, cut=200_000, etag='"v1"'), Reply(BODY, etag='"v2"')]
    assert client.download(f"{web.url}/a", tmp_path / "a").read_bytes() == BODY


@pytest.mark.parametrize("etag", ["", 'W/"v1"'])
def test_begun_anew_where_no_mark_promises_equal_bytes(web: Web, client: Client, tmp_path: Path, etag: str) -> None:
    headers = {"ETag": etag} if etag else {}
    web.pages["/a"] = [Reply(BODY, cut=200_000, headers=headers), Reply(BODY, headers=headers)]
    assert client.download(f"{web.url}/a", tmp_path / "a").read_bytes() == BODY
    assert "range" not in web.asked[1].headers


def test_another_part_than_asked_for_is_not_joined(web: Web, client: Client, tmp_path: Path) -> None:
    wrong = Reply(BODY[:10], status=206, headers={"Content-Range": "bytes 0-9/500000"})
    web.pages["/a"] = [Reply(BODY, cut=200_000, etag='"v1"'), wrong, Reply(BODY)]
    with pytest.raises(Unreachable, match="another part"):
        client.download(f"{web.url}/a", tmp_path / "a")
    assert not (tmp_path / "a").exists()
    assert client.download(f"{web.url}/a", tmp_path / "a", sha256=DIGEST).read_bytes() == BODY


def test_a_file_that_became_shorter(web: Web, client: Client, tmp_path: Path) -> None:
    web.pages["/a"] = Reply(BODY, cut=200_000, etag='"v1"')
    with pytest.raises(Unreachable):
        client.download(f"{web.url}/a", tmp_path / "a")
    web.pages["/a"] = lambda asked: Reply(status=416) if "range" in asked.headers else Reply(b"short")
    assert client.download(f"{web.url}/a", tmp_path / "a").read_bytes() == b"short"


def test_the_cap_counts_what_came_before(web: Web, client: Client, tmp_path: Path) -> None:
    web.pages["/a"] = [Reply(BODY, cut=200_000, etag='"v1"'), Reply(BODY, etag='"v1"')]
    with pytest.raises(Unfit, match="more than"):
        client.download(f"{web.url}/a", tmp_path / "a", limit=400_000)


def test_an_encoding_is_undone_unless_the_file_is_meant_to_be_packed(web: Web, client: Client, tmp_path: Path) -> None:
    packed = gzip.compress(BODY)
    for name in ("a.json", "a.json.gz"):
        web.pages[f"/{name}"] = Reply(packed, headers={"Content-Encoding": "gzip", "ETag": '"v1"'})
        client.download(f"{web.url}/{name}?key=1", tmp_path / name)
    assert (tmp_path / "a.json").read_bytes() == BODY
    assert (tmp_path / "a.json.gz").read_bytes() == packed


PULL = """
import sys
from pathlib import Path
from corpora.web import Client
from domain.machine import Machine
url = sys.argv[1]
with Client(Machine(private_hosts=(url.split("/")[2],))) as client:
    client.download(url, Path(sys.argv[2]))
"""


def test_a_kill_leaves_no_file_and_the_next_run_goes_on(web: Web, client: Client, tmp_path: Path) -> None:
    web.pages["/a"] = [Reply(BODY, drip=0.0001, etag='"v1"'), Reply(BODY, etag='"v1"')]
    process = subprocess.Popen([sys.executable, "-c", PULL, f"{web.url}/a", str(tmp_path / "a")])
    part = tmp_path / ".a.part"
    while not (part.exists() and part.stat().st_size):
        time.sleep(0.01)
        assert process.poll() is None
    process.kill()
    process.wait()
    assert not (tmp_path / "a").exists()
    assert client.download(f"{web.url}/a", tmp_path / "a", sha256=DIGEST).read_bytes() == BODY
    assert web.asked[1].headers["if-range"] == '"v1"'


def test_two_processes_that_want_one_file_do_not_mix_it(web: Web, tmp_path: Path) -> None:
    def varied(asked: Asked) -> Reply:
        return Reply(BODY, wait=0.2)

    web.pages["/a"] = varied
    command = [sys.executable, "-c", PULL, f"{web.url}/a", str(tmp_path / "a")]
    for process in [subprocess.Popen(command) for _ in range(3)]:
        assert process.wait(60) == 0
    assert (tmp_path / "a").read_bytes() == BODY
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


def test_where_nothing_can_be_written(web: Web, client: Client, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="cannot be written"):
        client.download(f"{web.url}/a", tmp_path / "file" / "a")
