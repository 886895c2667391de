"""The index directory: which files are in it, and how its databases are opened.

index.sqlite              documents, links, passages, full text, meta (write-ahead log)
embeddings.sqlite         vectors and word codes by passage text; can be rebuilt, at a price
vectors-GENERATION.faiss  the vectors of the published passages; derived
index.lock, writer.json   held, and described, by the one process that writes
answers.sqlite            answers that were given; deleted when the documents change
calibration.json          what `calibrate` fitted; kept when the documents change
"""

from __future__ import annotations

import contextlib
import re
import sqlite3
from pathlib import Path

from ragqa.errors import IndexBusyError, IndexDamagedError, RagqaError, no_index

FORMAT = 3
DATABASE = "index.sqlite"
EMBEDDINGS = "embeddings.sqlite"
ANSWERS = "answers.sqlite"
OWN_FILES = (
    "README.txt", "index.lock", "writer.json", "calibration.json", "calibration.json.part",
)  # fmt: skip
OWN_TABLES = {"meta", "documents", "passages", "passage_text"}
VECTOR_FILE = re.compile(r"vectors-\d+\.[a-z]+(\.part)?")
BUSY_SECONDS = 10.0
FOLD_MILLISECONDS = 200
AUTO_VACUUM_INCREMENTAL = 2

README = """This folder is a search index made by ragqa.

It holds the text of the documents that were indexed, and answers that were made of them, so treat
it as private.
It can be deleted at any time: `ragqa index` makes it anew from the documents.
"""

SCHEMA = """
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT) WITHOUT ROWID;
CREATE TABLE folders (path TEXT PRIMARY KEY) WITHOUT ROWID;
CREATE TABLE documents (
    id INTEGER PRIMARY KEY,
    path TEXT NOT NULL UNIQUE,
    size INTEGER NOT NULL,
    mtime_ns INTEGER NOT NULL,
    read_at_ns INTEGER NOT NULL,
    sha256 TEXT NOT NULL,
    encoding TEXT NOT NULL DEFAULT '',
    title TEXT,
    aliases TEXT NOT NULL DEFAULT '[]',
    tags TEXT NOT NULL DEFAULT '[]',
    properties TEXT NOT NULL DEFAULT '{}',
    warnings TEXT NOT NULL DEFAULT '[]',
    words INTEGER NOT NULL DEFAULT 0,
    failed TEXT
);
CREATE TABLE links (
    document_id INTEGER NOT NULL REFERENCES documents (id),
    target TEXT NOT NULL,
    PRIMARY KEY (document_id, target)
) WITHOUT ROWID;
CREATE INDEX links_by_target ON links (target);
CREATE TABLE passages (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    document_id INTEGER NOT NULL REFERENCES documents (id),
    text_hash BLOB NOT NULL,
    title TEXT,
    headings TEXT NOT NULL,
    blocks TEXT NOT NULL,
    page INTEGER,
    of_properties INTEGER NOT NULL
);
CREATE INDEX passages_by_document ON passages (document_id);
CREATE VIRTUAL TABLE passage_text USING fts5 (
    title, headings, names, body, tokenize = "porter unicode61 remove_diacritics 2"
);
"""


def index_exists(directory: Path) -> bool:
    """True when there is an index in the directory, whatever its state."""
    try:
        return (directory / DATABASE).is_file()
    except PermissionError:
        return True  # there is something that we may not look at: opening it will say so


def foreign_file(directory: Path) -> str | None:
    """The name of something in the directory that no index has; None when there is no such."""
    for path in sorted(directory.iterdir()):
        ours = path.name.startswith((EMBEDDINGS, DATABASE, ANSWERS)) or path.name in OWN_FILES
        if not ours and not VECTOR_FILE.fullmatch(path.name):
            return path.name
    return None


def connect(path: Path) -> sqlite3.Connection:
    """A connection that writes; transactions are begun and ended by hand."""
    connection = sqlite3.connect(path, timeout=BUSY_SECONDS, isolation_level=None)
    # Asking first: to set it is to write.
    if connection.execute("PRAGMA auto_vacuum").fetchone()[0] != AUTO_VACUUM_INCREMENTAL:
        connection.execute("PRAGMA auto_vacuum = INCREMENTAL")
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    return connection


