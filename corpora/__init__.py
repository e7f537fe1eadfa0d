"""Domain and general text: collected with its inventory, cleaned with a ledger, split for honest evaluation."""

from corpora.collect import Collection, collect
from corpora.curate import Curation, curate
from corpora.document import Document, Quarantined
from corpora.sources.source import Source

__all__ = ["Collection", "Curation", "Document", "Quarantined", "Source", "collect", "curate"]
