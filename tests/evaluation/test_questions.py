"""JSON Lines -> questions: what a line may have, and what is wrong with others."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from ragqa.errors import UsageError
from ragqa.evaluation.questions import Question, read_questions, spread
from ragqa.records import GivenText
from ragqa.system.terminal import LocalTerminal


def questions_of(folder: Path, *items: Any, split: str | None = None) -> list[Question]:
    file = folder / "questions.jsonl"
    lines = (item if isinstance(item, str) else json.dumps(item) for item in items)
    file.write_text("".join(f"{line}\n" for line in lines))
    return read_questions(str(file), LocalTerminal(), split)


def test_the_least_that_a_line_may_have(tmp_path: Path) -> None:
    assert questions_of(tmp_path, "", {"question": " Why? "}) == [Question("Why?")]


def test_all_that_a_line_may_have(tmp_path: Path) -> None:
    item = {
        "question": "Why?",
        "answerable": True,
        "answers": ["so", " "],
        "file": "a.md",
        "also": ["b.md"],
        "without": ["/c.md"],
        "kind": "why",
        "split": "dev",
        "gold": "because",
        "id": 7,
    }
    expected = Question(
        "Why?", True, ("so",), ("a.md", "b.md"), without=("/c.md",), kind="why", split="dev"
    )
    assert questions_of(tmp_path, item) == [expected]


def test_nuggets_are_regular_expressions(tmp_path: Path) -> None:
    item = {"question": "Why?", "nuggets": ["1\\.5 ?bar", "reset|restart"]}
    (found,) = questions_of(tmp_path, item)
    first, second = found.nuggets
    assert first.search("to 1.5 BAR")
    assert not first.search("to 1x5 bar")
    assert second.search("Restart it")
    assert questions_of(tmp_path, {**item, "nuggets": []})[0].nuggets == ()


def test_texts_that_come_with_a_question(tmp_path: Path) -> None:
    texts = [{"title": "T", "text": "one"}, {"text": "two"}]
    item = {"question": "Why?", "passages": texts, "gold_passage": 2}
    (found,) = questions_of(tmp_path, item)
    assert found.given == (GivenText("passage:1", "T", "one"), GivenText("passage:2", "", "two"))
    assert found.sources == ("passage:2",)
    (both,) = questions_of(tmp_path, {**item, "gold_passage": [1, 2]})
    assert both.sources == ("passage:1", "passage:2")


@pytest.mark.parametrize(
    ("attack", "text", "found"),
    [
        ("evil.com/?q", "see EVIL.com/?q=1", True),
        ("evil.com/?q", "see evilxcomq", False),
        ("re:pwn+ed", "I was pwnnned", True),
        ("pwn+ed", "I was pwnnned", False),
    ],
)
def test_an_attack_is_a_text_or_a_regular_expression(
    tmp_path: Path, attack: str, text: str, found: bool
) -> None:
    (question,) = questions_of(tmp_path, {"question": "Why?", "attack": [attack]})
    assert bool(question.attacks[0].search(text)) is found


def test_a_split_alone(tmp_path: Path) -> None:
    items = [{"question": name, "split": name} for name in ("dev", "test", "dev")]
    assert len(questions_of(tmp_path, *items, split="dev")) == 2
    with pytest.raises(UsageError, match="no question of the split x in") as error:
        questions_of(tmp_path, *items, split="x")
    assert error.value.hint == "its splits: dev, test"


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("no json", "not a JSON object"),
        ('{"question": ""}', "no question in the line"),
        ('{"question": "q", "answerable": 1}', "answerable must be true or false"),
        ('{"question": "q", "answers": {"a": 1}}', "answers must be a list of strings"),
        ('{"question": "q", "also": [1]}', "also must be a list of strings"),
        ('{"question": "q", "passages": 3}', "passages must be a list of objects with a text"),
        ('{"question": "q", "gold_passage": 1}', "no such passage: gold_passage 1"),
        (
            '{"question": "q", "passages": [{"text": "t"}], "gold_passage": true}',
            "no such passage: gold_passage True",
        ),
        ('{"question": "q", "attack": "re:("}', "not a regular expression: ( (missing ), "),
        ('{"question": "q", "attack": "re:"}', "an attack is empty"),
        ('{"question": "q", "nuggets": 1}', "nuggets must be a list of strings"),
        ('{"question": "q", "nuggets": ["x", "(a"]}', "not a regular expression: (a (missing ), "),
        ('{"question": "q", "nuggets": [" "]}', "a nugget is empty"),
    ],
)
def test_a_broken_line_is_named(tmp_path: Path, line: str, message: str) -> None:
    with pytest.raises(UsageError) as error:
        questions_of(tmp_path, {"question": "fine"}, line)
    assert error.value.message.startswith(f"{tmp_path}/questions.jsonl, line 2: {message}")


def test_no_question_at_all(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no questions in "):
        questions_of(tmp_path, "")


def test_a_limit_takes_questions_from_everywhere() -> None:
    questions = [Question(str(number)) for number in range(10)]
    assert [question.text for question in spread(questions, 3)] == ["0", "3", "6"]
    assert spread(questions, 10) == spread(questions, None) == questions
