"""Files in buckets, behind servers that speak the protocols of S3 and of Google's storage."""

from __future__ import annotations

import base64
import gzip
import hashlib
import io
import ssl
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from urllib.parse import quote

import httpx
import pytest
from backports import zstd

from corpora.sources.crawl import Crawl
from corpora.sources.files import Files
from domain.errors import Refusal
from domain.machine import Machine
from tests.corpora.crawl.warcs import GOOD, packed, urls
from tests.corpora.extract.test_pdf import document
from tests.corpora.files.reading import JSONL, TEXTS, broken, found, html, texts
from tests.corpora.web.server import Handler, Reply, serving

MINE = Machine(workers=1)
OWNER = {"authorization": "AWS mine:signed"}  # nobody looks whether this is true


@pytest.fixture(scope="module")
def servers() -> Iterator[dict[str, str]]:
    """The URL of a server for each scheme."""
    from gcp_storage_emulator.server import create_server
    from moto.server import ThreadedMotoServer

    amazon, google = ThreadedMotoServer("127.0.0.1", 0, verbose=False), create_server("127.0.0.1", 0, in_memory=True)
    amazon.start()
    google.start()
    host, port = amazon.get_host_and_port()
    yield {"s3": f"http://{host}:{port}", "gs": f"http://127.0.0.1:{google._api._httpd.server_port}"}
    amazon.stop()
    google.stop()


@dataclass(frozen=True, kw_only=True)
class Bucket:
    """A bucket called ``shop`` that is filled by plain requests, as the stores document them."""

    scheme: str
    server: str

    @property
    def url(self) -> str:
        """How a recipe names it."""
        return f"{self.scheme}://shop"

    def make(self) -> None:
        """An empty one."""
        if self.scheme == "s3":
            httpx.post(f"{self.server}/moto-api/reset").raise_for_status()
            httpx.put(f"{self.server}/shop").raise_for_status()
        else:
            httpx.get(f"{self.server}/wipe").raise_for_status()
            httpx.post(f"{self.server}/storage/v1/b", json={"name": "shop"}).raise_for_status()

    def put(self, **files: bytes) -> None:
        """Each file, by its name."""
        for name, content in files.items():
            if self.scheme == "s3":
                httpx.put(f"{self.server}/shop/{quote(name)}", content=content, headers=OWNER).raise_for_status()
            else:
                query = {"uploadType": "media", "name": name}
                answer = httpx.post(f"{self.server}/upload/storage/v1/b/shop/o", params=query, content=content)
                answer.raise_for_status()

    def remove(self, name: str) -> None:
        """This file is gone."""
        folder = "shop" if self.scheme == "s3" else "storage/v1/b/shop/o"
        httpx.delete(f"{self.server}/{folder}/{quote(name, safe='')}", headers=OWNER).raise_for_status()

    def mark(self, content: bytes) -> str:
        """What the store says of this content: its MD5, in the store's own spelling."""
        md5 = hashlib.md5(content)
        return f'"{md5.hexdigest()}"' if self.scheme == "s3" else base64.b64encode(md5.digest()).decode()


