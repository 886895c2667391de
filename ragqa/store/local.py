"""The index in a directory of this machine: SQLite, and beside it a file of vectors.

    layout      the directory, its files, how its databases are opened
    rows        records to rows and back
    cache       vectors and word codes by passage text, kept across runs
    publishing  the vectors of all passages, from the cache into the file
    allowed     the passages of the documents that a filter lets through
    backlinks   which documents link to which
    writer      one run of `index`: stage, embed, publish
    snapshot    a consistent view for questions

Knows nothing of files that are indexed, models or questions.
"""

from __future__ import annotations

from pathlib import Path

from ragqa.store import layout
from ragqa.store.base import Keep
from ragqa.store.snapshot import LocalSnapshot
from ragqa.store.writer import LocalWriter


class LocalIndex:
    """An index in a directory; see `base.Index`."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory

    def exists(self) -> bool:
        """True when there is an index in the directory, whatever its state."""
        return layout.index_exists(self.directory)

    def snapshot(self, keep: Keep | None = None) -> LocalSnapshot:
        """The published generation."""
        return LocalSnapshot(self.directory, keep)

    def writer(self, wait: float = 0.0) -> LocalWriter:
        """The one run that may change it."""
        return LocalWriter(self.directory, wait)
