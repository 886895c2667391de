"""Answers that were given before: found again only where all that they depend on is the same."""

from __future__ import annotations

import json
import sqlite3
from dataclasses import replace
from pathlib import Path

import pytest

from ragqa.records import Answer, Citation, Place, Sentence
from ragqa.store import answers
from ragqa.store.answers import AnswerCache, delete_answers, digests_of

QUESTION = "What melts?"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "metals.md"
    path.write_text("Gold melts.")
    return path


def answer_of(file: Path) -> Answer:
    """An answer with something in each of its fields."""
    citation = Citation(
        1, str(file), "Metals", ("A", "B"), 1, 1, 0, 11, None, "Gold melts.", "Gold melts.",
        True, ("/copy.md",),
    )  # fmt: skip
    return Answer(
        "answered",
        QUESTION,
        (Sentence("Gold melts [1].", "supported", (1,), "row", "\n", "-", 1, (("A", "b"),)),),
        (citation,),
        {"embedder": "e", "generator": None},
        {"path": "/index", "generation": 3},
        {},
        ("a warning",),
        2,
        0.875,
        "the prompt \ud800 ü",
        "Gold",
        (Place("/a.md", "A", ("B", "C"), 1, 3, None),),
    )


@pytest.fixture(autouse=True)
def published(tmp_path: Path) -> Path:
    """An index of generation 0, as it is before the first publish."""
    path = tmp_path / "index.sqlite"
    publish(path, 0)
    return path


def publish(path: Path, generation: int) -> None:
    db = sqlite3.connect(path)
    db.execute("CREATE TABLE IF NOT EXISTS meta (key TEXT PRIMARY KEY, value TEXT)")
    db.execute("INSERT OR REPLACE INTO meta VALUES ('generation', ?)", (str(generation),))
    db.commit()
    db.close()


def cache_in(folder: Path, **circumstances: object) -> AnswerCache:
    return AnswerCache(folder, 0, {"k": 6, **circumstances})


def test_an_answer_is_found_again_as_it_was(tmp_path: Path, file: Path) -> None:
    cache, answer = cache_in(tmp_path), answer_of(file)
    assert cache.find(QUESTION) is None
    cache.keep(QUESTION, answer, digests_of([str(file)]))
    assert cache_in(tmp_path).find(QUESTION) == answer


def test_another_question_or_circumstance_has_no_answer(tmp_path: Path, file: Path) -> None:
    cache_in(tmp_path).keep(QUESTION, answer_of(file), digests_of([str(file)]))
    assert cache_in(tmp_path).find("What melts") is None
    assert cache_in(tmp_path, k=5).find(QUESTION) is None


def test_a_file_that_has_changed_or_gone_has_no_answer(tmp_path: Path, file: Path) -> None:
    cache = cache_in(tmp_path)
    cache.keep(QUESTION, answer_of(file), digests_of([str(file)]))
    file.write_text("Gold boils.")
    assert cache.find(QUESTION) is None
    file.write_text("Gold melts.")
    assert cache.find(QUESTION) is not None
    file.unlink()
    assert cache.find(QUESTION) is None


def test_a_later_answer_takes_the_place_of_the_earlier(tmp_path: Path, file: Path) -> None:
    cache, answer = cache_in(tmp_path), answer_of(file)
    cache.keep(QUESTION, answer, {})
    later = replace(answer, confidence=0.5)
    cache.keep(QUESTION, later, {})
    assert cache.find(QUESTION) == later


def test_only_the_latest_are_kept(
    tmp_path: Path, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(answers, "KEPT", 3)
    cache = cache_in(tmp_path)
    for number in range(5):
        cache.keep(str(number), answer_of(file), {})
    assert [bool(cache.find(str(number))) for number in range(5)] == [False] * 2 + [True] * 3


@pytest.mark.parametrize("damage", ["no database", "other table", "no JSON", "no answer"])
def test_what_is_damaged_is_deleted_and_begun_anew(tmp_path: Path, file: Path, damage: str) -> None:
    cache, path = cache_in(tmp_path), tmp_path / "answers.sqlite"
    cache.keep(QUESTION, answer_of(file), {})
    if damage == "no database":
        path.write_bytes(b"no database at all" * 100)
    elif damage == "other table":
        path.unlink()
        db = sqlite3.connect(path)
        db.execute("CREATE TABLE answers (key TEXT, answer TEXT)")
        db.close()
    else:
        value = "{" if damage == "no JSON" else json.dumps({"state": 1})
        with sqlite3.connect(path) as db:
            db.execute("UPDATE answers SET answer = ?", (value,))
        db.close()
    assert cache.find(QUESTION) is None
    cache.keep(QUESTION, answer_of(file), {})
    assert cache.find(QUESTION) == answer_of(file)


def test_where_nothing_can_be_written_nothing_is_kept(tmp_path: Path, file: Path) -> None:
    cache = cache_in(tmp_path / "nowhere")
    cache.keep(QUESTION, answer_of(file), {})
    assert cache.find(QUESTION) is None


def test_a_locked_cache_is_passed_over(tmp_path: Path, file: Path) -> None:
    cache = cache_in(tmp_path)
    cache.keep(QUESTION, answer_of(file), {})
    db = sqlite3.connect(tmp_path / "answers.sqlite", isolation_level=None)
    db.execute("BEGIN EXCLUSIVE")
    assert cache.find(QUESTION) is None
    cache.keep("Another?", answer_of(file), {})
    db.close()
    assert cache.find(QUESTION) is not None


def test_an_answer_from_an_index_that_has_been_replaced_meanwhile_is_not_kept(
    tmp_path: Path, file: Path, published: Path
) -> None:
    cache = cache_in(tmp_path)
    cache.keep("Earlier?", answer_of(file), {})
    publish(published, 1)
    cache.keep(QUESTION, answer_of(file), {})
    assert not (tmp_path / "answers.sqlite").exists()


def test_what_a_killed_process_left_is_deleted_too(tmp_path: Path) -> None:
    for name in ("answers.sqlite", "answers.sqlite-journal"):
        (tmp_path / name).write_text("private")
    delete_answers(tmp_path)
    assert not list(tmp_path.glob("answers*"))


def test_a_file_that_changes_while_it_is_answered_from_is_another(
    tmp_path: Path, file: Path
) -> None:
    before = digests_of([str(file)])
    file.write_text("Gold boils.")
    cache = cache_in(tmp_path)
    cache.keep(QUESTION, answer_of(file), before)
    assert cache.find(QUESTION) is None
