"""The web: one HTTP client for all sources, rate limits, and robots.txt."""

from corpora.web.answer import Answer, NotFoundError, Unfit, Unreachable
from corpora.web.client import AGENT, Client
from corpora.web.polite import PoliteClient
from corpora.web.rate_limit import Pace

__all__ = ["AGENT", "Answer", "Client", "NotFoundError", "Pace", "PoliteClient", "Unfit", "Unreachable"]
