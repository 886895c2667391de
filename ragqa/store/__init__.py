"""The index: passages, their full text and their vectors, switched as one transaction.

    base      what an index is: snapshots to read, a writer to publish
    local     the one on this machine, of SQLite and a vector file (`vectors/`)
    filters   which documents a search may look at
    answers   answers that were given before, kept beside an index

To add a kind, write a module with a class as `base.Index` has it and name it in `INDEXES`. Knows
nothing of files, models or questions.
"""

from __future__ import annotations

from pathlib import Path
from pkgutil import resolve_name
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ragqa.store.base import Index

INDEXES = {"local": "ragqa.store.local:LocalIndex"}
DEFAULT = next(iter(INDEXES))


def index_at(directory: Path, kind: str = DEFAULT) -> Index:
    """The index of that kind in a directory, whether there is one or not."""
    made: Index = resolve_name(INDEXES[kind])(directory)
    return made