@pytest.fixture
def nobody(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No credentials and no settings but the test's own, and no metadata server of a cloud."""
    for name in (
        "AWS_PROFILE", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_CA_BUNDLE",
        "AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3", "GOOGLE_APPLICATION_CREDENTIALS", "STORAGE_EMULATOR_HOST",
        "HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy",
    ):  # fmt: skip
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    monkeypatch.setenv("CLOUDSDK_CONFIG", str(tmp_path))
    monkeypatch.setenv("NO_GCE_CHECK", "true")


@pytest.fixture
def amazon(servers: dict[str, str], nobody: None, monkeypatch: pytest.MonkeyPatch) -> Bucket:
    """A bucket of S3's, and keys to it."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", servers["s3"])
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "mine")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    made = Bucket(scheme="s3", server=servers["s3"])
    made.make()
    return made


@pytest.fixture
def google(servers: dict[str, str], nobody: None, monkeypatch: pytest.MonkeyPatch) -> Bucket:
    """A bucket of Google's, which everybody may read."""
    monkeypatch.setenv("STORAGE_EMULATOR_HOST", servers["gs"])
    made = Bucket(scheme="gs", server=servers["gs"])
    made.make()
    return made


@pytest.fixture(params=["amazon", "google"])
def bucket(request: pytest.FixtureRequest) -> Bucket:
    """One of the two."""
    made: Bucket = request.getfixturevalue(request.param)
    return made


def test_a_glob_over_folders(bucket: Bucket) -> None:
    packed = gzip.compress(JSONL, mtime=0)
    bucket.put(**{
        "calls/2024/first half.jsonl.gz": packed, "calls/2025/q1/b.jsonl.gz": packed, "calls/2025/c.jsonl": JSONL,
        "calls/d.jsonl.gz": packed, "other/e.jsonl.gz": packed,
    })  # fmt: skip
    assert [(item.id, item.text) for item in found(f"{bucket.url}/calls/**/*.jsonl.gz", name="n")] == [
        (f"n/{name}.jsonl.gz:{line}", text)
        for name in ("2024/first half", "2025/q1/b", "d")
        for line, text in enumerate(TEXTS, 1)
    ]
    source = Files(kind="files", path=f"{bucket.url}/calls/*/*.jsonl*")
    assert source.stamp(MINE) == [
        {"file": "2024/first half.jsonl.gz", "bytes": len(packed), "content": bucket.mark(packed)},
        {"file": "2025/c.jsonl", "bytes": len(JSONL), "content": bucket.mark(JSONL)},
    ]
    assert source.stamp(MINE) == source.stamp(MINE.but(workers=2))


def test_each_form(bucket: Bucket) -> None:
    import pyarrow
    from pyarrow.parquet import write_table

    table = io.BytesIO()
    write_table(pyarrow.Table.from_pylist([{"text": text} for text in TEXTS]), table)
    bucket.put(**{
        "a.jsonl.zst": zstd.compress(JSONL), "b.parquet": table.getvalue(), "c.html": html("Gewinn"),
        "d.pdf": document(["A quarter with a profit."]), "e.txt": b"plain",
    })  # fmt: skip
    *rows, page, pdf, plain = texts(found(f"{bucket.url}/*.*"))
    assert rows == TEXTS * 2
    assert page.startswith("Gewinn The bank")
    assert (pdf, plain) == ("A quarter with a profit.", "plain")


def test_a_file_that_is_larger_than_what_is_read_at_once(bucket: Bucket) -> None:
    lines = b"".join(b'{"text": "%06d %s"}\n' % (number, bytes([97 + number % 26]) * 600) for number in range(2_000))
    bucket.put(**{"a.jsonl.gz": gzip.compress(lines), "a.jsonl": lines})
    packed, plain = (texts(found(f"{bucket.url}/{name}")) for name in ("a.jsonl.gz", "a.jsonl"))
    assert packed == plain
    assert [int(text[:6]) for text in plain] == list(range(2_000))


def test_pages_of_a_crawl(bucket: Bucket) -> None:
    bucket.put(**{"crawl/a.warc.gz": packed(*GOOD)})
    assert urls(list(Crawl(kind="crawl", path=f"{bucket.url}/crawl/*.warc.gz").documents(MINE))) == [
        f"http://a.example/{number}" for number in range(5)
    ]


def test_an_empty_file(amazon: Bucket) -> None:
    amazon.put(**{"a.jsonl": b"", "b.txt": b""})
    assert [texts(found(f"{amazon.url}/{name}")) for name in ("a.jsonl", "b.txt")] == [[], [""]]


def test_a_listing_of_several_pages(amazon: Bucket, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MOTO_S3_DEFAULT_MAX_KEYS", "3")
    amazon.put(**{f"{number}.txt": b"a text" for number in range(10)})
    told = httpx.get(f"{amazon.server}/shop?list-type=2").text
    assert "<IsTruncated>true" in told
    source = Files(kind="files", path=f"{amazon.url}/*.txt")
    assert [each["file"] for each in source.stamp(MINE)] == [f"{number}.txt" for number in range(10)]


def test_what_is_new_or_changed_is_seen_in_the_same_process(bucket: Bucket) -> None:
    bucket.put(**{"calls/a.jsonl": JSONL})
    many, one = (Files(kind="files", path=f"{bucket.url}/calls/{name}.jsonl") for name in ("*", "a"))
    before = many.stamp(MINE)
    assert before == one.stamp(MINE)
    other = JSONL.replace(b"first", b"other")  # as many bytes
    bucket.put(**{"calls/a.jsonl": other, "calls/b.jsonl": JSONL})
    assert [each["file"] for each in many.stamp(MINE)] == ["a.jsonl", "b.jsonl"]
    assert one.stamp(MINE) == [{**before[0], "content": bucket.mark(other)}]
    assert texts(list(many.documents(MINE))) == ["other", *TEXTS[1:], *TEXTS]


def test_a_file_that_vanishes_midway(bucket: Bucket) -> None:
    bucket.put(**{f"{name}.jsonl": JSONL for name in "abc"})
    items = Files(kind="files", path=f"{bucket.url}/*.jsonl").documents(MINE)
    first = next(items)
    bucket.remove("b.jsonl")
    rest = list(items)
    assert texts([first, *rest]) == TEXTS * 2
    assert [(q.reason, q.records) for q in broken(rest)] == [("was gone when it was to be read", 3)]


@pytest.mark.parametrize(
    ("path", "told"),
    [
        ("shop/none/*.jsonl", "matches no file"),
        ("shop/calls", "is a folder"),
        ("none/a.jsonl", "does not exist"),
        ("none/*.jsonl", "(exist|matches no file)"),
    ],
)
def test_what_is_not_there(bucket: Bucket, path: str, told: str) -> None:
    bucket.put(**{"calls/a.jsonl": JSONL})
    with pytest.raises(Refusal, match=rf"^corpus: {bucket.scheme}://{path.replace('*', '.')}: .*{told}"):
        Files(kind="files", path=f"{bucket.scheme}://{path}").stamp(MINE)


@pytest.mark.parametrize("name", ["a.jsonl", "*.jsonl"])
def test_without_keys_s3_is_not_read(amazon: Bucket, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    amazon.put(**{"a.jsonl": JSONL})
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    with pytest.raises(Refusal, match=r"Unable to locate credentials\). Mend: check AWS_PROFILE, or AWS_ACCESS_KEY_ID"):
        Files(kind="files", path=f"{amazon.url}/{name}").stamp(MINE)
    monkeypatch.setenv("AWS_PROFILE", "trader")
    with pytest.raises(Refusal, match=r"profile .trader. could not be found"):
        Files(kind="files", path=f"{amazon.url}/{name}").stamp(MINE)


@pytest.fixture
def lock(amazon: Bucket) -> Iterator[Callable[[], None]]:
    """``lock()``: from now on the server looks at keys, and nobody has the right ones."""

    def after(requests: str) -> None:
        httpx.post(f"{amazon.server}/moto-api/reset-auth", content=requests).raise_for_status()

    yield partial(after, "0")
    after("inf")


def test_wrong_keys_for_s3(amazon: Bucket, lock: Callable[[], None]) -> None:
    amazon.put(**{"a.jsonl": JSONL})
    lock()
    for name in ("a.jsonl", "*.jsonl"):
        with pytest.raises(Refusal, match=r"cannot be read \(Forbidden\)\. Mend: check AWS_PROFILE"):
            Files(kind="files", path=f"{amazon.url}/{name}").stamp(MINE)


def test_a_right_that_ends_midway_is_no_damage(amazon: Bucket, lock: Callable[[], None]) -> None:
    amazon.put(**{f"{name}.jsonl": JSONL for name in "ab"})
    items = Files(kind="files", path=f"{amazon.url}/*.jsonl").documents(MINE)
    first = next(items)
    lock()
    with pytest.raises(Refusal, match=r"^corpus: s3://shop/b.jsonl: cannot be read \(Forbidden\)\. Mend: check AWS"):
        list(items)
    assert texts([first]) == TEXTS[:1]


def test_wrong_credentials_for_google(nobody: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    said = b'{"error": {"code": 401, "message": "Anonymous caller does not have storage.objects.list access."}}'
    with serving() as web:
        monkeypatch.setenv("STORAGE_EMULATOR_HOST", web.url)
        for path in ("b/shop/o", "b/shop/o/a.jsonl", "b/shop"):
            web.pages[f"/storage/v1/{path}"] = Reply(said, status=401)
        for name in ("a.jsonl", "*.jsonl"):
            with pytest.raises(Refusal, match=r"Anonymous caller .*Mend: check GOOGLE_APPLICATION_CREDENTIALS or"):
                Files(kind="files", path=f"gs://shop/{name}").stamp(MINE)
        monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(tmp_path / "none.json"))
        web.asked.clear()
        with pytest.raises(Refusal, match=r"none.json was not found"):
            Files(kind="files", path="gs://shop/a.jsonl").stamp(MINE)
        assert web.asked == []


@pytest.mark.parametrize(("url", "package"), [("s3://shop/a.txt", "s3fs"), ("gs://shop/a.txt", "gcsfs")])
def test_a_package_that_is_missing(nobody: None, monkeypatch: pytest.MonkeyPatch, url: str, package: str) -> None:
    from fsspec.registry import _registry

    for name in [package, *(name for name in sys.modules if name.startswith(f"{package}."))]:
        monkeypatch.setitem(sys.modules, name, None)
    monkeypatch.delitem(_registry, "s3", raising=False)
    with pytest.raises(Refusal, match=rf"{package}.* Mend: pip install 'shoptalk\[{url[:2]}\]'"):
        Files(kind="files", path=url).stamp(MINE)


def test_another_server_by_the_settings_of_aws(amazon: Bucket, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    amazon.put(**{"a.jsonl": JSONL})
    for name in ("AWS_ENDPOINT_URL", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    (tmp_path / "config").write_text(f"[profile house]\nendpoint_url = {amazon.server}\nregion = eu-central-1\n")
    (tmp_path / "credentials").write_text("[house]\naws_access_key_id = mine\naws_secret_access_key = secret\n")
    monkeypatch.setenv("AWS_PROFILE", "house")
    assert texts(found("s3://shop/*.jsonl")) == TEXTS


@pytest.mark.parametrize("scheme", ["s3", "gs"])
def test_a_proxy(amazon: Bucket, monkeypatch: pytest.MonkeyPatch, scheme: str) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://store.example")
    monkeypatch.setenv("STORAGE_EMULATOR_HOST", "http://store.example")
    monkeypatch.setattr(Handler, "do_HEAD", Handler.do_GET, raising=False)
    with serving() as proxy:
        if scheme == "gs":
            monkeypatch.setenv("HTTP_PROXY", proxy.url)
        with pytest.raises(Refusal, match="does not exist"):
            Files(kind="files", path=f"{scheme}://shop/a.jsonl").stamp(MINE.but(proxy=proxy.url))
    asked = {"s3": "http://store.example/shop/a.jsonl", "gs": "http://store.example/storage/v1/b/shop/o/a.jsonl"}
    assert asked[scheme] in proxy.paths()


def test_certificates_of_ones_own(amazon: Bucket, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from moto.server import DomainDispatcherApplication, create_backend_app
    from werkzeug.serving import make_server

    amazon.put(**{"a.jsonl": JSONL})
    command = "openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=test -addext subjectAltName=IP:127.0.0.1"
    files = ["-keyout", str(tmp_path / "key.pem"), "-out", str(tmp_path / "own.pem")]
    subprocess.run([*command.split(), *files], check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "own.pem", tmp_path / "key.pem")
    app = DomainDispatcherApplication(create_backend_app)
    secure = make_server("127.0.0.1", 0, app, threaded=True, ssl_context=context)
    thread = threading.Thread(target=secure.serve_forever, daemon=True)
    thread.start()
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"https://127.0.0.1:{secure.port}")
    source = Files(kind="files", path="s3://shop/a.jsonl")
    try:
        with pytest.raises(Refusal, match=r"(?i)ssl|certificate"):
            source.stamp(MINE)
        assert texts(list(source.documents(MINE.but(ca_bundle=tmp_path / "own.pem")))) == TEXTS
    finally:
        secure.shutdown()
        thread.join()
