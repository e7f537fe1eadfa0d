"""Where text comes from: one file per kind, its spec beside it."""

from __future__ import annotations

from typing import Annotated

from corpora.plugins import Kinds
from corpora.sources.crawl import Crawl
from corpora.sources.edgar import Edgar
from corpora.sources.feed import Feed
from corpora.sources.files import Files
from corpora.sources.hub import Hub
from corpora.sources.packages import Packages
from corpora.sources.source import Source

AnySource = Annotated[Source, Kinds(Source, Crawl, Edgar, Feed, Files, Hub, Packages)]
