"""Domain and general text: collected with its inventory, cleaned with a ledger, split for honest evaluation."""

from corpora.collect import Collection, collect
from corpora.curate import Curation, curate
from corpora.document import Document, Quarantined
from corpora.filters.filter import Change, Drop, Filter
from corpora.sources.source import Source

__all__ = [
    "Change",
    "Collection",
    "Curation",
    "Document",
    "Drop",
    "Filter",
    "Quarantined",
    "Source",
    "collect",
    "curate",
]
