"""The file of a vector index: written whole, known again by its checksum, safe on disk.

Knows nothing of what is in it.
"""

from __future__ import annotations

import os
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple, Self

from ragqa.errors import RagqaError
from ragqa.store.layout import VECTOR_FILE
from ragqa.store.vectors import DEFAULT, vector_index
from ragqa.store.vectors.base import VectorIndex

CHUNK = 1 << 20
WHOLE_BYTES = 200_000_000  # of a larger file only both ends are checked when it is opened
END_BYTES = 16_000_000


class VectorFile(NamedTuple):
    """What `meta` records of a vector file, to know it again."""

    name: str
    checksum: int

    @classmethod
    def from_meta(cls, meta: Mapping[str, str]) -> Self:
        """The published file; its name is empty when nothing was published yet."""
        return cls(meta.get("vectors", ""), int(meta.get("vectors_checksum", "0")))

    def to_meta(self) -> dict[str, str]:
        """What `from_meta` reads."""
        return {"vectors": self.name, "vectors_checksum": str(self.checksum)}


def save(index: VectorIndex, directory: Path, generation: int) -> VectorFile:
    """Write the index beside the old one, safe on disk before the name is published."""
    name = f"vectors-{generation}.{DEFAULT}"
    part = directory / f"{name}.part"
    try:
        index.write(part)
        with part.open("rb+") as file:
            os.fsync(file.fileno())
        checksum = _checksum(part)
    except (RuntimeError, OSError) as error:
        part.unlink(missing_ok=True)
        raise RagqaError(
            f"cannot write the vectors to {directory}", "is the disk full? free some, try again"
        ) from error
    part.replace(directory / name)
    sync_directory(directory)
    return VectorFile(name, checksum)


def is_intact(directory: Path, file: VectorFile) -> bool:
    """False where the file is missing or not what was written."""
    try:
        return _checksum(directory / file.name) == file.checksum
    except OSError:
        return False


def load(directory: Path, file: VectorFile, to_change: bool = False) -> VectorIndex | None:
    """The index in that file; None when it is missing or damaged."""
    if not file.name or not is_intact(directory, file):
        return None
    try:
        return vector_index(file.name.rpartition(".")[2]).read(directory / file.name, to_change)
    except (OSError, RuntimeError):  # gone meanwhile
        return None


def _checksum(path: Path) -> int:
    """The CRC-32 of a file, of a very large one that of its ends and its size."""
    size = path.stat().st_size
    spans = [(0, size)]
    checksum = 0
    if size > WHOLE_BYTES:
        spans = [(0, END_BYTES), (size - END_BYTES, size)]
        checksum = zlib.crc32(str(size).encode())
    with path.open("rb") as file:
        for first, last in spans:
            file.seek(first)
            for start in range(first, last, CHUNK):
                checksum = zlib.crc32(file.read(min(CHUNK, last - start)), checksum)
    return checksum


def remove_others(directory: Path, current: str) -> None:
    """Delete vector files that are not published (a snapshot that wants one reads the next)."""
    for path in directory.iterdir():
        if VECTOR_FILE.fullmatch(path.name) and path.name != current:
            path.unlink(missing_ok=True)


def sync_directory(directory: Path) -> None:
    """Make a rename durable. Windows cannot open directories, and does not need it."""
    if os.name == "nt":
        return
    handle = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
