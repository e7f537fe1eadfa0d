"""Every kind of secret that a user may write or have, planted in a whole run: none is printed, kept or listed."""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import yaml

HOME = Path(__file__).parents[2]
SECRET = "pl4nted5ecret"  # and a number: which of the secrets it is
ENVIRONMENT = {
    "AWS_SECRET_ACCESS_KEY": f"{SECRET}1", "HF_TOKEN": f"{SECRET}2", "SHOP_PASSWORD": f"{SECRET}3",
    "MLFLOW_TRACKING_PASSWORD": f"{SECRET}4",
}  # fmt: skip
SIGNATURE, PROXY_PASSWORD = f"{SECRET}5", f"{SECRET}6"


@pytest.fixture
def proxy(texts: Path) -> Iterator[tuple[str, set[str]]]:
    """(host:port, secrets that came) of a proxy that answers for a host of signed addresses."""
    came: set[str] = set()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            url = urlsplit(self.path)
            came.update(parse_qs(url.query).get("X-Amz-Signature", []))
            came.add(base64.b64decode(self.headers.get("Proxy-Authorization", "").partition(" ")[2]).decode())
            path = texts / Path(url.path).name
            content = path.read_bytes() if path.is_file() and SIGNATURE in self.path else b""
            self.send_response(200 if content else 403)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_HEAD = do_GET  # noqa: N815 - the base class's name

        def log_message(self, *_: object) -> None:
            """Print nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"127.0.0.1:{server.server_port}", came
    server.shutdown()


@contextmanager
def process_list() -> Iterator[list[str]]:
    """The command lines of all processes of this machine, looked at again and again."""
    lines: set[bytes] = set()
    answer: list[str] = []
    done = threading.Event()

    def look() -> None:
        while not done.wait(0.05):
            for path in Path("/proc").glob("[0-9]*/cmdline"):
                try:
                    lines.add(path.read_bytes())
                except OSError:
                    continue

    thread = threading.Thread(target=look, daemon=True)
    thread.start()
    try:
        yield answer
    finally:
        done.set()
        thread.join()
        answer.extend(line.decode(errors="replace") for line in lines)


def run(folder: Path) -> subprocess.CompletedProcess[str]:
    """The command in a folder, with the secrets of the environment."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PREFECT_")}
    arguments = ["run", "contracts.yaml", "--machine", "machine.yaml"]
    return subprocess.run(
        [sys.executable, "-P", "-m", "flows.command.cli", *arguments], cwd=folder, capture_output=True, text=True,
        env={**environment, **ENVIRONMENT, "PYTHONPATH": str(HOME)}, check=False,
    )  # fmt: skip


def leaks(folder: Path) -> list[str]:
    """The files below a folder that hold a secret."""
    files = [path for path in folder.rglob("*") if path.is_file()]
    assert files
    return [str(path.relative_to(folder)) for path in files if SECRET.encode() in path.read_bytes()]


@pytest.mark.soak
def test_a_whole_run_keeps_no_secret(
    make_recipe: Any, texts: Path, proxy: tuple[str, set[str]], tmp_path: Path
) -> None:
    host, came = proxy
    recipe = yaml.safe_load(make_recipe().read_text())
    signed = f"http://corpus.example/domain.jsonl?X-Amz-Signature={SIGNATURE}&download=1"
    recipe["corpus"]["domain"] = [{"kind": "files", "path": signed}]
    machine = {
        "work": "work", "device": "cpu", "precision": "fp32", "threads": 1, "workers": 1,
        "proxy": f"http://shop:{PROXY_PASSWORD}@{host}", "private_hosts": [host],
        "mirrors": {"https://huggingface.co": "https://shop:${SHOP_PASSWORD}@mirror.example"},
    }  # fmt: skip
    (tmp_path / "contracts.yaml").write_text(yaml.safe_dump(recipe))
    (tmp_path / "machine.yaml").write_text(yaml.safe_dump(machine))
    with process_list() as lines:
        first = run(tmp_path)
    assert first.returncode == 0, first.stderr
    assert came >= {SIGNATURE, f"shop:{PROXY_PASSWORD}"}  # they were used
    machine["tracking"] = "http://shop:${SHOP_PASSWORD}@127.0.0.1:9"
    (tmp_path / "machine.yaml").write_text(yaml.safe_dump(machine))
    with process_list() as more:
        second = run(tmp_path)
    assert second.returncode == 0, second.stderr
    assert "tracking" in second.stderr
    printed = first.stdout + first.stderr + second.stdout + second.stderr
    assert SECRET not in printed, printed
    assert len(lines) > 5
    assert not [line for line in lines + more if SECRET in line]
    assert leaks(tmp_path / "work") == []
    assert {"mlflow.db", "lock"} <= {path.name for path in (tmp_path / "work").iterdir()}
    assert "corpus.example/domain.jsonl" in json.dumps(json.loads((tmp_path / "work/runs/contracts.json").read_bytes()))


@pytest.mark.parametrize(
    "path",
    [
        f"http://corpus.example/domain.jsonl?sig={SECRET}",
        f"http://corpus.example/none.jsonl?token={SECRET}&x=1",
        f"http://shop:{SECRET}@corpus.example/domain.jsonl",
        f"http://shop:{SECRET}@@corpus.example/domain.jsonl",
        f"ftp://shop:{SECRET}/x@corpus.example/domain.jsonl",
    ],
)
def test_a_run_that_fails_keeps_none(
    make_recipe: Any, proxy: tuple[str, set[str]], tmp_path: Path, path: str, command: Any, without_engine: None
) -> None:
    recipe = yaml.safe_load(make_recipe().read_text())
    recipe["corpus"]["domain"] = [{"kind": "files", "path": path}]
    file = make_recipe(corpus=recipe["corpus"])
    (tmp_path / "machine.yaml").write_text(yaml.safe_dump({"proxy": f"http://{proxy[0]}"}))
    answer = command.ask(
        "run",
        file,
        "--machine",
        tmp_path / "machine.yaml",
        "--work",
        tmp_path / "work",
        "--tracking",
        "none",
        *command.machine,
    )
    command.refused(answer, "corpus.example")
    assert SECRET not in answer.err + answer.out
    if (tmp_path / "work").exists() and any((tmp_path / "work").rglob("*")):
        assert leaks(tmp_path / "work") == []
