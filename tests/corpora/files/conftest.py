"""Servers that speak the protocols of S3 and of Google's storage, and a bucket in each."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.corpora.files.bucket import Bucket


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
