"""The question sets in tests/eval that are judged by nuggets: each asks for what is there."""

from __future__ import annotations

import json
from collections import defaultdict
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from ragqa.documents import read_document
from ragqa.evaluation.comparing import nuggets_in
from ragqa.evaluation.questions import Question, read_questions
from ragqa.system.terminal import LocalTerminal
from tests.conftest import CORPUS, ROOT

EVAL = ROOT / "tests" / "eval"
WORDINGS = "wordings.jsonl"
FOLDERS = {
    EVAL / "complete.jsonl": CORPUS,
    EVAL / WORDINGS: CORPUS,
    EVAL / "everyday" / "questions.jsonl": EVAL / "everyday" / "docs",
    EVAL / "everyday" / WORDINGS: EVAL / "everyday" / "docs",
    EVAL / "vault" / "questions.jsonl": EVAL / "vault" / "docs",
    EVAL / "vault" / WORDINGS: EVAL / "vault" / "docs",
}
each_set = pytest.mark.parametrize("file", FOLDERS, ids=lambda file: str(file.relative_to(EVAL)))


def _lines(file: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]


def _questions(file: Path) -> list[Question]:
    return read_questions(str(file), LocalTerminal())


@cache
def _text(path: Path) -> str:
    """What an answer can be made of: the blocks of a file, and the headings above them."""
    document = read_document(path, path.read_bytes())
    return "\n".join("\n".join((*block.headings, block.text)) for block in document.blocks)


def test_no_two_lines_of_all_sets_have_the_same_id_or_of_a_folder_the_same_question() -> None:
    lines = [(folder, line) for file, folder in FOLDERS.items() for line in _lines(file)]
    assert len({line["id"] for _, line in lines}) == len(lines)
    asked = [(folder, line["question"].lower()) for folder, line in lines]
    assert sorted(item for item in set(asked) if asked.count(item) > 1) == []


@each_set
def test_half_of_a_set_is_for_tests(file: Path) -> None:
    splits = [line["split"] for line in _lines(file)]
    assert set(splits) == {"dev", "test"}
    assert splits.count("dev") == splits.count("test")


@each_set
def test_what_is_answerable_names_its_files_and_all_its_nuggets_stand_in_the_first(
    file: Path,
) -> None:
    for question in _questions(file):
        paths = [FOLDERS[file] / source for source in question.sources]
        assert bool(paths) == bool(question.nuggets) == question.answerable
        assert all(path.is_file() for path in paths)
        if paths:
            found = nuggets_in(_text(paths[0]), question.nuggets)
            assert all(found), (question.text, question.nuggets, found)


@each_set
def test_no_question_says_its_own_answer(file: Path) -> None:
    for question in _questions(file):
        if question.answerable:
            assert not all(nuggets_in(question.text, question.nuggets)), question.text


@pytest.mark.parametrize("file", [file for file in FOLDERS if file.name == WORDINGS], ids=str)
def test_a_fact_is_asked_for_in_five_ways_all_of_one_split(file: Path) -> None:
    facts = defaultdict(list)
    for line in _lines(file):
        facts[line["fact"]].append(line)
    for lines in facts.values():
        assert len({line["way"] for line in lines}) == len(lines) == 5
        assert len({(line["split"], str(line["nuggets"]), line["file"]) for line in lines}) == 1
