"""How the hub's library connects from this machine: proxy, certificates, mirrors, or not at all."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from corpora.web.route import mirrored
from domain.errors import UserError
from domain.machine import Machine

TIMEOUT = 60.0  # seconds for each step of a request


@contextmanager
def reached(machine: Machine) -> Iterator[None]:
    """Within the block the library asks as the machine profile says; without a word there, as it does by itself.

    The session is made of the library's own kind and with its own hooks (it moved from one HTTP client to another
    between minor versions). A mirror is asked in place of a URL's beginning, also where a redirect leads there.
    """
    if not (machine.proxy or machine.ca_bundle or machine.mirrors):
        yield
        return
    from huggingface_hub import get_session, set_client_factory

    default = get_session()
    kind, hooks = type(default), default.event_hooks

    def asked_elsewhere(request: Any) -> None:
        there = mirrored(str(request.url), machine.mirrors)
        if there != str(request.url):
            request.url = type(request.url)(there)
            request.headers["host"] = request.url.netloc.decode("ascii")

    def made() -> Any:
        return kind(
            event_hooks={**hooks, "request": [*hooks["request"], asked_elsewhere]},
            follow_redirects=True,
            timeout=TIMEOUT,
            proxy=machine.proxy or None,
            verify=trusted(machine),
        )

    set_client_factory(made)
    try:
        yield
    finally:
        set_client_factory(lambda: kind(event_hooks=hooks, follow_redirects=True, timeout=None))


def trusted(machine: Machine) -> Any:
    """The profile's certificates, else True: the library's own. Raises ``UserError``."""
    if machine.ca_bundle is None:
        return True
    try:
        return ssl.create_default_context(cafile=str(machine.ca_bundle))
    except (OSError, ssl.SSLError) as error:
        problem = f"cannot be read as certificates ({error})"
        raise UserError(f"ca_bundle {machine.ca_bundle}", problem, "name a PEM file") from None


def cached(dataset: str, revision: str | None, place: str) -> str:
    """The folder of the library's cache that holds a dataset at a revision; raises ``UserError`` if there is none."""
    from huggingface_hub import snapshot_download

    try:
        return str(snapshot_download(dataset, repo_type="dataset", revision=revision, local_files_only=True))
    except Exception:  # the library has several for what is not there
        problem = "is not in the hub's cache on this machine, and the machine profile switches the network off"
        fix = f"fetch it first (hf download {dataset} --repo-type dataset --revision {revision}), or set network: true"
        raise UserError(place, problem, fix) from None
