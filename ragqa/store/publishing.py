"""Passages in index.sqlite, vectors in the cache -> the vector index that belongs to them.

A large index is not made anew each time: what is gone is taken out of the last one and what is
new is put in, until it has grown or shrunk so much that other clusters fit better.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator

import numpy as np

from ragqa.store.cache import EmbeddingCache
from ragqa.store.vectors import vector_index
from ragqa.store.vectors.base import Ids, Vector, VectorIndex


def published_index(
    db: sqlite3.Connection,
    cache: EmbeddingCache,
    dimension: int,
    load_last: Callable[[], VectorIndex | None] = lambda: None,
) -> VectorIndex:
    """The index of all passages; `load_last` gives the one before, if there is one.

    Raises KeyError when the cache lacks the vector of a passage.
    """
    kind = vector_index()
    found = db.execute("SELECT id FROM passages ORDER BY id").fetchall()
    ids = np.array(found, dtype=np.int64).reshape(-1)
    sampled = kind.sample_size(len(ids))
    if not sampled:
        return kind.exact(dimension).add(*_vectors_of(db, cache, ids))
    last = load_last()
    if last is None or not last.suits(len(ids)):
        sample = ids[:: max(len(ids) // sampled, 1)]
        batches = list(_vectors_of(db, cache, sample)[1])
        last = kind.trained(dimension, len(ids), np.concatenate(batches))
    present = last.ids()
    last.remove(np.setdiff1d(present, ids, assume_unique=True))
    return last.add(*_vectors_of(db, cache, np.setdiff1d(ids, present)))


def _vectors_of(
    db: sqlite3.Connection, cache: EmbeddingCache, ids: Ids
) -> tuple[Iterator[int], Iterator[Vector]]:
    """These ids, in order, and their vectors in batches [n, dimension]."""
    wanted = frozenset(ids.tolist())
    rows = db.execute("SELECT id, text_hash FROM passages ORDER BY id")
    keys = (key for number, key in rows if number in wanted)
    return iter(ids.tolist()), cache.vectors(keys)
