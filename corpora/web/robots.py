"""robots.txt (RFC 9309): what a site lets robots read, and how often; cached for a day."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from corpora.web.answer import NotFoundError, Unfit, Unreachable
from corpora.web.http_cache import keep, read_page
from corpora.web.rate_limit import file_name

if TYPE_CHECKING:
    from protego import Protego

if TYPE_CHECKING:
    from corpora.web.client import Client

MOST = 512_000  # bytes of a robots.txt that count: RFC 9309, 2.5, asks for 500 KiB at least
DAY = 86_400.0  # seconds that an answer may be kept; 2.4
LONGEST_SILENCE = 30 * DAY  # seconds for which an answer counts where its site is silent: "reasonably long"; 2.3.1.4


@dataclass(frozen=True, kw_only=True)
class Rules:
    """A site's rules, parsed by protego; ``parsed`` None where the site does not answer: then nothing may be read."""

    parsed: Protego | None
    agent: str

    def allow(self, url: str) -> bool:
        """Whether the agent may read a URL."""
        return self.parsed is not None and bool(self.parsed.can_fetch(url, self.agent))

    @property
    def delay(self) -> float | None:
        """Seconds that the site wants between two requests; None where it does not say."""
        delay = None if self.parsed is None else self.parsed.crawl_delay(self.agent)
        return delay if delay is not None and delay > 0 else None


def rules(site: str, client: Client, folder: Path) -> Rules:
    """The rules of a site (``https://example.com``), asked once a day. Raises ``UserError`` as the client does.

    An answer of 4xx, or one that cannot be read, means that all is allowed; 5xx and silence, that nothing is (2.3.1).
    In silence an older answer goes on to count (2.4), but not for more than ``LONGEST_SILENCE``.
    """
    from protego import Protego

    path = folder / f"{file_name(site)}.json"
    cached = remembered(path)
    text: str | None
    if cached is not None and 0 <= time.time() - cached["at"] < DAY:
        text = cached["text"]
    else:
        try:
            text = fetched(site, client)
            keep(path, text.encode(), {"site": site, "at": time.time()}, packed=False)
        except Unreachable:
            lately = cached is not None and 0 <= time.time() - cached["at"] < LONGEST_SILENCE
            text = cached["text"] if cached is not None and lately else None
    return Rules(parsed=None if text is None else Protego.parse(text), agent=client.agent)


def fetched(site: str, client: Client) -> str:
    """A site's robots.txt; empty where it has none."""
    try:
        content = client.get(f"{site}/robots.txt", limit=MOST, cut=True).content
    except (NotFoundError, Unfit):
        return ""
    return content.decode("utf-8-sig", errors="replace").replace("\x00", "")


def remembered(path: Path) -> dict[str, Any] | None:
    """The last answer; None where there is none, or where it is not as it was written."""
    cached = read_page(path)
    return None if cached is None else {"at": float(cached.metadata["at"]), "text": cached.content.decode()}
