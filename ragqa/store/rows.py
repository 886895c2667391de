"""Records <-> rows of index.sqlite. Knows the schema and nothing else."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import Any

from ragqa.records import Block, Document, Passage, Run
from ragqa.store.base import FileFacts, StoredDocument, StoredPassage
from ragqa.store.cache import QUERY_BATCH, text_hash
from ragqa.text.bm25 import Fields, length_of, searchable
from ragqa.text.surrogates import encodable

STRUCTURE = ("level", "mark", "columns", "unit")  # of a Block; most blocks have none of it


def read_meta(db: sqlite3.Connection) -> dict[str, str]:
    """All of the `meta` table."""
    return dict(db.execute("SELECT key, value FROM meta"))


def insert_document(db: sqlite3.Connection, facts: FileFacts, document: Document) -> int:
    """Add a document's row; its id."""
    values = {
        **asdict(facts),
        "encoding": document.encoding,
        "title": document.title,
        "aliases": json.dumps(document.aliases),
        "tags": json.dumps(document.tags),
        "properties": json.dumps(dict(document.properties)),
        "warnings": json.dumps(document.warnings),
    }
    return _insert(db, "documents", values)


def insert_failed(db: sqlite3.Connection, facts: FileFacts, reason: str) -> int:
    """Add the row of a document that could not be read."""
    return _insert(db, "documents", {**asdict(facts), "failed": reason})


def insert_passage(db: sqlite3.Connection, document_id: int, passage: Passage, names: str) -> int:
    """Add a passage's row and its full text; its length in words."""
    values = {
        "document_id": document_id,
        "text_hash": text_hash(passage.embedded_text),
        "title": None if passage.title is None else encodable(passage.title),
        "headings": _readable_json(passage.headings),
        "blocks": _readable_json([_block_row(block) for block in passage.blocks]),
        "page": passage.page,
        "of_properties": passage.is_of_properties,
    }
    shown = (passage.title or "", " ".join(passage.headings), names, passage.text)
    texts = Fields(*map(searchable, shown))
    number = _insert(db, "passages", values)
    db.execute(
        "INSERT INTO passage_text (rowid, title, headings, names, body) VALUES (?, ?, ?, ?, ?)",
        (number, *map(encodable, texts)),
    )
    return length_of(texts)


def read_documents(db: sqlite3.Connection) -> dict[str, StoredDocument]:
    """All documents, failed ones too, by path."""
    found = db.execute(
        "SELECT id, path, size, mtime_ns, read_at_ns, sha256, failed, failed IS NULL OR EXISTS"
        " (SELECT 1 FROM passages WHERE document_id = documents.id) FROM documents"
    )
    return {row[1]: StoredDocument(*row) for row in found}


def read_passages(db: sqlite3.Connection, ids: Sequence[int]) -> dict[int, StoredPassage]:
    """The passages of these ids."""
    query = (
        "SELECT p.id, p.title, p.headings, p.blocks, p.page, d.path, d.sha256, d.encoding, d.title,"
        " d.aliases FROM passages p JOIN documents d ON d.id = p.document_id"
    )
    found: dict[int, StoredPassage] = {}
    for number, title, above, told, page, *file, name, aliases in _rows(db, query, ids, "p.id"):
        headings = tuple(json.loads(above))
        blocks = tuple(_block(values, headings, page) for values in json.loads(told))
        passage = Passage(title, headings, blocks, page)
        path, sha256, encoding = file
        called = tuple(json.loads(aliases))
        found[number] = StoredPassage(number, passage, path, sha256, encoding, name, called)
    return found


def read_fields(db: sqlite3.Connection, ids: Sequence[int]) -> dict[int, Fields]:
    """What the passages of these ids are found by."""
    return {
        row[0]: Fields(*row[1:])
        for row in _rows(db, "SELECT rowid, title, headings, names, body FROM passage_text", ids)
    }


def read_property_ids(db: sqlite3.Connection, ids: Sequence[int]) -> set[int]:
    """Those of these passages that hold properties of a note."""
    found = _rows(db, "SELECT id, of_properties FROM passages", ids)
    return {number for number, of_properties in found if of_properties}


def read_hashes(db: sqlite3.Connection, ids: Sequence[int]) -> dict[int, bytes]:
    """The text hashes of the passages of these ids."""
    return dict(_rows(db, "SELECT id, text_hash FROM passages", ids))


def _rows(
    db: sqlite3.Connection, query: str, ids: Sequence[int], key: str = "rowid"
) -> Iterator[tuple[Any, ...]]:
    """The rows of a query whose key is one of `ids`."""
    for start in range(0, len(ids), QUERY_BATCH):
        batch = ids[start : start + QUERY_BATCH]
        marks = ",".join("?" * len(batch))
        yield from db.execute(f"{query} WHERE {key} IN ({marks})", batch)


def _insert(db: sqlite3.Connection, table: str, values: dict[str, Any]) -> int:
    columns, marks = ", ".join(values), ", ".join("?" * len(values))
    statement = f"INSERT INTO {table} ({columns}) VALUES ({marks})"
    number = db.execute(statement, tuple(values.values())).lastrowid
    assert number is not None
    return number


def _block_row(block: Block) -> list[Any]:
    """A block as JSON: what it always has; source and runs where the source is not the text; last
    what tells its place in lists, tables and units, as far as it stands in such."""
    row: list[Any] = [block.kind, block.text, block.start, block.line]
    if block.source != block.text or block.runs != (Run(0, 0, len(block.text)),):
        row += [block.source, [[run.text, run.source, run.length] for run in block.runs]]
    if structure := {key: value for key in STRUCTURE if (value := getattr(block, key))}:
        row.append(structure)
    return row


def _block(row: list[Any], headings: tuple[str, ...], page: int | None) -> Block:
    structure = row.pop() if isinstance(row[-1], dict) else {}
    if "columns" in structure:
        structure["columns"] = tuple(structure["columns"])
    kind, text, start, line = row[:4]
    source, runs = row[4:] or (text, [[0, 0, len(text)]])
    placed = tuple(Run(*run) for run in runs)
    return Block(kind, headings, text, source, start, line, placed, page, **structure)


def _readable_json(value: Any) -> str:
    """JSON with letters as they are, which takes less room than their numbers."""
    return encodable(json.dumps(value, ensure_ascii=False))


def failed_documents(db: sqlite3.Connection) -> list[tuple[str, str]]:
    """Path and reason of each document that could not be read, in order of path."""
    query = "SELECT path, failed FROM documents WHERE failed IS NOT NULL ORDER BY path"
    return db.execute(query).fetchall()