def connect_read_only(path: Path) -> sqlite3.Connection:
    """A connection that only reads, also where the directory cannot be written to."""
    uri = path.resolve().as_uri()
    log = path.with_name(path.name + "-wal")
    try:
        has_log = log.exists() and log.stat().st_size > 0
    except PermissionError as error:
        raise failure(path.parent, sqlite3.OperationalError("unable to open")) from error
    last: sqlite3.Error | None = None
    # A write-ahead log needs a shared-memory file beside it; without a log none is needed.
    for options in ("mode=ro",) if has_log else ("mode=ro", "mode=ro&immutable=1"):
        connection = None
        try:
            connection = sqlite3.connect(
                f"{uri}?{options}", uri=True, timeout=BUSY_SECONDS, isolation_level=None
            )
            # Tables of a question's own lie in memory: before there are any, and outside of a
            # transaction, is the only time to say so.
            connection.execute("PRAGMA temp_store = MEMORY")
            connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
        except sqlite3.Error as error:
            last = error
            if connection is not None:
                connection.close()
            if "readonly" not in str(error) and "unable to open" not in str(error):
                break  # a lock, say: `immutable` would read past it
        else:
            return connection
    raise failure(path.parent, last) if last else damaged(path.parent, None)


def has_schema(connection: sqlite3.Connection) -> bool:
    """False for a database in which nothing was ever made."""
    return bool(connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0])


def close(connection: sqlite3.Connection) -> None:
    """Fold the write-ahead log into the database and close it; a snapshot may keep the log."""
    with contextlib.suppress(sqlite3.Error):
        # A snapshot can stay for hours: the log is left to the next writer then.
        connection.execute(f"PRAGMA busy_timeout = {FOLD_MILLISECONDS}")
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    connection.close()


def check_format(connection: sqlite3.Connection, directory: Path) -> None:
    """IndexDamagedError unless this version of ragqa can read the database.

    NoIndexError when nothing was made in it: a first run was killed, or has only just begun.
    """
    try:
        found, tables = _format_and_tables(connection)
    except sqlite3.DatabaseError as error:
        raise damaged(directory, error) from error
    if not tables:
        raise no_index(directory)
    if found > FORMAT:
        raise IndexDamagedError(
            f"the index in {directory} has format {found}; this version of ragqa reads {FORMAT}",
            "upgrade ragqa, or choose another directory with --index",
        )
    if not found or not tables >= OWN_TABLES:
        raise damaged(directory, None)
    if found < FORMAT:
        raise IndexDamagedError(
            f"the index in {directory} was made by an earlier version of ragqa",
            "run: ragqa index (it reads the documents anew)",
        )


def is_of_earlier_format(connection: sqlite3.Connection) -> bool:
    """True for an index of ours that has to be made anew."""
    found, tables = _format_and_tables(connection)
    return 0 < found < FORMAT and OWN_TABLES | {"folders"} <= tables


def _format_and_tables(connection: sqlite3.Connection) -> tuple[int, set[str]]:
    """The format that a database says it has, 0 where it says none, and the names in it."""
    found: int = connection.execute("PRAGMA user_version").fetchone()[0]
    return found, {name for (name,) in connection.execute("SELECT name FROM sqlite_master")}


def begin_anew(connection: sqlite3.Connection) -> None:
    """Empty tables of this format, in a transaction that stays open.

    What is kept of the index of an earlier format: its folders, generation and embedder's name.
    """
    connection.execute("BEGIN IMMEDIATE")
    folders = connection.execute("SELECT path FROM folders").fetchall()
    kept = connection.execute(
        "SELECT key, value FROM meta WHERE key IN ('generation', 'embedder_model')"
    ).fetchall()
    tables = connection.execute(
        "SELECT name FROM sqlite_master WHERE type = 'table'"
        " AND name NOT LIKE 'sqlite!_%' ESCAPE '!' AND name NOT LIKE 'passage!_text!_%' ESCAPE '!'"
    ).fetchall()
    for (name,) in tables:
        connection.execute(f"DROP TABLE {name}")
    for statement in filter(str.strip, SCHEMA.split(";")):
        connection.execute(statement)
    connection.executemany("INSERT INTO folders VALUES (?)", folders)
    connection.executemany("INSERT INTO meta VALUES (?, ?)", kept)
    connection.execute(f"PRAGMA user_version = {FORMAT}")


def failure(directory: Path, cause: sqlite3.Error) -> RagqaError:
    """What a database error means to the user."""
    if "locked" in str(cause):
        return IndexBusyError(f"the index in {directory} is busy", "try again in a moment")
    if "full" in str(cause):
        return RagqaError(f"no space left for the index in {directory}", "free some, try again")
    if "unable to open" in str(cause):
        return IndexDamagedError(
            f"cannot open the index in {directory}", "check its permissions, or name another"
        )
    return damaged(directory, cause)


def damaged(directory: Path, cause: sqlite3.Error | None) -> IndexDamagedError:
    """The error for an index that cannot be read."""
    detail = f": {cause}" if cause else ""
    return IndexDamagedError(
        f"the index in {directory} is damaged{detail}",
        f"delete {DATABASE} in it and run: ragqa index FOLDER (embeddings are kept)",
    )
