"""Answers that were given before, kept with the index: asked again, they need no model.

An answer is found again where question, texts and circumstances (models, settings, filter, the
published index) are the same, and every file that it was made from is as it was. All of it is
derived: what cannot be read counts as not there, and publishing a new index deletes it. Knows
nothing of how answers are made.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import sqlite3
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, TypeVar

from ragqa.records import Answer, Citation, Sentence
from ragqa.store.layout import ANSWERS

Made = TypeVar("Made")
KEPT = 1_000  # answers, the latest ones
BUSY_SECONDS = 0.2
SCHEMA = """
CREATE TABLE IF NOT EXISTS answers (
    key TEXT PRIMARY KEY ON CONFLICT REPLACE, files TEXT NOT NULL, answer TEXT NOT NULL
)
"""


class AnswerCache:
    """The answers in an index's directory that were given in the same `circumstances`."""

    def __init__(self, directory: Path, circumstances: Mapping[str, Any]) -> None:
        self._path = directory / ANSWERS
        self._circumstances = circumstances

    def find(self, question: str, texts: Sequence[str]) -> Answer | None:
        """The answer to a question (asked of these texts, too) that still holds, if any."""
        key = self._key(question, texts)

        def find(db: sqlite3.Connection) -> Answer | None:
            query = "SELECT files, answer FROM answers WHERE key = ?"
            for files, answer in db.execute(query, (key,)):
                if all(_digest(path) == was for path, was in json.loads(files).items()):
                    return _answer_of(json.loads(answer))
            return None

        return self._try(find) if self._path.exists() else None

    def keep(
        self, question: str, texts: Sequence[str], answer: Answer, paths: Iterable[str]
    ) -> None:
        """Keep an answer that was made of the files at `paths`, where that is possible."""
        files = {path: _digest(path) for path in paths}
        values = self._key(question, texts), json.dumps(files), json.dumps(asdict(answer))

        def keep(db: sqlite3.Connection) -> None:
            db.execute(SCHEMA)
            db.execute("INSERT INTO answers VALUES (?, ?, ?)", values)
            db.execute(
                "DELETE FROM answers WHERE rowid <= (SELECT max(rowid) FROM answers) - ?", (KEPT,)
            )

        self._try(keep)

    def _try(self, action: Callable[[sqlite3.Connection], Made]) -> Made | None:
        """What comes of a transaction; None where it fails. What is damaged is deleted."""
        try:
            with contextlib.closing(sqlite3.connect(self._path, BUSY_SECONDS)) as db, db:
                return action(db)
        except sqlite3.OperationalError:
            return None  # locked, or in a directory that cannot be written to
        except (sqlite3.DatabaseError, ValueError, TypeError, KeyError, AttributeError):
            with contextlib.suppress(OSError):
                self._path.unlink(missing_ok=True)
            return None

    def _key(self, question: str, texts: Sequence[str]) -> str:
        whole = json.dumps([question, list(texts), self._circumstances], sort_keys=True)
        return hashlib.sha256(whole.encode("ascii")).hexdigest()


def _digest(path: str) -> str | None:
    """SHA-256 of a file; None where it cannot be read."""
    try:
        with Path(path).open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except (OSError, ValueError):
        return None


def _answer_of(values: dict[str, Any]) -> Answer:
    """The answer of which these are the fields, as JSON has them."""
    sentences = [{**one, "citations": tuple(one["citations"])} for one in values["sentences"]]
    citations = [
        {**one, "headings": tuple(one["headings"]), "also_in": tuple(one["also_in"])}
        for one in values["citations"]
    ]
    parts = {
        "sentences": tuple(Sentence(**one) for one in sentences),
        "citations": tuple(Citation(**one) for one in citations),
        "warnings": tuple(values["warnings"]),
    }
    return Answer(**{**values, **parts})
