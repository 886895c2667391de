"""Vectors in FAISS.

Exact search while it is fast; above `EXACT_UP_TO` passages an inverted file over `lists_for(n)`
clusters with one byte a dimension, mapped into memory where the file is large (the FAISS wiki,
"Guidelines to choose an index"; measured by `benchmarks/scale.py`). The only module that imports
faiss.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any, Self

import numpy as np

from ragqa.store.vectors.base import Ids, Vector

EXACT_UP_TO = 30_000  # passages; to compare with all of them takes some 15 ms
SAMPLE_PER_LIST = 50  # vectors that the clusters are learned from
TRAINING_ROUNDS = 6
PROBED_SHARE = 1 / 8  # of the clusters: a search looks into so many,
PROBED_AT_LEAST = 128  # but no fewer
MAPPED_BYTES = 200_000_000  # a larger file is mapped


def lists_for(count: int) -> int:
    """How many clusters for that many vectors: the power of two near twice the square root."""
    return int(2 ** round(np.log2(2 * max(count, 1) ** 0.5)))


class FaissIndex:
    """A FAISS index: flat, or an inverted file."""

    def __init__(self, index: Any) -> None:
        self._index = index

    @property
    def is_approximate(self) -> bool:
        """True for an inverted file."""
        return hasattr(self._index, "invlists")

    @classmethod
    def exact(cls, dimension: int) -> Self:
        """An empty flat index."""
        import faiss

        return cls(faiss.IndexIDMap(faiss.IndexFlatIP(dimension)))

    @classmethod
    def trained(cls, dimension: int, count: int, sample: Vector) -> Self:
        """An empty inverted file, its clusters learned from a sample."""
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
        return cls(index)

    @classmethod
    def sample_size(cls, count: int) -> int:
        """As many as clusters of a good size need."""
        return SAMPLE_PER_LIST * lists_for(count) if count > EXACT_UP_TO else 0

    def suits(self, count: int) -> bool:
        """True for an inverted file whose clusters suit that many vectors."""
        return self.is_approximate and 1 / 2 <= self._index.nlist / lists_for(count) <= 2

    def ids(self) -> Ids:
        """The ids in an inverted file, in order."""
        import faiss

        lists = self._index.invlists
        parts = [
            faiss.rev_swig_ptr(lists.get_ids(number), lists.list_size(number)).copy()
            for number in range(lists.nlist)
            if lists.list_size(number)
        ]
        return np.sort(np.concatenate(parts)) if parts else np.empty(0, dtype=np.int64)

    def add(self, ids: Iterable[int], batches: Iterable[Vector]) -> Self:
        """Itself with the batches [n, dimension] added."""
        numbers = iter(ids)
        for batch in batches:
            chunk = np.fromiter(numbers, dtype=np.int64, count=len(batch))
            self._index.add_with_ids(np.ascontiguousarray(batch), chunk)
        return self

    def remove(self, ids: Ids) -> None:
        """Take vectors out of an inverted file."""
        import faiss

        if len(ids):
            self._index.remove_ids(faiss.IDSelectorBatch(ids))

    def search(
        self, vector: Vector, count: int, allowed: Ids | None = None, everywhere: bool = False
    ) -> list[tuple[int, float]]:
        """The `count` nearest, best first."""
        count = min(count, self._index.ntotal if allowed is None else len(allowed))
        if count < 1:
            return []
        import faiss

        selector = None if allowed is None else faiss.IDSelectorBatch(allowed)
        only = faiss.SearchParameters()
        if self.is_approximate:
            # What a filter lets through may be in any cluster.
            share = PROBED_SHARE if allowed is None and not everywhere else 1
            only = faiss.SearchParametersIVF()
            only.nprobe = max(PROBED_AT_LEAST, round(share * self._index.nlist))
        only.sel = selector  # which must outlive the search: `only` does not own it
        scores, ids = self._index.search(vector.reshape(1, -1), count, params=only)
        return [(int(i), float(s)) for i, s in zip(ids[0], scores[0], strict=True) if i >= 0]

    def write(self, file: Path) -> None:
        """Write it; faiss raises RuntimeError where it cannot."""
        import faiss

        faiss.write_index(self._index, str(file))

    @classmethod
    def read(cls, file: Path, to_change: bool = False) -> Self:
        """What was written, a large one mapped into memory."""
        import faiss

        mapped = not to_change and file.stat().st_size > MAPPED_BYTES
        return cls(faiss.read_index(str(file), faiss.IO_FLAG_MMAP if mapped else 0))
