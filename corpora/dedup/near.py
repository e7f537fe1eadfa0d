"""Nearly equal texts: pairs by locality-sensitive hashing, checked, joined into clusters."""

from __future__ import annotations

import numpy as np

from domain.text.minhash import band_keys, similarity

ALL_PAIRS = 32  # texts of a bucket that are all compared; in a larger one, with the first and with each neighbour
AT_ONCE = 200_000  # pairs compared in one go: 90 MB


def candidate_pairs(signatures: np.ndarray) -> np.ndarray:
    """int64 [pairs, 2], earlier first, each once: texts (uint32 [texts, 112]) that share a band."""
    pairs = []
    for column in band_keys(signatures).T:
        order = np.argsort(column, kind="stable")
        same = column[order][1:] == column[order][:-1]
        edges = np.flatnonzero(np.diff(np.concatenate(([False], same, [False])).astype(np.int8)))
        for start, stop in zip(edges[::2], edges[1::2], strict=True):
            members = order[start : stop + 1]
            if len(members) <= ALL_PAIRS:
                left, right = np.triu_indices(len(members), 1)
                pairs.append(np.stack((members[left], members[right]), axis=1))
            else:
                pairs.append(np.stack((np.full(len(members) - 1, members[0]), members[1:]), axis=1))
                pairs.append(np.stack((members[:-1], members[1:]), axis=1))
    if not pairs:
        return np.empty((0, 2), dtype=np.int64)
    return np.unique(np.sort(np.concatenate(pairs), axis=1), axis=0)


def similar_pairs(signatures: np.ndarray, threshold: float) -> tuple[np.ndarray, np.ndarray]:
    """The candidate pairs whose estimated Jaccard similarity reaches ``threshold``, and those similarities."""
    pairs = candidate_pairs(signatures)
    found = [
        similarity(signatures[chunk[:, 0]], signatures[chunk[:, 1]])
        for chunk in np.array_split(pairs, max(1, len(pairs) // AT_ONCE))
    ]
    estimated = np.concatenate(found)
    kept = estimated >= threshold
    return pairs[kept], estimated[kept]


def clusters(count: int, pairs: np.ndarray) -> np.ndarray:
    """int64 [count]: the smallest index in the connected component of each text."""
    parent = list(range(count))

    def root(node: int) -> int:
        while parent[node] != node:
            parent[node] = parent[parent[node]]
            node = parent[node]
        return node

    for left, right in pairs.tolist():
        one, other = root(left), root(right)
        if one != other:
            parent[max(one, other)] = min(one, other)
    return np.fromiter((root(node) for node in range(count)), dtype=np.int64, count=count)
