"""Which passages a search may give: a filter, evaluated over the documents.

Searches look at these alone, so that the best of them are found however few they are.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from ragqa.store.base import PassageIds
from ragqa.store.filters import DocumentFacts, Filter, is_in

# The plus sign makes SQLite look up each row of the full-text query in the table; without it, it
# would run that query once for each id in the table.
CONDITION = "+rowid IN (SELECT id FROM temp.allowed)"


def find(db: sqlite3.Connection, wanted: Filter, folders: Sequence[str]) -> PassageIds:
    """The ids, in order, of the passages of all documents that match."""
    matching = [number for number, facts in _documents(db, folders) if wanted.matches(facts)]
    found = db.execute(
        "SELECT id FROM passages WHERE document_id IN (SELECT value FROM json_each(?))",
        (json.dumps(matching),),
    )
    return np.sort(np.fromiter((number for (number,) in found), dtype=np.int64))


def fill_table(db: sqlite3.Connection, ids: PassageIds) -> None:
    """Put the ids where `CONDITION` looks; in memory, also where the index is read-only."""
    db.execute("CREATE TEMP TABLE IF NOT EXISTS allowed (id INTEGER PRIMARY KEY)")
    db.execute("DELETE FROM temp.allowed")
    db.executemany("INSERT INTO temp.allowed VALUES (?)", ((i,) for i in ids.tolist()))


def _documents(
    db: sqlite3.Connection, folders: Sequence[str]
) -> Iterator[tuple[int, DocumentFacts]]:
    """Id and facts of every document."""
    for number, path, title, aliases, tags, properties, mtime_ns in db.execute(
        "SELECT id, path, title, aliases, tags, properties, mtime_ns FROM documents"
    ):
        yield (
            number,
            DocumentFacts(
                path=path,
                folders=tuple(folder for folder in folders if is_in(path, folder)),
                title=title or Path(path).stem,
                aliases=tuple(json.loads(aliases)),
                tags=tuple(json.loads(tags)),
                properties=json.loads(properties),
                mtime_ns=mtime_ns,
            ),
        )
