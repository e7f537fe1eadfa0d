"""Nearly equal texts: those that share a MinHash band, joined into clusters; no pair is ever compared."""

from __future__ import annotations

import numpy as np


def near_duplicates(bands: np.ndarray, order: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(drops: bool [texts], roots: int64 [texts]) of band hashes (uint64 [texts, bands]).

    ``order`` (int64 [texts], distinct, lower is earlier) decides: a text is dropped if it shares a band with any
    earlier one, whether that one stays or not. So what came first stays whatever comes later, and several runs answer
    as one.
    ``roots`` names the earliest text of each one's cluster: the texts that shared bands connect.
    """
    ranked = np.argsort(order)
    first, later = bucket_edges(bands[ranked])
    drops, roots = np.zeros(len(bands), dtype=bool), np.empty(len(bands), dtype=np.int64)
    drops[ranked[later]] = True
    roots[ranked] = ranked[components(len(bands), first, later)]
    return drops, roots


def bucket_edges(bands: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """int64 [edges] twice: in each bucket of each band its first text, and each of the others.

    At most one edge for each text and band, however many are alike: 100,000 equal texts stay linear.
    """
    first, later = [np.empty(0, np.int64)], [np.empty(0, np.int64)]
    for column in bands.T:
        places = np.argsort(column, kind="stable")
        values = column[places]
        same = np.concatenate(([False], values[1:] == values[:-1]))[: len(values)]
        opens = np.flatnonzero(~same)
        first.append(places[opens[np.cumsum(~same)[same] - 1]])
        later.append(places[same])
    return np.concatenate(first), np.concatenate(later)


def components(count: int, left: np.ndarray, right: np.ndarray) -> np.ndarray:
    """int64 [count]: the smallest node in the connected component of each of ``count`` nodes, by edges."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    graph = coo_array((np.ones(len(left), np.int8), (left, right)), shape=(count, count))
    _, labels = connected_components(graph, directed=False)
    _, first = np.unique(labels, return_index=True)
    return np.asarray(first[labels], dtype=np.int64)


def clusters(columns: np.ndarray, owners: np.ndarray, count: int) -> np.ndarray:
    """int64 [count]: the smallest of the texts that shared hashes connect with each of ``count`` texts.

    ``columns`` is uint64 [signatures, columns]; ``owners`` (int64 [signatures]) says whose each signature is: a text
    may have several, such as one before and one after it was filtered.
    """
    first, later = bucket_edges(columns)
    return components(count, owners[first], owners[later])
