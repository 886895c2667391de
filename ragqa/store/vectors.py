"""The FAISS file: which passages are nearest to a vector.

Exact search while it is fast; above `EXACT_UP_TO` passages an inverted file over `lists_for(n)`
clusters with one byte a dimension, mapped into memory where the file is large (the FAISS wiki,
"Guidelines to choose an index"; measured by `benchmarks/scale.py`). The only module that imports
faiss. The file is derived from the databases: whoever finds it missing or damaged makes it again.
"""

from __future__ import annotations

import os
import zlib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple, Self

import numpy as np
import numpy.typing as npt

from ragqa.errors import RagqaError
from ragqa.store.layout import VECTOR_FILE

Vector = npt.NDArray[np.float32]
Ids = npt.NDArray[np.int64]
CHUNK = 1 << 20
EXACT_UP_TO = 30_000  # passages; to compare with all of them takes some 15 ms
SAMPLE_PER_LIST = 50  # vectors that the clusters are learned from
TRAINING_ROUNDS = 6
PROBED_SHARE = 1 / 8  # of the clusters: a search looks into so many,
PROBED_AT_LEAST = 128  # but no fewer
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


def lists_for(count: int) -> int:
    """How many clusters for that many vectors: the power of two near twice the square root."""
    return int(2 ** round(np.log2(2 * max(count, 1) ** 0.5)))


def build(dimension: int, ids: Iterable[int], batches: Iterable[Vector]) -> Any:
    """An exact FAISS index of the batches [n, dimension]; `ids` number their rows in order."""
    import faiss

    return add(faiss.IndexIDMap(faiss.IndexFlatIP(dimension)), ids, batches)


def trained(dimension: int, count: int, sample: Vector) -> Any:
    """An empty approximate index for about `count` vectors, its clusters learned from a sample."""
    import faiss

    index = faiss.IndexIVFScalarQuantizer(
        faiss.IndexFlatIP(dimension),
        dimension,
        lists_for(count),
        faiss.ScalarQuantizer.QT_8bit,
        faiss.METRIC_INNER_PRODUCT,
    )
    index.cp.niter = TRAINING_ROUNDS
    index.cp.min_points_per_centroid = 1  # fewer would only print a warning
    index.train(np.ascontiguousarray(sample))
    return index


def add(index: Any, ids: Iterable[int], batches: Iterable[Vector]) -> Any:
    """The index with the batches [n, dimension] added; `ids` number their rows in order."""
    numbers = iter(ids)
    for batch in batches:
        chunk = np.fromiter(numbers, dtype=np.int64, count=len(batch))
        index.add_with_ids(np.ascontiguousarray(batch), chunk)
    return index


def remove(index: Any, ids: Ids) -> None:
    """Take vectors out of an approximate index."""
    import faiss

    if len(ids):
        index.remove_ids(faiss.IDSelectorBatch(ids))


def is_approximate(index: Any) -> bool:
    """True where a search may miss a near vector and cosines are rounded."""
    return hasattr(index, "invlists")


def ids_of(index: Any) -> Ids:
    """The ids in an approximate index, in order."""
    import faiss

    lists = index.invlists
    parts = [
        faiss.rev_swig_ptr(lists.get_ids(number), lists.list_size(number)).copy()
        for number in range(lists.nlist)
        if lists.list_size(number)
    ]
    return np.sort(np.concatenate(parts)) if parts else np.empty(0, dtype=np.int64)


def save(index: Any, directory: Path, generation: int) -> VectorFile:
    """Write the index beside the old one, safe on disk before the name is published."""
    import faiss

    name = f"vectors-{generation}.faiss"
    part = directory / f"{name}.part"
    try:
        faiss.write_index(index, str(part))
        with part.open("rb+") as file:
            os.fsync(file.fileno())
        checksum = _checksum(part)
    except (RuntimeError, OSError) as error:  # faiss raises RuntimeError where it cannot write
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


def load(directory: Path, file: VectorFile, to_change: bool = False) -> Any | None:
    """The FAISS index of that file; None when it is missing or damaged.

    A large file is mapped into memory, unless it is `to_change`.
    """
    if not file.name or not is_intact(directory, file):
        return None
    import faiss

    path = directory / file.name
    try:
        mapped = not to_change and path.stat().st_size > WHOLE_BYTES
        return faiss.read_index(str(path), faiss.IO_FLAG_MMAP if mapped else 0)
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


def search(
    index: Any, vector: Vector, count: int, allowed: Ids | None = None, everywhere: bool = False
) -> list[tuple[int, float]]:
    """The `count` nearest passages, of the `allowed` ones alone: id and cosine, best first.

    With `everywhere` an approximate index misses none, and only rounds.
    """
    count = min(count, index.ntotal if allowed is None else len(allowed))
    if count < 1:
        return []
    import faiss

    selector = None if allowed is None else faiss.IDSelectorBatch(allowed)
    only = faiss.SearchParameters()
    if is_approximate(index):
        # What a filter lets through may be in any cluster.
        share = PROBED_SHARE if allowed is None and not everywhere else 1
        only = faiss.SearchParametersIVF()
        only.nprobe = max(PROBED_AT_LEAST, round(share * index.nlist))
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
