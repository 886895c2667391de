"""Answers as plain text and JSON."""

from __future__ import annotations

from pathlib import Path

import pytest

from ragqa import render
from ragqa.records import Answer, Sentence, State
from tests.render.examples import CODE, LIST, MATH, TABLE, UNITS, answer, citation, sentence


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
        "state", "question", "answer", "short", "confidence", "sentences", "citations", "nearest",
        "models",
        "index", "timings_ms", "warnings",
    ]  # fmt: skip
    assert (document["answer"], document["short"], document["confidence"]) == ("", None, None)


def test_paths_are_shown_from_the_folder_on_in_which_a_command_was_given(tmp_path: Path) -> None:
    assert render.short_path(str(tmp_path / "a" / "b.md"), tmp_path) == "a/b.md"
    assert render.short_path("/elsewhere/b.md", tmp_path) == "/elsewhere/b.md"
    assert render.short_path("stdin", tmp_path) == "stdin"


SOURCE = "\n[1] /notes/a.md:3-4  A > B\n"


@pytest.mark.parametrize(
    ("told", "shown"),
    [
        (
            LIST,
            "Steps:\nTo make it:\n1. Mix the flour with all of the water.\n  - cold water\n"
            "2. Wait.\nAn hour will do.\n[x] done [1]\n",
        ),
        (TABLE, "- Name: GPT; Size: 175 billion\n- Name: T5; Size: 11 billion [1]\n"),
        (
            CODE,
            "Call it so:\nfor x in [1, 2]:\n    print(f'{x}: a | b')  # `a`; $x_1$\n[1]\n",
        ),
        (UNITS, "It is old. It was made in 1998 [1].\n\nOther: It was sold [1].\n"),
        (MATH, "Each vector xᵢ has max_tokens and α in C:\\new\\table [1].\nxᵢ/2\n[1]\n"),
    ],
)
def test_an_answer_as_plain_text(told: Answer, shown: str) -> None:
    assert render.answer_plain(told) == shown + SOURCE
    alone = shown.replace("\n[1]\n", "\n").replace(" [1]", "")
    assert render.answer_plain(told, sources=False) == alone


def test_markers_alone_are_left_out_with_the_sources() -> None:
    told = answer(sentence("The list [2] of [1] has [1].)", gap=""), sentence("so [1]", gap=" "))
    shown = render.answer_plain(told, sources=False)
    assert shown == "The list [2] of [1] has.) so\n"


def test_code_that_ends_like_a_sentence_stays_whole() -> None:
    shown = render.answer_plain(answer(sentence("x = 1 [1];\n", "code")))
    assert shown == f"x = 1;\n[1]\n{SOURCE}"


def test_quotes_below_their_sources() -> None:
    told = answer(sentence("A [1]."), quote_text="one\x1b[1m\n\n  two  ", headings=("A",))
    shown = "A [1].\n\n[1] /notes/a.md:3-4  A\n    “one\n      two”\n"
    assert render.answer_plain(told, quotes=True) == shown
    assert render.answer_plain(MATH, quotes=True).endswith("    “Each vector xᵢ has\n    xᵢ/2”\n")


@pytest.mark.parametrize(
    ("told", "line"),
    [
        (LIST, "water"),
        (UNITS, "1998"),
        (
            answer(*LIST.sentences),
            "Steps: To make it: 1. Mix the flour with all of the water. - cold water 2. Wait. "
            "An hour will do. [x] done",
        ),
        (answer(*UNITS.sentences), "It is old. It was made in 1998."),
        (answer(sentence("A\nb\x1b[1m [1]. ", "code")), "A b."),
        (answer(sentence("x_1 [1].", gap=""), short="x_1", quote="$x_1$"), "x₁"),
    ],
)
def test_an_answer_on_one_line(told: Answer, line: str) -> None:
    assert render.answer_short(told) == f"{line}\n"


def test_no_line_without_an_answer() -> None:
    assert render.answer_short(Answer("not_in_documents", "q")) == ""
    assert render.answer_short(Answer("answered", "q", short="1")) == ""  # --strict left nothing


def test_json_has_the_text_as_it_was_read() -> None:
    document = render.answer_json(MATH)
    assert document["answer"] == MATH.text
    assert document["sentences"][0] == {
        "text": MATH.sentences[0].text, "support": "supported", "citations": (1,), "kind": "text",
        "mark": "", "level": 0,
    }  # fmt: skip
    item = render.answer_json(LIST)["sentences"][3]
    assert (item["kind"], item["mark"], item["level"]) == ("item", "-", 2)
