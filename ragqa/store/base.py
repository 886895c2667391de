"""What an index is: documents, passages, full text and vectors, published as one generation.

A snapshot answers questions from one generation, whatever is published meanwhile; a writer stages a
run of `index` and publishes it at once. Both are used as context managers, by one thread. Knows no
database and no vector library.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple, Protocol, TypeVar

import numpy as np
import numpy.typing as npt

from ragqa.records import Document, Passage
from ragqa.store.filters import Filter
from ragqa.text.bm25 import Fields, Statistics

Vector = npt.NDArray[np.float32]
Codes = npt.NDArray[np.uint8]
PassageIds = npt.NDArray[np.int64]
Kept = TypeVar("Kept")


class StoredPassage(NamedTuple):
    """A passage with what the index says of its file."""

    id: int
    passage: Passage
    path: str
    sha256: str
    encoding: str
    document_title: str | None
    aliases: tuple[str, ...] = ()


class KnownDocument(NamedTuple):
    """A document of a snapshot; `failed` is why it could not be read, None when it was."""

    id: int
    path: str
    title: str | None
    sha256: str
    encoding: str
    failed: str | None


@dataclass(frozen=True, slots=True)
class FileFacts:
    """What tells whether a file changed. Times in nanoseconds since the epoch."""

    path: str
    size: int
    mtime_ns: int
    read_at_ns: int
    sha256: str


@dataclass(frozen=True, slots=True)
class StoredDocument:
    """A document with what tells whether its file changed.

    `has_text` is False when there was nothing to read in it; a document that can no longer be
    opened has `failed` and the text that was read before.
    """

    id: int
    path: str
    size: int
    mtime_ns: int
    read_at_ns: int
    sha256: str
    failed: str | None
    has_text: bool


class Snapshot(Protocol):
    """One generation of an index, for questions. Ids are those of passages, from 1.

    All that follows may raise IndexDamagedError.
    """

    directory: Path  # where it lies, and what belongs to it: answers, calibration
    meta: Mapping[str, str]  # what it says of itself: embedder, dimension, counts, the last run

    @property
    def generation(self) -> int:
        """Which publish this is; 0 when nothing was published yet."""

    @property
    def identity(self) -> list[str]:
        """What is the same only for the same publish of the same index."""

    def settle(self) -> None:
        """Stay with one generation from here on."""

    def allowed(self, wanted: Filter) -> PassageIds:
        """The passages, in order, of the documents that match a filter."""

    def dense(
        self, vector: Vector, count: int, allowed: PassageIds | None = None
    ) -> list[tuple[int, float]]:
        """The passages nearest to a normalized vector (of the `allowed` ones): id, cosine."""

    def by_cosine(self, vector: Vector) -> list[tuple[int, float]]:
        """All passages, nearest first: id and cosine. Slow."""

    def lexical(
        self,
        words: Sequence[str],
        count: int,
        allowed: PassageIds | None = None,
        statistics: Statistics | None = None,
    ) -> list[tuple[int, float]]:
        """The passages with any of the words (of the `allowed` ones), by BM25: id, score."""

    def statistics(self, words: Sequence[str]) -> Statistics:
        """How many passages there are, how long, and how many have each of the words."""

    def meant_by(self, word: str) -> str | None:
        """The word of the index that one which no passage has may stand for; None: none does."""

    def fields(self, ids: Sequence[int]) -> dict[int, Fields]:
        """The texts by which these passages are found."""

    def encoded(self, ids: Sequence[int], bytes_each: int) -> dict[int, tuple[Vector, Codes]]:
        """Vector and word codes [words, bytes_each] of these passages; without those lost."""

    def passages(self, ids: Sequence[int]) -> dict[int, StoredPassage]:
        """The passages of these ids."""

    def of_properties(self, ids: Sequence[int]) -> set[int]:
        """Those of these passages that hold properties of a note."""

    def documents(self) -> dict[str, StoredDocument]:
        """All documents, failed ones too, by path."""

    def document(self, path: str) -> KnownDocument | None:
        """The document of this path, also one that could not be read; None when unknown."""

    def passages_of(self, document: int) -> list[int]:
        """The ids of the passages of a document, in its order."""

    def titles(self) -> list[tuple[str, str | None]]:
        """Path and title of each document, also of those that could not be read."""

    def linked_from(self, paths: Sequence[str]) -> dict[str, list[str]]:
        """For each of these documents the paths of the others that link to it, in order."""

    def counts(self) -> tuple[int, int]:
        """Documents that were read, and passages."""

    def folders(self) -> list[str]:
        """The folders that were indexed."""

    def failed(self) -> list[tuple[str, str]]:
        """Path and reason of each document that could not be read."""

    def warnings(self) -> list[tuple[str, str]]:
        """Path and remark of each document that was read with a doubt."""

    def text_encodings(self) -> list[tuple[str, int]]:
        """How many documents are in which encoding, the most frequent first."""

    def guessed_encodings(self) -> list[tuple[str, str]]:
        """Path and encoding of each document whose encoding was guessed."""

    def last_run(self) -> dict[str, Any] | None:
        """What the last run of `index` did, and when."""

    def sizes(self) -> dict[str, int]:
        """Bytes on disk of each of its parts, by name."""


class EncodingCache(Protocol):
    """What an embedder has made of texts before, by the hash of the text."""

    def add(self, keys: Sequence[bytes], encoded: Sequence[tuple[Vector, Codes]]) -> None:
        """Keep vector and word codes of each text; they survive whatever happens next."""


class Writer(Protocol):
    """The one run that may change an index; nothing of it is visible before `publish`.

    Leaving it without `publish` takes everything back but the encodings that were made.
    """

    meta: Mapping[str, str]
    is_anew: bool  # True where an index of an earlier format has lost its documents

    def folders(self) -> list[str]:
        """The folders that were indexed, in order."""

    def documents(self) -> dict[str, StoredDocument]:
        """All documents, failed ones too, by path."""

    def failed(self) -> list[tuple[str, str]]:
        """Path and reason of each document that could not be read, in order."""

    def passage_count(self) -> int:
        """Passages in the index, those of this run included."""

    def add_folder(self, folder: str) -> None:
        """Remember a folder, so that `index` without arguments visits it."""

    def forget_folder(self, folder: Path) -> int:
        """Drop a folder and its documents, but none of a known folder inside it; how many."""

    def touch(self, document: StoredDocument, facts: FileFacts) -> None:
        """Same content, new file times."""

    def put(self, facts: FileFacts, document: Document, passages: Sequence[Passage]) -> None:
        """Replace what the index has of a file."""

    def put_failed(self, facts: FileFacts, reason: str) -> None:
        """Record that there is nothing to read in a file; what the index had of it goes."""

    def put_unreadable(self, facts: FileFacts, reason: str) -> None:
        """Record that a file could not be opened; what the index has of it stays."""

    def remove(self, path: str) -> None:
        """Take a file out of the index."""

    def open_cache(self, embedder: str) -> EncodingCache:
        """What this embedder (a fingerprint) has made so far."""

    def texts_to_embed(self) -> dict[bytes, int]:
        """Hash -> passage id of each distinct text that the open cache does not have."""

    def embedded_texts(self, ids: Sequence[int]) -> list[str]:
        """What the embedder is to read for these passages."""

    def publish(self, embedder: dict[str, str], dimension: int) -> int:
        """Make this run's changes visible, all at once; the new generation.

        `embedder` holds what `meta` remembers of it. Every passage must have its vector.
        """

    def is_intact(self) -> bool:
        """False where something that `publish` wrote has gone or been changed since."""

    def record_run(self, summary: dict[str, Any]) -> None:
        """Remember when the last run was and what it did."""


class Keep(Protocol):
    """Gives what was made before for the same key, else makes it and keeps it."""

    def __call__(self, kind: str, key: object, make: Callable[[], Kept]) -> Kept:
        """One of a kind is kept; another key makes it anew."""


class Index(Protocol):
    """An index in a directory: how it is opened to read and to write."""

    def __init__(self, directory: Path) -> None: ...

    @property
    def directory(self) -> Path:
        """Where it lies, and what belongs to it: answers, calibration."""

    def exists(self) -> bool:
        """True when there is an index, whatever its state."""

    def snapshot(self, keep: Keep | None = None) -> AbstractContextManager[Snapshot]:
        """The published generation; `keep` may have what an earlier snapshot loaded.

        Raises NoIndexError when there is none, IndexDamagedError when it cannot be read.
        """

    def writer(self, wait: float = 0.0) -> AbstractContextManager[Writer]:
        """The lock on the index, taken within `wait` seconds.

        Raises IndexBusyError when another process holds it, IndexDamagedError when it cannot be
        read, UsageError when the directory cannot be written to.
        """
