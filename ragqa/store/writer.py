"""One run of `index`, as one transaction.

Rows go into an open SQLite transaction, whose pages spill into the write-ahead log: memory stays
flat, readers see the old index, and a kill leaves nothing of it. Vectors go into the cache as they
are made. `publish` writes the vector file, then commits passages and its name together.
"""

from __future__ import annotations

import contextlib
import json
import os
import sqlite3
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from filelock import FileLock, Timeout

from ragqa.errors import IndexBusyError, IndexDamagedError, UsageError
from ragqa.records import Document, Passage
from ragqa.store import backlinks, layout, rows
from ragqa.store.answers import delete_answers
from ragqa.store.base import FileFacts, StoredDocument
from ragqa.store.cache import EmbeddingCache
from ragqa.store.publishing import published_index
from ragqa.store.vectors import file as vector_files
from ragqa.store.vectors.base import VectorIndex
from ragqa.store.vectors.file import VectorFile


class LocalWriter:
    """The one process that may change the index; see `base.Writer`.

    Raises IndexBusyError when another process holds it after `wait` seconds, IndexDamagedError
    when its database cannot be read, UsageError when the directory cannot be written to.
    """

    def __init__(self, directory: Path, wait: float = 0.0) -> None:
        self.directory = directory
        self._lock = FileLock(directory / "index.lock")
        self._wait = wait
        self._cache: EmbeddingCache | None = None
        self.is_anew = False  # True where an index of an earlier format has lost its documents

    def __enter__(self) -> Self:
        self._prepare_directory()
        self._acquire()
        try:
            self._open()
        except BaseException:
            self._release()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._db.in_transaction:
            self._db.execute("ROLLBACK")
        if self._cache:
            self._cache.close()
        layout.close(self._db)
        self._release()
        if isinstance(error, sqlite3.DatabaseError):
            raise layout.failure(self.directory, error) from error

    def _prepare_directory(self) -> None:
        try:
            self.directory.mkdir(parents=True, exist_ok=True, mode=0o700)
            if layout.index_exists(self.directory):
                return
            if foreign := layout.foreign_file(self.directory):
                raise UsageError(
                    f"{self.directory} is no index and not empty: it holds {foreign}",
                    "name a new or empty directory with --index DIR",
                )
            self.directory.chmod(0o700)
            (self.directory / "README.txt").write_text(layout.README)
        except OSError as error:
            raise self._not_writable(error) from error

    def _not_writable(self, error: OSError) -> IndexDamagedError | UsageError:
        reason = (error.strerror or str(error)).lower()
        message = f"cannot write to the index directory {self.directory}: {reason}"
        hint = "choose another with --index DIR"
        if layout.index_exists(self.directory):
            return IndexDamagedError(message, hint)
        return UsageError(message, hint)

    def _acquire(self) -> None:
        try:
            self._lock.acquire(timeout=self._wait)
        except Timeout:
            raise IndexBusyError(
                f"the index in {self.directory} is being written by {self._holder()}",
                "wait until it is done, then try again",
            ) from None
        except OSError as error:
            raise self._not_writable(error) from error
        note = {"pid": os.getpid(), "since": time.strftime("%H:%M:%S")}
        with contextlib.suppress(OSError):
            (self.directory / "writer.json").write_text(json.dumps(note))

    def _holder(self) -> str:
        try:
            note = json.loads((self.directory / "writer.json").read_text())
            return f"process {note['pid']} (since {note['since']})"
        except (OSError, ValueError, KeyError, TypeError):
            return "another process"

    def _release(self) -> None:
        with contextlib.suppress(OSError):
            (self.directory / "writer.json").unlink()
        self._lock.release()

    def _open(self) -> None:
        path = self.directory / layout.DATABASE
        try:
            self._db = layout.connect(path)
            if not layout.has_schema(self._db):
                script = f"{layout.SCHEMA} PRAGMA user_version = {layout.FORMAT};"
                self._db.executescript(f"BEGIN; {script} COMMIT;")
            elif layout.is_of_earlier_format(self._db):
                layout.begin_anew(self._db)  # part of this run: readers see none of it before
                self.is_anew = True
            layout.check_format(self._db, self.directory)
            self.meta = rows.read_meta(self._db)
        except sqlite3.OperationalError as error:
            if "readonly" in str(error) or "unable to open" in str(error):
                raise self._not_writable(OSError(str(error))) from error
            raise layout.damaged(self.directory, error) from error
        except sqlite3.DatabaseError as error:
            raise layout.damaged(self.directory, error) from error

    # What the index knows ------------------------------------------------------------------

    def folders(self) -> list[str]:
        """The folders that were indexed, in order."""
        return [path for (path,) in self._db.execute("SELECT path FROM folders ORDER BY path")]

    def documents(self) -> dict[str, StoredDocument]:
        """All documents, failed ones too, by path."""
        return rows.read_documents(self._db)

    def failed(self) -> list[tuple[str, str]]:
        """Path and reason of each document that could not be read, in order."""
        return rows.failed_documents(self._db)

    def passage_count(self) -> int:
        """Passages in the index, those of this run included."""
        return int(self._db.execute("SELECT count(*) FROM passages").fetchone()[0])

    # Changes: nothing of them is visible before `publish` -----------------------------------

    def _begin(self) -> sqlite3.Connection:
        if not self._db.in_transaction:
            self._db.execute("BEGIN IMMEDIATE")
        return self._db

    def add_folder(self, folder: str) -> None:
        """Remember a folder, so that `index` without arguments visits it."""
        self._begin().execute("INSERT OR IGNORE INTO folders VALUES (?)", (folder,))

    def forget_folder(self, folder: Path) -> int:
        """Drop a folder and its documents, but none of a known folder inside it; how many."""
        self._begin().execute("DELETE FROM folders WHERE path = ?", (str(folder),))
        inner = [path for path in map(Path, self.folders()) if path.is_relative_to(folder)]
        forgotten = [
            document
            for document in self.documents().values()
            if Path(document.path).is_relative_to(folder)
            and not any(Path(document.path).is_relative_to(other) for other in inner)
        ]
        for document in forgotten:
            self.remove(document.path)
        return sum(document.has_text for document in forgotten)

    def touch(self, document: StoredDocument, facts: FileFacts) -> None:
        """Same content, new file times."""
        self._begin().execute(
            "UPDATE documents SET size = ?, mtime_ns = ?, read_at_ns = ?, failed = NULL"
            " WHERE id = ?",
            (facts.size, facts.mtime_ns, facts.read_at_ns, document.id),
        )

    def put(self, facts: FileFacts, document: Document, passages: Sequence[Passage]) -> None:
        """Replace what the index has of a file."""
        self.remove(facts.path)
        number = rows.insert_document(self._db, facts, document)
        backlinks.insert(self._db, number, document.links)
        names = " ".join((Path(facts.path).stem, *document.aliases, *document.tags))
        words = sum(rows.insert_passage(self._db, number, passage, names) for passage in passages)
        self._db.execute("UPDATE documents SET words = ? WHERE id = ?", (words, number))

    def put_failed(self, facts: FileFacts, reason: str) -> None:
        """Record that there is nothing to read in a file; what the index had of it goes."""
        self.remove(facts.path)
        rows.insert_failed(self._db, facts, reason)

    def put_unreadable(self, facts: FileFacts, reason: str) -> None:
        """Record that a file could not be opened; what the index has of it stays.

        A modification time of -1 makes the next run try again.
        """
        db = self._begin()
        changed = db.execute(
            "UPDATE documents SET failed = ?, mtime_ns = -1 WHERE path = ?", (reason, facts.path)
        )
        if changed.rowcount == 0:
            rows.insert_failed(db, replace(facts, mtime_ns=-1), reason)

    def remove(self, path: str) -> None:
        """Take a file out of the index."""
        db = self._begin()
        found = db.execute("SELECT id FROM documents WHERE path = ?", (path,)).fetchone()
        if found is None:
            return
        db.execute(
            "DELETE FROM passage_text WHERE rowid IN"
            " (SELECT id FROM passages WHERE document_id = ?)",
            found,
        )
        db.execute("DELETE FROM passages WHERE document_id = ?", found)
        db.execute("DELETE FROM links WHERE document_id = ?", found)
        db.execute("DELETE FROM documents WHERE id = ?", found)

    # Embedding -----------------------------------------------------------------------------

    def open_cache(self, embedder: str) -> EmbeddingCache:
        """The vectors that this embedder (a fingerprint) has made so far."""
        if self._cache is None:
            self._cache = EmbeddingCache(self.directory, embedder)
        return self._cache

    def texts_to_embed(self) -> dict[bytes, int]:
        """Hash -> passage id of each distinct text that the open cache does not have."""
        assert self._cache is not None
        known = self._cache.hashes()
        found = self._db.execute("SELECT text_hash, id FROM passages")
        return {key: number for key, number in found if key not in known}

    def embedded_texts(self, ids: Sequence[int]) -> list[str]:
        """What the embedder is to read for these passages."""
        found = rows.read_passages(self._db, ids)
        return [found[number].passage.embedded_text for number in ids]

    # Publishing ----------------------------------------------------------------------------

    def publish(self, embedder: dict[str, str], dimension: int) -> int:
        """Make this run's changes visible, all at once; the new generation.

        `embedder` holds what `meta` remembers of it. Every passage must have its vector.
        """
        assert self._cache is not None
        generation = int(self.meta.get("generation", "0")) + 1
        # The vector file first, then its name and all else in one commit.
        index = published_index(self._db, self._cache, dimension, self._last_index)
        file = vector_files.save(index, self.directory, generation)
        values = {**embedder, "dimension": str(dimension), "generation": str(generation)}
        self._write_meta({**values, **file.to_meta(), **self._counts()})
        delete_answers(self.directory)  # also where this process is killed just after the commit
        self._db.execute("COMMIT")
        delete_answers(self.directory)  # those that were given meanwhile
        vector_files.remove_others(self.directory, file.name)
        live = {key for (key,) in self._db.execute("SELECT text_hash FROM passages")}
        self._cache.collect_garbage(live)
        self._db.execute("PRAGMA incremental_vacuum").fetchall()
        return generation

    def _counts(self) -> dict[str, str]:
        """What readers need to know of the whole and must not count anew each time."""
        (words,) = self._db.execute("SELECT total(words) FROM documents").fetchone()
        documents, passages = self._db.execute(
            "SELECT count(DISTINCT document_id), count(*) FROM passages"
        ).fetchone()
        counts = {"documents": documents, "passages": passages, "words": int(words)}
        return {name: str(value) for name, value in counts.items()}

    def is_intact(self) -> bool:
        """True when the published vector file, if any, is as it was written."""
        if "vectors" not in self.meta:
            return True
        return vector_files.is_intact(self.directory, VectorFile.from_meta(self.meta))

    def _last_index(self) -> VectorIndex | None:
        return vector_files.load(self.directory, VectorFile.from_meta(self.meta), to_change=True)

    def record_run(self, summary: dict[str, Any]) -> None:
        """Remember when the last run was and what it did; commits."""
        self._write_meta({"last_run": json.dumps(summary)})
        self._db.execute("COMMIT")

    def _write_meta(self, values: dict[str, str]) -> None:
        self._begin().executemany("INSERT OR REPLACE INTO meta VALUES (?, ?)", values.items())
        self.meta = {**self.meta, **values}
