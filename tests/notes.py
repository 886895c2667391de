"""A folder of notes, an index of it and a counting embedder, for tests of indexing."""

from __future__ import annotations

import itertools
import os
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from ragqa.pipeline import build_index
from ragqa.records import IndexReport
from ragqa.store import index_at
from ragqa.store.snapshot import LocalSnapshot
from tests.fakes import FakeEmbedder

COUNTS = ("added", "changed", "moved", "removed", "unchanged", "embedded")
EARLIEST_NS = 1_500_000_000 * 10**9
NOBODY = 65534


class Notes:
    """`folder` with files in it, `directory` with their index."""

    def __init__(self, root: Path) -> None:
        self.folder = root / "notes"
        self.folder.mkdir()
        self.directory = root / "index"
        self.embedder = FakeEmbedder()
        self._times = itertools.count(EARLIEST_NS, 10**9)

    def write(self, name: str, content: str | bytes) -> Path:
        """A file that was written long ago, each at another time."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return self.touch(name)

    def touch(self, name: str) -> Path:
        path, time = self.folder / name, next(self._times)
        os.utime(path, ns=(time, time))
        return path

    def run(self, *folders: Path, **options: Any) -> IndexReport:
        """`build_index`; of the notes' folder where none is named."""
        return build_index(
            index_at(self.directory),
            folders or [self.folder],
            lambda _: self.embedder,
            lambda *_: None,
            **options,
        )

    def update(self, *folders: Path, **options: Any) -> dict[str, int]:
        """What a run did: each count that is not zero."""
        return counted(self.run(*folders, **options))

    def passages(self) -> list[tuple[Any, ...]]:
        """Everything that the index says of each passage, ids aside."""
        return sorted(passage[1:] for passage in self.numbered_passages())

    def texts(self) -> list[str]:
        """What was embedded for each passage."""
        return sorted(passage[2] for passage in self.numbered_passages())

    def ids(self) -> dict[str, list[int]]:
        """The ids of the passages of each file."""
        found: dict[str, list[int]] = {}
        for number, path, *_ in self.numbered_passages():
            found.setdefault(Path(path).name, []).append(number)
        return found

    def numbered_passages(self) -> list[tuple[Any, ...]]:
        with LocalSnapshot(self.directory) as reader:
            ids = self.vector_ids(reader)
            stored = reader.passages(ids)
            assert sorted(stored) == ids
            assert reader.counts()[1] == len(ids)
        return [
            (p.id, p.path, p.passage.embedded_text, p.passage.headings, p.passage.lines, p.sha256)
            for p in stored.values()
        ]

    def vector_ids(self, reader: LocalSnapshot) -> list[int]:
        """The passages that have a vector in the published file."""
        return sorted(i for i, _ in reader.dense(self.embedder.encode_question("x").vector, 10**6))

    def generation(self) -> int:
        with LocalSnapshot(self.directory) as reader:
            return reader.generation

    def failed(self) -> dict[str, str]:
        with LocalSnapshot(self.directory) as reader:
            return {Path(path).name: reason for path, reason in reader.failed()}


def found_by_words(reader: LocalSnapshot, *words: str) -> list[int]:
    """The passages that have any of the words, best first."""
    return [number for number, _ in reader.lexical(words, 9)]


def counted(report: IndexReport) -> dict[str, int]:
    counts = {name: getattr(report, name) for name in COUNTS} | {"failed": len(report.failed)}
    return {name: count for name, count in counts.items() if count}


def cached_vectors(directory: Path) -> tuple[int, int]:
    """How many vectors are in the cache, and how many were ever put there."""
    path = directory / "embeddings.sqlite"
    # Read-only, so that looking does not tidy up after a writer that was killed.
    with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True, timeout=10)) as db:
        row = db.execute("SELECT count(*), max(id) FROM encodings").fetchone()
    return int(row[0]), int(row[1] or 0)


@contextmanager
def ordinary_user() -> Iterator[Path]:
    """A directory of a user to whom permissions apply: tests may run as root."""
    with tempfile.TemporaryDirectory() as name:
        is_root = os.geteuid() == 0
        if is_root:
            os.chown(name, NOBODY, NOBODY)
            os.setegid(NOBODY)
            os.seteuid(NOBODY)
        try:
            yield Path(name).resolve()
        finally:
            if is_root:
                os.seteuid(0)
                os.setegid(0)
