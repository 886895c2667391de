"""The FAISS file: exact inner-product search over normalized vectors, passage ids attached.

The only module that imports faiss. The file is derived from the databases: whoever finds it
missing or damaged makes it again.
"""

from __future__ import annotations

import os
import zlib
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from ragqa.errors import RagqaError
from ragqa.store.layout import VECTOR_FILE

Vector = npt.NDArray[np.float32]
CHUNK = 1 << 20


class VectorFile(NamedTuple):
    """What `meta` records of a vector file, to know it again."""

    name: str
    checksum: int


def build(dimension: int, ids: Iterable[int], batches: Iterable[Vector]) -> Any:
    """A FAISS index of the batches [n, dimension]; `ids` number their rows in order."""
    import faiss

    # IndexIDMap2 can also give back the vector of an id.
    index = faiss.IndexIDMap2(faiss.IndexFlatIP(dimension))
    numbers = iter(ids)
    for batch in batches:
        chunk = np.fromiter(numbers, dtype=np.int64, count=len(batch))
        index.add_with_ids(np.ascontiguousarray(batch), chunk)
    return index


def save(index: Any, directory: Path, generation: int) -> VectorFile:
    """Write the index beside the old one, safe on disk before the name is published."""
    import faiss

    name = f"vectors-{generation}.faiss"
    part = directory / f"{name}.part"
    checksum = 0
    try:
        faiss.write_index(index, str(part))
        with part.open("rb+") as file:
            while chunk := file.read(CHUNK):
                checksum = zlib.crc32(chunk, checksum)
            os.fsync(file.fileno())
    except (RuntimeError, OSError) as error:  # faiss raises RuntimeError where it cannot write
        part.unlink(missing_ok=True)
        raise RagqaError(
            f"cannot write the vectors to {directory}", "is the disk full? free some, try again"
        ) from error
    part.replace(directory / name)
    sync_directory(directory)
    return VectorFile(name, checksum)


def read_intact(directory: Path, file: VectorFile) -> bytes | None:
    """The bytes of that file; None when it is missing or not what was written."""
    try:
        data = (directory / file.name).read_bytes()
    except OSError:
        return None
    return data if zlib.crc32(data) == file.checksum else None


def load(directory: Path, file: VectorFile) -> Any | None:
    """The FAISS index of that file; None when it is missing or damaged."""
    data = read_intact(directory, file)
    if data is None:
        return None
    import faiss

    return faiss.deserialize_index(np.frombuffer(data, dtype=np.uint8))


def search(
    index: Any, vector: Vector, count: int, allowed: npt.NDArray[np.int64] | None = None
) -> list[tuple[int, float]]:
    """The `count` nearest passages, of the `allowed` ones alone: id and cosine, best first."""
    count = min(count, index.ntotal if allowed is None else len(allowed))
    if count < 1:
        return []
    import faiss

    selector = None if allowed is None else faiss.IDSelectorBatch(allowed)
    only = faiss.SearchParameters()
    only.sel = selector  # which must outlive the search: `only` does not own it
    scores, ids = index.search(vector.reshape(1, -1), count, params=only)
    return [(int(i), float(s)) for i, s in zip(ids[0], scores[0], strict=True) if i >= 0]


def remove_others(directory: Path, current: str) -> None:
    """Delete vector files that are not published (a reader that still wants one re-reads)."""
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
