"""What a vector index is: normalized vectors by passage id. Knows no library and no database."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Protocol, Self

import numpy as np
import numpy.typing as npt

Vector = npt.NDArray[np.float32]
Ids = npt.NDArray[np.int64]


class VectorIndex(Protocol):
    """Vectors [dimension] by id. Searches may run in several threads at once."""

    @property
    def is_approximate(self) -> bool:
        """True where a search may miss a near vector and cosines are rounded."""

    @classmethod
    def exact(cls, dimension: int) -> Self:
        """An empty index that compares with every vector."""

    @classmethod
    def trained(cls, dimension: int, count: int, sample: Vector) -> Self:
        """An empty approximate index for about `count` vectors, learned from a sample [n, dim]."""

    @classmethod
    def sample_size(cls, count: int) -> int:
        """How many of `count` vectors `trained` learns from; 0: so few that `exact` is fast."""

    def suits(self, count: int) -> bool:
        """Whether what was learned still fits, now that there are `count` vectors."""

    def ids(self) -> Ids:
        """The ids in an approximate index, in order."""

    def add(self, ids: Iterable[int], batches: Iterable[Vector]) -> Self:
        """Itself with the batches [n, dimension] added; `ids` number their rows in order."""

    def remove(self, ids: Ids) -> None:
        """Take vectors out of an approximate index."""

    def search(
        self, vector: Vector, count: int, allowed: Ids | None = None, everywhere: bool = False
    ) -> list[tuple[int, float]]:
        """The `count` nearest (of the `allowed` ones alone): id and cosine, best first.

        With `everywhere` an approximate index misses none, and only rounds.
        """

    def write(self, file: Path) -> None:
        """Write it to a file. Raises RuntimeError or OSError where that cannot be done."""

    @classmethod
    def read(cls, file: Path, to_change: bool = False) -> Self:
        """What `write` wrote; a large one may be mapped into memory unless it is `to_change`.

        Raises RuntimeError or OSError.
        """
