"""Passages in index.sqlite, vectors in the cache -> the FAISS index that belongs to them.

A large index is not made anew each time: what is gone is taken out of the last one and what is
new is put in, until it has grown or shrunk so much that other clusters fit better.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from ragqa.store import vectors
from ragqa.store.cache import EmbeddingCache


def published_index(
    db: sqlite3.Connection,
    cache: EmbeddingCache,
    dimension: int,
    load_last: Callable[[], Any | None] = lambda: None,
) -> Any:
    """The index of all passages; `load_last` gives the one before, if there is one.

    Raises KeyError when the cache lacks the vector of a passage.
    """
    found = db.execute("SELECT id FROM passages ORDER BY id").fetchall()
    ids = np.array(found, dtype=np.int64).reshape(-1)
    if len(ids) <= vectors.EXACT_UP_TO:
        return vectors.build(dimension, *_vectors_of(db, cache, ids))
    last = load_last()
    if last is None or not _still_fits(last, len(ids)):
        wanted = vectors.SAMPLE_PER_LIST * vectors.lists_for(len(ids))
        sample = ids[:: max(len(ids) // wanted, 1)]
        batches = list(_vectors_of(db, cache, sample)[1])
        last = vectors.trained(dimension, len(ids), np.concatenate(batches))
    present = vectors.ids_of(last)
    vectors.remove(last, np.setdiff1d(present, ids, assume_unique=True))
    return vectors.add(last, *_vectors_of(db, cache, np.setdiff1d(ids, present)))


def _still_fits(index: Any, count: int) -> bool:
    """True for an approximate index whose clusters suit that many passages."""
    if not vectors.is_approximate(index):
        return False
    return bool(1 / 2 <= index.nlist / vectors.lists_for(count) <= 2)


def _vectors_of(
    db: sqlite3.Connection, cache: EmbeddingCache, ids: vectors.Ids
) -> tuple[Iterator[int], Iterator[vectors.Vector]]:
    """These ids, in order, and their vectors in batches [n, dimension]."""
    wanted = frozenset(ids.tolist())
    rows = db.execute("SELECT id, text_hash FROM passages ORDER BY id")
    keys = (key for number, key in rows if number in wanted)
    return iter(ids.tolist()), cache.vectors(keys)
