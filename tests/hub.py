"""A hub on this machine: the part of the Hugging Face protocol that downloads and streams need, over real HTTP."""

from __future__ import annotations

import hashlib
import json
import os
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import PurePosixPath
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

API = re.compile(r"/api/(models|datasets)/(?P<name>[^/]+/[^/]+)(?:/(?P<what>revision|tree|paths-info)/(?P<rest>.*))?")
RESOLVE = re.compile(r"/(?P<kind>datasets/)?(?P<name>[^/]+/[^/]+)/resolve/(?P<revision>[^/]+)/(?P<path>.+)")


@dataclass
class Hub:
    """``repositories`` maps (``models`` or ``datasets``, name) to {commit: {path: bytes}}; ``asked`` is its log."""

    repositories: dict[tuple[str, str], dict[str, dict[str, bytes]]] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    url: str = ""

    def add(self, kind: str, name: str, files: dict[str, bytes]) -> str:
        """Commit files as the head of a repository; the commit (40 hexadecimal digits)."""
        content = "".join(f"{path} {blob(data)}" for path, data in sorted(files.items()))
        commit = hashlib.sha1(f"{kind} {name} {content}".encode()).hexdigest()
        self.repositories.setdefault((kind, name), {})[commit] = files
        return commit

    def environment(self, cache: Any) -> dict[str, str]:
        """The environment of a process that takes this for the hub, and has nothing in its cache."""
        kept = {k: v for k, v in os.environ.items() if not k.startswith("HF_") and "proxy" not in k.lower()}
        off = {f"HF_HUB_DISABLE_{name}": "1" for name in ("TELEMETRY", "XET", "PROGRESS_BARS")}
        return {**kept, **off, "HF_ENDPOINT": self.url, "HF_HOME": str(cache)}


def blob(data: bytes) -> str:
    """Git's name of a file's content."""
    return hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()


def entries(files: dict[str, bytes], folder: str = "", recursive: bool = True) -> list[dict[str, Any]]:
    """The tree below a folder, as the hub lists it."""
    prefix = f"{folder}/" if folder else ""
    below = {path: data for path, data in files.items() if path.startswith(prefix)}
    parents = {str(parent) for path in below for parent in PurePosixPath(path).parents}
    folders = {parent for parent in parents if parent.startswith(prefix)}
    listed: list[dict[str, Any]] = [
        {"type": "directory", "path": path, "size": 0, "oid": hashlib.sha1(path.encode()).hexdigest()}
        for path in sorted(folders - {folder, "."})
    ]
    listed += [{"type": "file", "path": p, "size": len(d), "oid": blob(d)} for p, d in sorted(below.items())]
    return [e for e in listed if recursive or "/" not in e["path"].removeprefix(prefix)]


class Handler(BaseHTTPRequestHandler):
    """Answers for the hub of its server."""

    protocol_version = "HTTP/1.1"
    hub: Hub

    def log_message(self, *_: Any) -> None:
        """Keep quiet."""

    def do_HEAD(self) -> None:
        """What GET would say, without the body."""
        self.do_GET()

    def do_GET(self) -> None:
        """Repositories, trees and files."""
        length = int(self.headers.get("Content-Length") or 0)
        body = self.rfile.read(length) if length else b""
        address = urlsplit(self.path)
        path = unquote(address.path)
        self.hub.asked.append(f"{self.command} {path}")
        if match := API.fullmatch(path):
            self.describe(match, parse_qs(address.query), body)
        elif match := RESOLVE.fullmatch(path):
            self.file(match)
        else:
            self.refuse("EntryNotFound")

    def do_POST(self) -> None:
        """As GET: what is asked for stands in the body."""
        self.do_GET()

    def files(self, kind: str, name: str, revision: str) -> tuple[str, dict[str, bytes]] | None:
        """(commit, files) of a revision; None, and an answer, where there is none."""
        commits = self.hub.repositories.get((kind, name))
        if commits is None:
            self.refuse("RepoNotFound")
            return None
        commit = list(commits)[-1] if revision == "main" else revision
        if commit not in commits:
            self.refuse("RevisionNotFound")
            return None
        return commit, commits[commit]

    def describe(self, match: re.Match[str], query: dict[str, list[str]], body: bytes) -> None:
        """A repository, its tree, or some of its paths, as JSON."""
        kind, name = match[1], match["name"]
        revision, _, folder = (match["rest"] or "main").partition("/")
        found = self.files(kind, name, revision)
        if found is None:
            return
        commit, files = found
        if match["what"] == "tree":
            answer: Any = entries(files, folder.rstrip("/"), query.get("recursive", ["false"])[0].lower() == "true")
            if folder and not answer:
                self.refuse("EntryNotFound")
                return
        elif match["what"] == "paths-info":
            wanted = parse_qs(body.decode()).get("paths", [])
            if self.headers.get("Content-Type", "").startswith("application/json"):
                wanted = json.loads(body)["paths"]
            answer = [entry for entry in entries(files) if entry["path"] in wanted]
        else:
            siblings = [{"rfilename": p, "size": len(d), "blobId": blob(d)} for p, d in sorted(files.items())]
            answer = {"id": name, "sha": commit, "siblings": siblings, "private": False, "gated": False, "tags": []}
            answer.update({"lastModified": "2024-01-01T00:00:00.000Z", "downloads": 0, "likes": 0, "disabled": False})
        self.send(200, json.dumps(answer).encode(), {"Content-Type": "application/json", "X-Repo-Commit": commit})

    def file(self, match: re.Match[str]) -> None:
        """A file, or the range of it that was asked for."""
        found = self.files("datasets" if match["kind"] else "models", match["name"], match["revision"])
        if found is None:
            return
        commit, files = found
        if match["path"] not in files:
            self.refuse("EntryNotFound", {"X-Repo-Commit": commit})
            return
        data = files[match["path"]]
        headers = {"ETag": f'"{blob(data)}"', "X-Repo-Commit": commit, "Accept-Ranges": "bytes"}
        headers["Content-Type"] = "application/octet-stream"
        asked = re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range", ""))
        if not asked:
            self.send(200, data, headers)
            return
        first, last = int(asked[1]), min(int(asked[2] or len(data) - 1), len(data) - 1)
        headers["Content-Range"] = f"bytes {first}-{last}/{len(data)}"
        self.send(206, data[first : last + 1], headers)

    def refuse(self, code: str, headers: dict[str, str] | None = None) -> None:
        """404, and which of the things that may be missing is missing."""
        status = 401 if code == "RepoNotFound" else 404  # the hub does not tell what is private from what is not there
        message = re.sub("(?<=[a-z])(?=[A-Z])", " ", code)
        self.send(status, message.encode(), {"X-Error-Code": code, "X-Error-Message": message, **(headers or {})})

    def send(self, status: int, data: bytes, headers: dict[str, str]) -> None:
        """One answer."""
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data)


@contextmanager
def serving() -> Iterator[Hub]:
    """A hub at an address of its own, until the end of the block."""
    hub = Hub()
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Bound", (Handler,), {"hub": hub}))
    hub.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield hub
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
