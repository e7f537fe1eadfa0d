"""How buckets are reached: keys and rights, packages, other servers, proxies, certificates."""

from __future__ import annotations

import ssl
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import httpx
import pytest

from corpora.sources.files import Files
from domain.errors import UserError
from domain.machine import Machine
from tests.corpora.files.bucket import Bucket
from tests.corpora.files.reading import JSONL, TEXTS, read_documents, texts
from tests.corpora.web.server import Handler, Reply, serving

MINE = Machine(workers=1)


@pytest.mark.parametrize("name", ["a.jsonl", "*.jsonl"])
def test_without_keys_s3_is_not_read(amazon: Bucket, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    amazon.put(**{"a.jsonl": JSONL})
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    with pytest.raises(
        UserError, match=r"Unable to locate credentials\). Fix: check AWS_PROFILE, or AWS_ACCESS_KEY_ID"
    ):
        Files(kind="files", path=f"{amazon.url}/{name}").stamp(MINE)
    monkeypatch.setenv("AWS_PROFILE", "trader")
    with pytest.raises(UserError, match=r"profile .trader. could not be found"):
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
        with pytest.raises(UserError, match=r"cannot be read \(Forbidden\)\. Fix: check AWS_PROFILE"):
            Files(kind="files", path=f"{amazon.url}/{name}").stamp(MINE)


def test_a_right_that_ends_midway_is_no_damage(amazon: Bucket, lock: Callable[[], None]) -> None:
    amazon.put(**{f"{name}.jsonl": JSONL for name in "ab"})
    items = Files(kind="files", path=f"{amazon.url}/*.jsonl").documents(MINE)
    first = next(items)
    lock()
    with pytest.raises(UserError, match=r"^corpus: s3://shop/b.jsonl: cannot be read \(Forbidden\)\. Fix: check AWS"):
        list(items)
    assert texts([first]) == TEXTS[:1]


def test_wrong_credentials_for_google(nobody: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    said = b'{"error": {"code": 401, "message": "Anonymous caller does not have storage.objects.list access."}}'
    with serving() as web:
        monkeypatch.setenv("STORAGE_EMULATOR_HOST", web.url)
        for path in ("b/shop/o", "b/shop/o/a.jsonl", "b/shop"):
            web.pages[f"/storage/v1/{path}"] = Reply(said, status=401)
        for name in ("a.jsonl", "*.jsonl"):
            with pytest.raises(UserError, match=r"Anonymous caller .*Fix: check GOOGLE_APPLICATION_CREDENTIALS or"):
                Files(kind="files", path=f"gs://shop/{name}").stamp(MINE)
        monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(tmp_path / "none.json"))
        web.asked.clear()
        with pytest.raises(UserError, match=r"none.json was not found"):
            Files(kind="files", path="gs://shop/a.jsonl").stamp(MINE)
        assert web.asked == []


@pytest.mark.parametrize(("url", "package"), [("s3://shop/a.txt", "s3fs"), ("gs://shop/a.txt", "gcsfs")])
def test_a_package_that_is_missing(nobody: None, monkeypatch: pytest.MonkeyPatch, url: str, package: str) -> None:
    from fsspec.registry import _registry

    for name in [package, *(name for name in sys.modules if name.startswith(f"{package}."))]:
        monkeypatch.setitem(sys.modules, name, None)
    monkeypatch.delitem(_registry, "s3", raising=False)
    with pytest.raises(UserError, match=rf"{package}.* Fix: pip install 'shoptalk\[{url[:2]}\]'"):
        Files(kind="files", path=url).stamp(MINE)


def test_another_server_by_the_settings_of_aws(amazon: Bucket, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    amazon.put(**{"a.jsonl": JSONL})
    for name in ("AWS_ENDPOINT_URL", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    (tmp_path / "config").write_text(f"[profile house]\nendpoint_url = {amazon.server}\nregion = eu-central-1\n")
    (tmp_path / "credentials").write_text("[house]\naws_access_key_id = mine\naws_secret_access_key = secret\n")
    monkeypatch.setenv("AWS_PROFILE", "house")
    assert texts(read_documents("s3://shop/*.jsonl")) == TEXTS


@pytest.mark.parametrize("scheme", ["s3", "gs"])
def test_a_proxy(amazon: Bucket, monkeypatch: pytest.MonkeyPatch, scheme: str) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://store.example")
    monkeypatch.setenv("STORAGE_EMULATOR_HOST", "http://store.example")
    monkeypatch.setattr(Handler, "do_HEAD", Handler.do_GET, raising=False)
    with serving() as proxy:
        if scheme == "gs":
            monkeypatch.setenv("HTTP_PROXY", proxy.url)
        with pytest.raises(UserError, match="does not exist"):
            Files(kind="files", path=f"{scheme}://shop/a.jsonl").stamp(MINE.replace(proxy=proxy.url))
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
        with pytest.raises(UserError, match=r"(?i)ssl|certificate"):
            source.stamp(MINE)
        assert texts(list(source.documents(MINE.replace(ca_bundle=tmp_path / "own.pem")))) == TEXTS
    finally:
        secure.shutdown()
        thread.join()
