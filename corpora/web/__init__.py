"""The web: one client for all sources, its pace, and what sites let robots read."""

from corpora.web.answer import Answer, NotFoundError, Unfit, Unreachable
from corpora.web.client import AGENT, Client
from corpora.web.polite import PoliteClient
from corpora.web.rate_limit import Pace

__all__ = ["AGENT", "Answer", "Client", "NotFoundError", "Pace", "PoliteClient", "Unfit", "Unreachable"]
