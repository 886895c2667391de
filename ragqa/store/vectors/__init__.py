"""Which passages are nearest to a vector: the kinds of vector index, each behind one file.

To add a kind, write a module with a class as `base.VectorIndex` has it and name it in
`VECTOR_INDEXES`. The file is derived from the databases: whoever finds it missing or damaged makes
it again.
"""

from __future__ import annotations

from pkgutil import resolve_name
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ragqa.store.vectors.base import VectorIndex

# The first is the one that is written; files of all of them are read.
VECTOR_INDEXES = {"faiss": "ragqa.store.vectors.faiss_index:FaissIndex"}
DEFAULT = next(iter(VECTOR_INDEXES))


def vector_index(name: str = DEFAULT) -> type[VectorIndex]:
    """The kind of vector index of that name."""
    found: type[VectorIndex] = resolve_name(VECTOR_INDEXES[name])
    return found
