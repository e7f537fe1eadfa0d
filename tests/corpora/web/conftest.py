"""A client that asks the local server and hardly waits between tries."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from corpora.web import Client
from domain.machine import Machine
from tests.corpora.web.server import Web

Make = Callable[..., Client]


@pytest.fixture
def client(web: Web, monkeypatch: pytest.MonkeyPatch) -> Iterator[Make]:
    """``client(profile={...}, **settings)``."""
    monkeypatch.setattr("corpora.web.client.BACKOFF", 0.01)
    made = []

    def make(*, profile: dict[str, Any] | None = None, **settings: Any) -> Client:
        made.append(Client(Machine(**{"private_hosts": (web.host,), **(profile or {})}), **settings))
        return made[-1]

    yield make
    for each in made:
        each.close()
