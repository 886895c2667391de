"""Answers that were given before, kept with the index: asked again, no model reads or writes.

An answer is found again where the question and its circumstances (models, settings, filter, the
published index) are the same, and every file that it was made from is as it was. All of it is
derived: what cannot be read counts as not there, and publishing a new index deletes it. Knows
nothing of how answers are made.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import sqlite3
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, TypeVar

from ragqa.errors import RagqaError
from ragqa.records import Answer, Citation, Place, Sentence
from ragqa.store import layout, rows

Made = TypeVar("Made")
Digests = dict[str, str | None]
KEPT = 1_000  # answers, the latest ones
BUSY_SECONDS = 0.2
SCHEMA = """
CREATE TABLE IF NOT EXISTS answers (
    key TEXT PRIMARY KEY ON CONFLICT REPLACE, files TEXT NOT NULL, answer TEXT NOT NULL
)
"""
# Not for ever: another process is at it, or the disk is full or cannot be written to.
PASSING = (
    sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN,
    sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR,
)  # fmt: skip


class AnswerCache:
    """The answers in an index's directory that were given in the same `circumstances`.

    `generation` is that of the index which they are made from.
    """

    def __init__(self, directory: Path, generation: int, circumstances: Mapping[str, Any]) -> None:
        self._directory, self._generation = directory, generation
        self._path = directory / layout.ANSWERS
        self._circumstances = circumstances

    def find(self, question: str) -> Answer | None:
        """The answer to a question that still holds, if any."""
        key = self._key(question)

        def find(db: sqlite3.Connection) -> Answer | None:
            query = "SELECT files, answer FROM answers WHERE key = ?"
            for files, answer in db.execute(query, (key,)):
                was: Digests = json.loads(files)
                if digests_of(was) == was:
                    return _answer_of(json.loads(answer))
            return None

        return self._try(find) if self._path.exists() else None

    def keep(self, question: str, answer: Answer, files: Digests) -> None:
        """Keep an answer that was made of `files` as they were then, where that is possible."""
        values = self._key(question), json.dumps(files), json.dumps(asdict(answer))

        def keep(db: sqlite3.Connection) -> None:
            db.execute(SCHEMA)
            db.execute("INSERT INTO answers VALUES (?, ?, ?)", values)
            db.execute(
                "DELETE FROM answers WHERE rowid <= (SELECT max(rowid) FROM answers) - ?", (KEPT,)
            )

        self._try(keep)
        if self._published() != self._generation:  # it may quote what was forgotten meanwhile
            delete_answers(self._directory)

    def _published(self) -> int | None:
        """The generation that is published now; None where that cannot be read."""
        with contextlib.suppress(RagqaError, sqlite3.Error, OSError, ValueError):
            db = layout.connect_read_only(self._directory / layout.DATABASE)
            with contextlib.closing(db):
                return int(rows.read_meta(db).get("generation", "0"))
        return None

    def _try(self, action: Callable[[sqlite3.Connection], Made]) -> Made | None:
        """What comes of a transaction; None where it fails. What is damaged is deleted."""
        try:
            with contextlib.closing(sqlite3.connect(self._path, BUSY_SECONDS)) as db, db:
                return action(db)
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF not in PASSING:
                delete_answers(self._directory)
        except (sqlite3.DatabaseError, ValueError, TypeError, KeyError, AttributeError):
            delete_answers(self._directory)
        return None

    def _key(self, question: str) -> str:
        whole = json.dumps([question, self._circumstances], sort_keys=True)
        return hashlib.sha256(whole.encode("ascii")).hexdigest()


def delete_answers(directory: Path) -> None:
    """Forget all answers, and what a killed process has left of them."""
    for name in (layout.ANSWERS, f"{layout.ANSWERS}-journal"):
        with contextlib.suppress(OSError):
            (directory / name).unlink(missing_ok=True)


def digests_of(paths: Iterable[str]) -> Digests:
    """SHA-256 of each file; None where one cannot be read."""
    return {path: _digest(path) for path in paths}


def _digest(path: str) -> str | None:
    try:
        with Path(path).open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except (OSError, ValueError):
        return None


def _answer_of(values: dict[str, Any]) -> Answer:
    """The answer of which these are the fields, as JSON has them."""
    sentences = [
        {**one, "citations": tuple(one["citations"]), "cells": tuple(map(tuple, one["cells"]))}
        for one in values["sentences"]
    ]
    citations = [
        {**one, "headings": tuple(one["headings"]), "also_in": tuple(one["also_in"])}
        for one in values["citations"]
    ]
    parts = {
        "sentences": tuple(Sentence(**one) for one in sentences),
        "citations": tuple(Citation(**one) for one in citations),
        "nearest": tuple(
            Place(**{**one, "headings": tuple(one["headings"])}) for one in values["nearest"]
        ),
        "warnings": tuple(values["warnings"]),
    }
    return Answer(**{**values, **parts})
