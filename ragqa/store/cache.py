"""The embedding cache: text that a model has read once is never given to it again.

Encodings (the vector of a passage, the codes of its words) are keyed by embedder fingerprint and
passage text hash, so they outlive moves, copies, reverts and interrupted runs. Committed in
batches, apart from the index itself.
"""

from __future__ import annotations

import hashlib
import sqlite3
import time
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np

from ragqa.store import layout
from ragqa.store.base import Codes, Vector

SCHEMA = """
DROP TABLE IF EXISTS vectors; -- of an earlier format
CREATE TABLE IF NOT EXISTS encodings (
    id INTEGER PRIMARY KEY,
    embedder TEXT NOT NULL,
    text_hash BLOB NOT NULL,
    made_at REAL NOT NULL,
    vector BLOB NOT NULL,
    words BLOB NOT NULL,
    UNIQUE (embedder, text_hash)
);
"""
# Vectors that no passage uses are kept for reverts, and for a run that was interrupted: all of
# them for a week, then no more than this.
SPARE_SECONDS = 7 * 24 * 3600.0
SPARE_AT_LEAST = 1_000
SPARE_SHARE = 0.5
QUERY_BATCH = 500
# Errors that a damaged file gives, unlike a full disk, a lock or a missing permission.
DAMAGE = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_ERROR}


def text_hash(text: str) -> bytes:
    """The key of a text: the first 16 bytes of its SHA-256."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()[:16]


class EmbeddingCache:
    """The vectors of one embedder. A damaged cache file is started anew."""

    def __init__(self, directory: Path, embedder: str, read_only: bool = False) -> None:
        self._embedder = embedder
        path = directory / layout.EMBEDDINGS
        if read_only:
            self._db = layout.connect_read_only(path)
            return
        try:
            self._db = self._open(path)
        except sqlite3.DatabaseError as error:
            if getattr(error, "sqlite_errorcode", sqlite3.SQLITE_CORRUPT) & 0xFF not in DAMAGE:
                raise
            for suffix in ("", "-wal", "-shm"):
                path.with_name(path.name + suffix).unlink(missing_ok=True)
            self._db = self._open(path)

    @staticmethod
    def _open(path: Path) -> sqlite3.Connection:
        connection = layout.connect(path)
        try:
            connection.executescript(SCHEMA)
            if connection.execute("PRAGMA quick_check(1)").fetchone()[0] != "ok":
                raise sqlite3.DatabaseError("quick_check failed")
        except sqlite3.DatabaseError:
            connection.close()
            raise
        return connection

    def hashes(self) -> set[bytes]:
        """The texts that this embedder has read."""
        rows = self._db.execute(
            "SELECT text_hash FROM encodings WHERE embedder = ?", (self._embedder,)
        )
        return {key for (key,) in rows}

    def add(self, keys: Sequence[bytes], encoded: Sequence[tuple[Vector, Codes]]) -> None:
        """Keep vector and word codes of each text; they survive whatever happens next."""
        rows = [
            (self._embedder, key, time.time(), vector.tobytes(), words.tobytes())
            for key, (vector, words) in zip(keys, encoded, strict=True)
        ]
        self._db.execute("BEGIN IMMEDIATE")
        self._db.executemany(
            "INSERT OR REPLACE INTO encodings (embedder, text_hash, made_at, vector, words)"
            " VALUES (?, ?, ?, ?, ?)",
            rows,
        )
        self._db.execute("COMMIT")

    def vectors(self, keys: Iterable[bytes]) -> Iterator[Vector]:
        """The vectors of these texts, in their order, in batches [n, dimension].

        Raises KeyError for a text that is not there.
        """
        batch: list[bytes] = []
        for key in keys:
            batch.append(key)
            if len(batch) == QUERY_BATCH:
                yield self._batch(batch)
                batch = []
        if batch:
            yield self._batch(batch)

    def _batch(self, keys: list[bytes]) -> Vector:
        found = dict(self._select("text_hash, vector", keys))
        return np.stack([np.frombuffer(found[key], dtype=np.float32) for key in keys])

    def encoded(self, keys: Sequence[bytes], bytes_each: int) -> dict[bytes, tuple[Vector, Codes]]:
        """Vector [dimension] and word codes [words, bytes_each] of those texts that are there."""
        found = {}
        for start in range(0, len(keys), QUERY_BATCH):
            batch = keys[start : start + QUERY_BATCH]
            for key, vector, words in self._select("text_hash, vector, words", batch):
                codes = np.frombuffer(words, dtype=np.uint8).reshape(-1, bytes_each)
                found[key] = (np.frombuffer(vector, dtype=np.float32), codes)
        return found

    def _select(self, columns: str, keys: Sequence[bytes]) -> sqlite3.Cursor:
        marks = ",".join("?" * len(keys))
        return self._db.execute(
            f"SELECT {columns} FROM encodings WHERE embedder = ? AND text_hash IN ({marks})",
            (self._embedder, *keys),
        )

    def collect_garbage(self, live: set[bytes]) -> int:
        """Drop the oldest vectors that no passage uses, beyond a spare part; how many."""
        rows = self._db.execute("SELECT id, embedder, text_hash FROM encodings")
        dead = sorted(
            number
            for number, embedder, key in rows
            if embedder != self._embedder or key not in live
        )
        spare = max(SPARE_AT_LEAST, int(len(live) * SPARE_SHARE))
        oldest = dead[: max(len(dead) - spare, 0)]
        before = time.time() - SPARE_SECONDS
        surplus = [(number,) for number in oldest if self._made_at(number) <= before]
        if surplus:
            self._db.execute("BEGIN IMMEDIATE")
            self._db.executemany("DELETE FROM encodings WHERE id = ?", surplus)
            self._db.execute("COMMIT")
            self._db.execute("PRAGMA incremental_vacuum").fetchall()
        return len(surplus)

    def _made_at(self, number: int) -> float:
        query = "SELECT made_at FROM encodings WHERE id = ?"
        return float(self._db.execute(query, (number,)).fetchone()[0])

    def close(self) -> None:
        """Fold the log into the file and close."""
        layout.close(self._db)
