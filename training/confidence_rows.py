"""Questions -> what `confidence` weighs for each, and whether it has an answer.

A row is `{"features": [...], "answerable": true}`. Of a question with an answer, a twin is asked
too, without the texts that answer it: so about half of the rows have none, in the same words.
"""

from __future__ import annotations

import hashlib
import json
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from ragqa.embedding import load_embedder
from ragqa.evaluation.comparing import contains_any, nuggets_in
from ragqa.evaluation.questions import Question, read_questions, spread
from ragqa.evaluation.run import source_paths, without_files
from ragqa.pipeline import Session, build_index
from ragqa.query import Query
from ragqa.records import GivenText, Hit
from ragqa.retrieval.given import hits_of_texts
from ragqa.store import index_at
from ragqa.store.filters import Filter
from ragqa.store.snapshot import LocalSnapshot
from ragqa.system.files import data_file
from ragqa.system.terminal import LocalTerminal

Row = dict[str, Any]
SPLIT = "dev"  # the other half is for measuring


# Passages that come with the question ---------------------------------------------------------


def given_rows(path: Path, session: Session, limit: int) -> Iterator[Row]:
    """The rows of a file of questions with passages."""
    for line in path.read_text(encoding="utf-8").splitlines()[:limit]:
        row = json.loads(line)
        yield given_row(row["question"], row["passages"], row["answerable"], session)
        if row["answerable"]:
            others = [p for n, p in enumerate(row["passages"], 1) if n != row["gold_passage"]]
            if others and not any(a in p["text"] for a in row["answers"] for p in others):
                yield given_row(row["question"], others, False, session)


def given_row(
    question: str, passages: list[dict[str, str]], answerable: bool, session: Session
) -> Row:
    """The row of one question on given passages."""
    given = [GivenText(f"passage:{n}", p["title"], p["text"]) for n, p in enumerate(passages, 1)]
    query = session.query(question)
    return row_of(query, hits_of_texts(query, given, session.embedder), answerable, session)


def row_of(query: Query, hits: Sequence[Hit], answerable: bool, session: Session) -> Row:
    """What is weighed for a question when these are the passages."""
    found = session.assess(query, hits).signals
    return {"features": found.features, "answerable": answerable}


# An index that is searched --------------------------------------------------------------------


def searched_rows(
    folder: Path, files: Sequence[Path], session: Session, limit: int
) -> Iterator[Row]:
    """The rows of the questions in files that are asked of a folder."""
    questions = [one for file in files for one in read_questions(str(file), LocalTerminal(), SPLIT)]
    with tempfile.TemporaryDirectory() as directory:
        build_index(index_at(Path(directory)), [folder], load_embedder, lambda *_: None)
        with LocalSnapshot(Path(directory)) as index:
            indexed = replace(session, snapshot=index)
            for question in spread(questions, limit):
                yield from rows_of_question(question, indexed)


def rows_of_question(question: Question, session: Session) -> Iterator[Row]:
    """Its row, and that of its twin, unless what is left to the twin answers it just as well."""
    query = session.query(question.text)
    hits = session.units(session.search(query))
    yield row_of(query, hits, question.answerable, session)
    if question.answerable:
        deprived = without_sources(question, session)
        left = deprived.units(deprived.search(query))
        if left and not any(answers(hit, question) for hit in left):
            yield row_of(query, left, False, deprived)


def without_sources(question: Question, session: Session) -> Session:
    """The session, in which the files that answer the question may not be used."""
    assert session.snapshot
    everything = session.snapshot.allowed(Filter())
    files = source_paths(question, session.snapshot)
    return replace(session, allowed=without_files(files, everything, session.snapshot))


def answers(hit: Hit, question: Question) -> bool:
    """Whether a passage says what was asked for, or half of it, by all that is known of the answer.

    Notes on one subject overlap: where half of a complete answer is left, a twin that counts as
    one without an answer would teach to refuse.
    """
    text = hit.passage.embedded_text
    if not question.nuggets:
        return contains_any(text, question.answers)
    unsaid = [nugget for nugget in question.nuggets if not nugget.search(question.text)]
    found = nuggets_in(text, unsaid)
    return sum(found) >= len(found) / 2


# Remembering ----------------------------------------------------------------------------------


def state_of(files: Sequence[Path], limit: int) -> str:
    """Changes with anything that rows are made of: these files, the limit, code."""
    code = [*sorted(data_file("").parent.rglob("*.py")), Path(__file__)]
    parts = [path.read_bytes() for path in (*files, *code)]
    return hashlib.sha256(b"\0".join([*parts, str(limit).encode()])).hexdigest()


def files_in(folder: Path) -> list[Path]:
    """All files of a folder and below, in order."""
    return sorted(path for path in folder.rglob("*") if path.is_file())


def remembered(path: Path, rows: Iterator[Row], key: str) -> list[Row]:
    """The rows, from the file at `path` where they were computed in the same state."""
    if path.exists():
        saved = json.loads(path.read_text())
        if saved["key"] == key:
            return list(saved["rows"])
    made = list(rows)
    path.write_text(json.dumps({"key": key, "rows": made}))
    return made
