"""A client for sites that did not ask for a visit: it respects robots.txt and each site's own pace."""

from __future__ import annotations

import threading
from typing import Any

from corpora.web.answer import Unfit, shown
from corpora.web.client import AGENT, Client
from corpora.web.rate_limit import Pace
from corpora.web.robots import Rules, rules
from corpora.web.route import origin
from domain.machine import Machine

LONGEST_DELAY = 300.0  # seconds; a site that asks for more between two requests is not read


class PoliteClient(Client):
    """Asks no site more than ``per_second`` times a second, or as its Crawl-delay says, over all processes.

    A URL that robots.txt forbids is ``Unfit``; so is one that is met on the way, as a redirect.
    """

    def __init__(self, machine: Machine, *, agent: str = AGENT, per_second: float = 1.0, **settings: Any) -> None:
        super().__init__(machine, agent=agent, **settings)
        self.per_second = per_second
        self.sites: dict[str, tuple[Rules, Pace]] = {}
        self.asked: dict[str, threading.Lock] = {}
        self.asker = Client(machine, agent=agent, timeout=self.timeout, tries=min(2, self.tries))

    def close(self) -> None:
        """Hang up."""
        self.asker.close()
        super().close()

    def ready(self, url: str) -> None:
        """Wait for the site's pace; raises ``Unfit`` where it does not want to be read."""
        robots, pace = self.site(url)
        if not robots.allow(url):
            reason = (
                "is forbidden by robots.txt" if robots.parsed is not None else "cannot be read: robots.txt is silent"
            )
            raise Unfit(f"{shown(url)} {reason}")
        if robots.delay is not None and robots.delay > LONGEST_DELAY:
            raise Unfit(f"{shown(url)} is of a site that asks for {robots.delay:,.0f} s between two requests")
        pace.wait()

    def site(self, url: str) -> tuple[Rules, Pace]:
        """The rules and the pace of the site of a URL."""
        name = origin(url)
        with self.asked.setdefault(name, threading.Lock()):
            if name not in self.sites:
                robots = rules(name, self.asker, self.machine.cache / "robots")
                rate = min(self.per_second, 1 / min(robots.delay, LONGEST_DELAY)) if robots.delay else self.per_second
                self.sites[name] = robots, Pace(self.machine.cache / "pace", name, rate)
            return self.sites[name]
