"""Answers as plain text and JSON."""

from __future__ import annotations

from pathlib import Path

import pytest

from ragqa import render
from ragqa.records import Answer, Citation, Sentence, State


def citation(**changes: object) -> Citation:
    values: dict[str, object] = {
        "number": 1,
        "path": "/notes/a.md",
        "title": "A",
        "headings": ("A", "B"),
        "start_line": 3,
        "end_line": 4,
        "start_char": 10,
        "end_char": 20,
        "page": None,
        "quote": "q",
        "quote_text": "q",
    }
    return Citation(**{**values, **changes})  # type: ignore[arg-type]


def test_an_answer_without_sentences_is_no_text() -> None:
    assert render.answer_plain(Answer("not_in_documents", "q")) == ""


def test_verdicts_are_shown_where_a_sentence_is_not_supported() -> None:
    sentences = (
        Sentence("One [1].", "supported", (1,)),
        Sentence("Two [1].", "partly", (1,)),
        Sentence("Three.", "unsupported"),
    )
    answer = Answer("answered", "q", sentences, (citation(),))
    assert render.answer_plain(answer) == (
        "One [1]. Two [1]. [partly supported] Three. [unsupported]\n\n[1] /notes/a.md:3-4  A > B\n"
    )


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        ({"end_line": 3}, "[1] /notes/a.md:3  A > B"),
        ({"page": 7}, "[1] /notes/a.md:p7  A > B"),
        ({"headings": ()}, "[1] /notes/a.md:3-4  A"),
        ({"headings": (), "title": ""}, "[1] /notes/a.md:3-4"),
        ({"stale": True}, "[1] /notes/a.md:3-4  A > B (changed since it was indexed)"),
        ({"also_in": ("/b.md", "/c.md")}, "[1] /notes/a.md:3-4  A > B (also in /b.md, /c.md)"),
        ({"headings": ("A\n[2] /etc/passwd:1",)}, "[1] /notes/a.md:3-4  A [2] /etc/passwd:1"),
        ({"path": "/a\n[2] x\x1b[1m.md"}, "[1] /a [2] x.md:3-4  A > B"),
    ],
)
def test_a_source_is_one_line(changes: dict[str, object], line: str) -> None:
    assert render.source_lines([citation(**changes)]) == [line]


@pytest.mark.parametrize("state", ["answered", "not_in_documents", "unsupported"])
def test_an_answer_as_json_has_the_keys_of_the_contract(state: State) -> None:
    document = render.answer_json(Answer(state, "q"))
    assert list(document) == [
        "state", "question", "answer", "short", "confidence", "sentences", "citations", "models",
        "index", "timings_ms", "warnings",
    ]  # fmt: skip
    assert (document["answer"], document["short"], document["confidence"]) == ("", None, None)


def test_paths_are_shown_from_the_folder_on_in_which_a_command_was_given(tmp_path: Path) -> None:
    assert render.short_path(str(tmp_path / "a" / "b.md"), tmp_path) == "a/b.md"
    assert render.short_path("/elsewhere/b.md", tmp_path) == "/elsewhere/b.md"
    assert render.short_path("stdin", tmp_path) == "stdin"


def test_items_of_a_list_stand_on_lines_of_their_own() -> None:
    texts = ("It has two:", "- tin [1].", "- lead [1].", "Both are soft [1].")
    sentences = tuple(Sentence(text, "supported", (1,)) for text in texts)
    answer = Answer("answered", "Which metals are soft?", sentences)
    shown = "It has two:\n- tin [1].\n- lead [1]. Both are soft [1]."
    assert answer.text == render.answer_text(answer) == shown
    assert render.answer_json(answer)["answer"] == shown
