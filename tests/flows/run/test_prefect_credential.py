"""Prefect's temporary server answers nobody but the run it was started for, and its address is never another's."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.other_user import as_nobody, needs_root

HOME = Path(__file__).parents[3]
SERVER = """
import os, sys
from pathlib import Path
from flows.run.prefect_server import configure_prefect, start_server, started
configure_prefect(Path(sys.argv[1]))
start_server(Path(sys.argv[1]))
print(os.environ["PREFECT_API_URL"], started[os.environ["PREFECT_API_URL"]].pid, flush=True)
sys.stdin.read()
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, int, Path]]:
    """(URL, process id, work folder) of a server that another process has started."""
    work = tmp_path_factory.mktemp("work")
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PREFECT_")}
    environment |= {"HOME": str(work), "PYTHONPATH": str(HOME)}
    with subprocess.Popen(
        [sys.executable, "-c", SERVER, str(work)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        env=environment, cwd=work,
    ) as process:  # fmt: skip
        assert process.stdout is not None
        url, pid = process.stdout.readline().split()
        yield url, int(pid), work
        process.communicate("", timeout=30)


@pytest.mark.parametrize("credential", [None, ("shoptalk", ""), ("a", "b"), ("shoptalk", "x" * 43)])
@pytest.mark.parametrize(
    "path", ["flow_runs/filter", "flows/count", "flow_runs/00000000-0000-4000-8000-000000000000/set_state"]
)
def test_a_strangers_request_is_refused(
    server: tuple[str, int, Path], path: str, credential: tuple[str, str] | None
) -> None:
    assert httpx.post(f"{server[0]}/{path}", json={}, auth=credential).status_code == 401


def test_a_page_in_a_browser_is_no_client(server: tuple[str, int, Path]) -> None:
    headers = {"Origin": "https://evil.example", "Access-Control-Request-Method": "POST"}
    for answer in (
        httpx.options(f"{server[0]}/flow_runs/filter", headers=headers),
        httpx.get(f"{server[0]}/health", headers=headers),
    ):
        assert "access-control-allow-origin" not in answer.headers


def test_neither_address_nor_credential_is_in_the_process_list(server: tuple[str, int, Path]) -> None:
    command = Path(f"/proc/{server[1]}/cmdline").read_text()
    port = server[0].split(":")[2].removesuffix("/api")
    environment = Path(f"/proc/{server[1]}/environ").read_text().split("\0")
    credential = next(e.partition("=")[2] for e in environment if e.startswith("PREFECT_SERVER_API_AUTH_STRING="))
    assert "uvicorn" in command
    assert port not in command
    assert len(credential) > 40
    assert credential not in command
    assert all(credential.encode() not in path.read_bytes() for path in server[2].rglob("*") if path.is_file())


def bind(port: int, share: bool = True) -> str:
    """Try to take a port as a server would that wants to share it."""
    with socket.socket() as impostor:
        impostor.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        impostor.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, int(share))
        impostor.bind(("127.0.0.1", port))
        impostor.listen()
    return "bound"


@needs_root
def test_another_user_can_neither_read_the_credential_nor_take_the_address(server: tuple[str, int, Path]) -> None:
    port = int(server[0].split(":")[2].removesuffix("/api"))
    assert as_nobody(Path(f"/proc/{server[1]}/environ").read_bytes) == "PermissionError"
    assert as_nobody(lambda: bind(port)) == "OSError"


def test_the_address_of_a_server_that_ended_stays_the_runs(server: tuple[str, int, Path]) -> None:
    os.kill(server[1], signal.SIGKILL)
    began = time.monotonic()
    answers = True
    while answers:
        try:
            httpx.get(f"{server[0]}/health", timeout=10.0)
        except httpx.TransportError:
            answers = False
    assert time.monotonic() - began < 5
    port = int(server[0].split(":")[2].removesuffix("/api"))
    with pytest.raises(OSError, match="in use"):
        bind(port, share=False)
    if os.geteuid() == 0:
        assert as_nobody(lambda: bind(port)) == "OSError"
