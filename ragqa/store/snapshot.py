"""A consistent view of a published index: passages, full text and vectors of one generation.

Readers never block and are never blocked. A vector file that is missing or damaged is made again
in memory, from the embedding cache.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from ragqa.errors import IndexDamagedError, no_index
from ragqa.store import allowed as passages_allowed
from ragqa.store import backlinks, layout, rows, spelling
from ragqa.store.base import (
    Codes,
    Keep,
    KnownDocument,
    PassageIds,
    StoredDocument,
    StoredPassage,
)
from ragqa.store.cache import EmbeddingCache
from ragqa.store.filters import Filter
from ragqa.store.publishing import published_index
from ragqa.store.vectors import file as vector_files
from ragqa.store.vectors.base import Vector, VectorIndex
from ragqa.store.vectors.file import VectorFile
from ragqa.system.files import stamp_of
from ragqa.text.bm25 import FIELD_WEIGHTS, Fields, Statistics

ATTEMPTS = 3
FETCHED = 50  # passages, at least, that an approximate search gives to be looked at again
COUNTED = 3_000  # passages with a word, until their number is estimated
MAX_MATCHES = 15_000  # passages that a full-text search looks at, but for the rarest word's


class LocalSnapshot:
    """The index as it was when this was opened; see `base.Snapshot`.

    `keep` may have the vectors from an earlier snapshot. Raises NoIndexError when there is none,
    IndexDamagedError when it cannot be read.
    """

    def __init__(self, directory: Path, keep: Keep | None = None) -> None:
        self.directory = directory
        self.meta: Mapping[str, str] = {}
        self._keep = keep
        self._in_table: PassageIds | None = None

    def __enter__(self) -> Self:
        if not layout.index_exists(self.directory):
            raise no_index(self.directory)
        self._db = layout.connect_read_only(self.directory / layout.DATABASE)
        try:
            layout.check_format(self._db, self.directory)
            self._begin()
        except sqlite3.Error as error:
            self._db.close()
            raise layout.failure(self.directory, error) from error
        except BaseException:
            self._db.close()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._db.close()
        if cache := self.__dict__.get("_cache"):
            cache.close()
        if isinstance(error, sqlite3.DatabaseError):
            raise layout.failure(self.directory, error) from error

    def _begin(self) -> None:
        """A read transaction: everything read from here on is of one generation."""
        if self._db.in_transaction:
            self._db.execute("COMMIT")
        self._db.execute("BEGIN")
        self.meta = rows.read_meta(self._db)

    @property
    def generation(self) -> int:
        """Which publish this is; 0 when nothing was published yet."""
        return int(self.meta.get("generation", "0"))

    @property
    def identity(self) -> list[str]:
        """What is the same only for the same publish of the same index."""
        return [self.meta.get(name, "") for name in ("generation", "vectors_checksum", "embedder")]

    # Searching -----------------------------------------------------------------------------

    def settle(self) -> None:
        """Stay with one generation: to find the vectors may be to move on to a new one."""
        _ = self.vector_index

    def allowed(self, wanted: Filter) -> PassageIds:
        """The passages, in order, of the documents that match a filter."""
        self.settle()
        return passages_allowed.find(self._db, wanted, self.folders())

    def dense(
        self, vector: Vector, count: int, allowed: PassageIds | None = None
    ) -> list[tuple[int, float]]:
        """The passages nearest to a normalized vector: id and cosine, best first.

        With `allowed` the best of these. Where the index rounds, more are fetched and compared
        with the exact vectors.
        """
        index = self.vector_index
        if not index.is_approximate:
            return index.search(vector, count, allowed)
        rounded = dict(index.search(vector, max(FETCHED, count), allowed))
        exact = self.encoded(list(rounded), 1)
        cosines = {i: float(exact[i][0] @ vector) if i in exact else c for i, c in rounded.items()}
        return sorted(cosines.items(), key=lambda item: (-item[1], item[0]))[:count]

    def by_cosine(self, vector: Vector) -> list[tuple[int, float]]:
        """All passages, nearest first: id and cosine, rounded where the index rounds. Slow."""
        _, passages = self.counts()
        return self.vector_index.search(vector, passages, everywhere=True)

    def lexical(
        self,
        words: Sequence[str],
        count: int,
        allowed: PassageIds | None = None,
        statistics: Statistics | None = None,
    ) -> list[tuple[int, float]]:
        """The passages with any of the words, by BM25: id and score, best first.

        With `allowed` the best of these. The time goes with the passages that have a word: of the
        words, the rarest are looked for, as many as stand in `MAX_MATCHES` passages together.
        `statistics` are those of the words, where they are known already.
        """
        query = " OR ".join(map(_quoted, _rarest(words, statistics or self.statistics(words))))
        if not query:
            return []
        weights = ", ".join(map(str, FIELD_WEIGHTS))
        found = self._db.execute(
            f"SELECT rowid, -bm25(passage_text, {weights}) AS score FROM passage_text"
            f" WHERE passage_text MATCH ? AND {self._only(allowed)}"
            " ORDER BY score DESC, rowid LIMIT ?",
            (query, count),
        )
        return [(int(number), float(score)) for number, score in found]

    def _only(self, allowed: PassageIds | None) -> str:
        """The SQL condition that a row is one of the allowed passages."""
        if allowed is None:
            return "TRUE"
        if self._in_table is not allowed:
            passages_allowed.fill_table(self._db, allowed)
            self._in_table = allowed
        return passages_allowed.CONDITION

    def statistics(self, words: Sequence[str]) -> Statistics:
        """How many passages there are, how long, and how many have each of the words.

        The frequency of a word that very many have is estimated from where the first of them
        stand.
        """
        _, passages = self.counts()
        # Ids are never used again: after many runs the first is far from 1.
        # (Each asked for alone is one step down the tree, both at once are a scan.)
        first, last = self._db.execute(
            "SELECT (SELECT min(id) FROM passages), (SELECT max(id) FROM passages)"
        ).fetchone()
        frequencies = {}
        for word in words:
            counted, reached = self._db.execute(
                "SELECT count(*), max(rowid) FROM (SELECT rowid FROM passage_text"
                " WHERE passage_text MATCH ? LIMIT ?)",
                (_quoted(word), COUNTED),
            ).fetchone()
            if counted == COUNTED:
                share = (last - first + 1) / (reached - first + 1)
                counted = min(passages, int(counted * share))
            frequencies[word] = counted
        average = int(self.meta.get("words", "0")) / max(passages, 1)
        return Statistics(passages, average, frequencies)

    def meant_by(self, word: str) -> str | None:
        """The word of the index that one which no passage has may stand for; None: none does."""
        return spelling.meant_by(word, self._db)

    def fields(self, ids: Sequence[int]) -> dict[int, Fields]:
        """The texts by which these passages are found."""
        return rows.read_fields(self._db, ids)

    def encoded(self, ids: Sequence[int], bytes_each: int) -> dict[int, tuple[Vector, Codes]]:
        """Vector and word codes [words, bytes_each] of these passages; without those lost."""
        hashes = rows.read_hashes(self._db, ids)
        if self._cache is None:
            return {}
        try:
            kept = self._cache.encoded(list(hashes.values()), bytes_each)
        except (sqlite3.DatabaseError, ValueError):  # ValueError: a row of the wrong length
            return {}
        return {number: kept[key] for number, key in hashes.items() if key in kept}

    @cached_property
    def _cache(self) -> EmbeddingCache | None:
        """The embedding cache; None where it is gone."""
        try:
            return EmbeddingCache(self.directory, self.meta["embedder"], read_only=True)
        except (KeyError, sqlite3.DatabaseError, IndexDamagedError):
            return None

    def passages(self, ids: Sequence[int]) -> dict[int, StoredPassage]:
        """The passages of these ids."""
        return rows.read_passages(self._db, ids)

    def of_properties(self, ids: Sequence[int]) -> set[int]:
        """Those of these passages that hold properties of a note."""
        return rows.read_property_ids(self._db, ids)

    @cached_property
    def vector_index(self) -> VectorIndex:
        """The published vectors; where they are kept from an earlier snapshot, those."""
        if self._keep is None or not self.generation:
            return self._load()
        for _ in range(ATTEMPTS):
            identity = self.identity
            key = self.directory, identity, stamp_of(self._vector_path)
            index = self._keep("vectors", key, self._load)
            if self.identity == identity:  # else it has moved on, and this is kept by a wrong name
                return index
        return self._load()

    @property
    def _vector_path(self) -> Path:
        return self.directory / VectorFile.from_meta(self.meta).name

    def _load(self) -> VectorIndex:
        """The published vector file, read again when a publish took it away meanwhile."""
        for _ in range(ATTEMPTS):
            index = vector_files.load(self.directory, VectorFile.from_meta(self.meta))
            if index is not None:
                return index
            before = self.generation
            self._begin()
            if self.generation == before:
                break
        return self._rebuild()

    def _rebuild(self) -> VectorIndex:
        """The vector index from the cache, in memory only."""
        try:
            if self._cache:
                return published_index(self._db, self._cache, int(self.meta["dimension"]))
        except (KeyError, sqlite3.DatabaseError):
            pass
        raise IndexDamagedError(
            f"the vectors of the index in {self.directory} are missing or damaged",
            "run: ragqa index (texts that have no vector left are embedded again)",
        )

    def linked_from(self, paths: Sequence[str]) -> dict[str, list[str]]:
        """For each of these documents the paths of the others that link to it, in order."""
        return backlinks.linked_from(self._db, self.folders(), paths)

    def documents(self) -> dict[str, StoredDocument]:
        """All documents, failed ones too, by path."""
        return rows.read_documents(self._db)

    def document(self, path: str) -> KnownDocument | None:
        """The document of this path, also one that could not be read; None when unknown."""
        query = "SELECT id, path, title, sha256, encoding, failed FROM documents WHERE path = ?"
        row = self._db.execute(query, (path,)).fetchone()
        return KnownDocument(*row) if row else None

    def titles(self) -> list[tuple[str, str | None]]:
        """Path and title of each document, also of those that could not be read."""
        return self._db.execute("SELECT path, title FROM documents ORDER BY path").fetchall()

    def passages_of(self, document: int) -> list[int]:
        """The ids of the passages of a document, in its order."""
        query = "SELECT id FROM passages WHERE document_id = ? ORDER BY id"
        return [number for (number,) in self._db.execute(query, (document,))]

    # Reporting -----------------------------------------------------------------------------

    def counts(self) -> tuple[int, int]:
        """Documents that were read, and passages."""
        return int(self.meta.get("documents", "0")), int(self.meta.get("passages", "0"))

    def folders(self) -> list[str]:
        """The folders that were indexed."""
        return [path for (path,) in self._db.execute("SELECT path FROM folders ORDER BY path")]

    def failed(self) -> list[tuple[str, str]]:
        """Path and reason of each document that could not be read."""
        return rows.failed_documents(self._db)

    def warnings(self) -> list[tuple[str, str]]:
        """Path and remark of each document that was read with a doubt."""
        query = "SELECT path, warnings FROM documents WHERE warnings != '[]' ORDER BY path"
        return [(p, text) for p, texts in self._db.execute(query) for text in json.loads(texts)]

    def text_encodings(self) -> list[tuple[str, int]]:
        """How many documents are in which encoding, the most frequent first."""
        query = (
            "SELECT encoding, count(*) FROM documents WHERE failed IS NULL"
            " GROUP BY encoding ORDER BY count(*) DESC, encoding"
        )
        return self._db.execute(query).fetchall()

    def guessed_encodings(self) -> list[tuple[str, str]]:
        """Path and encoding of each document whose encoding was guessed."""
        query = (
            "SELECT path, encoding FROM documents WHERE failed IS NULL AND encoding NOT LIKE 'utf%'"
            " ORDER BY path"
        )
        return self._db.execute(query).fetchall()

    def last_run(self) -> dict[str, Any] | None:
        """What the last run of `index` did, and when."""
        value = self.meta.get("last_run")
        return json.loads(value) if value else None

    def sizes(self) -> dict[str, int]:
        """Bytes of its databases and vector files, by name."""
        return {
            path.name: path.stat().st_size
            for path in sorted(self.directory.iterdir())
            if (path.suffix == ".sqlite" or layout.VECTOR_FILE.fullmatch(path.name))
            and path.exists()
        }


def _rarest(words: Sequence[str], statistics: Statistics) -> list[str]:
    """The words that are worth looking for: rare ones decide, frequent ones take the time."""
    taken: list[str] = []
    matches = 0
    for word in sorted(words, key=lambda word: statistics.frequencies[word]):
        found = statistics.frequencies[word]
        if matches and matches + found > MAX_MATCHES:
            break  # words that no passage has are not those that decide
        taken.append(word)
        matches += found
    return taken


def _quoted(word: str) -> str:
    """A word as FTS5 takes it literally."""
    return '"' + word.replace("\0", " ").replace('"', '""') + '"'
