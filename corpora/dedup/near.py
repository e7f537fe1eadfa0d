"""Near duplicates: texts that share a MinHash band are joined into clusters, without comparing pairs."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Buckets:
    """Texts that share a hash of one column with others, bucket after bucket."""

    members: np.ndarray  # int64: the texts' numbers
    names: np.ndarray  # int64 [members], ascending: the bucket of each

    @classmethod
    def of(cls, hashes: np.ndarray, numbers: np.ndarray | None = None) -> Buckets:
        """Put texts with equal hashes (uint64 [texts]) together; without ``numbers`` they are numbered as they come."""
        places = np.argsort(hashes)
        ranked = hashes[places]
        same = ranked[1:] == ranked[:-1]
        shared = np.flatnonzero(np.append(same, False) | np.insert(same, 0, False))
        members, ranked = places[shared], ranked[shared]
        names = np.cumsum(changes(ranked))
        return cls(members if numbers is None else numbers[members], names)

    def divided(self, hashes: np.ndarray) -> Buckets:
        """These buckets divided by a second hash of each member (uint64 [members])."""
        places = np.lexsort((hashes, self.names))
        names = np.cumsum(changes(self.names[places]) | changes(hashes[places]))
        return Buckets(self.members[places], names)

    def part(self, which: np.ndarray) -> Buckets:
        """Those members alone (bool [members])."""
        return Buckets(self.members[which], self.names[which])

    def edges(self, order: np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray]:
        """int64 [edges] twice: in each bucket its earliest text, and each of the others, by their places in ``order``
        (int [texts]) or, without it, by their numbers.

        One edge for each text and bucket, however many are alike: 100,000 equal texts stay linear.
        """
        ranks = self.members if order is None else order[self.members].astype(np.int64)
        ranks = ranks[np.lexsort((ranks, self.names))]
        opens = changes(self.names)
        return ranks[np.flatnonzero(opens)[np.cumsum(opens) - 1]][~opens], ranks[~opens]


def changes(values: np.ndarray) -> np.ndarray:
    """bool [values]: whether each differs from the one before it."""
    return np.append(True, values[1:] != values[:-1])[: len(values)]


def join(roots: np.ndarray, left: np.ndarray, right: np.ndarray) -> None:
    """Connect nodes by edges (int64, from left to right). ``roots`` (int [nodes]) is changed in place: it leads from
    each node, in one step or several, to the smallest one of its component.

    Time and memory grow with the edges, not with the nodes.
    """
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    left, right = roots_of(roots, left), roots_of(roots, right)
    differ = left != right
    nodes, ends = np.unique(np.concatenate((left[differ], right[differ])), return_inverse=True)
    if not len(nodes):
        return
    edges = np.ones(len(ends) // 2, np.int8), tuple(np.split(ends, 2))
    _, labels = connected_components(coo_array(edges, shape=(len(nodes), len(nodes))), directed=False)
    _, first = np.unique(labels, return_index=True)
    roots[nodes] = nodes[first[labels]]


def roots_of(roots: np.ndarray, nodes: np.ndarray) -> np.ndarray:
    """int: the smallest node of the component of each of some nodes; ``roots`` leads there in one step from now on."""
    tops: np.ndarray = roots[nodes]
    while len(lower := np.flatnonzero(roots[tops] != tops)):
        tops[lower] = roots[tops[lower]]
    roots[nodes] = tops
    return tops


def flatten(roots: np.ndarray) -> None:
    """Make ``roots`` lead from each node to the smallest one of its component in one step."""
    while (roots[roots] != roots).any():
        roots[:] = roots[roots]


def near_duplicates(bands: np.ndarray, order: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(drops: bool [texts], roots: int64 [texts]) of band hashes (uint64 [texts, bands]).

    ``order`` (int64, a permutation of the texts, lower is earlier) decides: a text is dropped if it shares a band with
    any earlier one, whether that one stays or not. So what came first stays whatever comes later, and several runs
    answer as one.
    ``roots`` names the earliest text of each one's cluster: the texts that shared bands connect.
    """
    roots, drops = np.arange(len(bands)), np.zeros(len(bands), bool)
    for column in bands.T:
        first, later = Buckets.of(column).edges(order)
        drops[later] = True
        join(roots, first, later)
    flatten(roots)
    return drops[order], np.argsort(order)[roots[order]]
