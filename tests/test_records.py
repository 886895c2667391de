"""Blocks and passages know where they stand."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ragqa.records import Answer, Block, Passage, Run, Sentence, contextual_text

#        0         1
#        0123456789012345
SOURCE = "**ab**\n> c&amp;d."
BLOCK = Block(
    "quote", ("H",), "ab c&d.", SOURCE, 10, 3, (Run(0, 2, 2), Run(3, 9, 1), Run(5, 15, 2))
)


def test_ends_of_a_block() -> None:
    assert (BLOCK.end, BLOCK.end_line) == (10 + len(SOURCE), 4)


@pytest.mark.parametrize(
    ("first", "last", "source"),
    [
        (0, 7, SOURCE),  # all of it, markup at both ends included
        (0, 1, "**a"),
        (1, 2, "b"),
        (1, 4, "b**\n> c"),
        (3, 4, "c"),
        (3, 6, "c&amp;d"),
        (5, 7, "d."),
        (4, 5, ""),  # the entity stands in no run
        (2, 3, ""),  # neither does the line break
        (3, 3, ""),
        (-5, 99, SOURCE),
    ],
)
def test_a_span_of_the_text_is_found_in_the_source(first: int, last: int, source: str) -> None:
    begin, end = BLOCK.source_span(first, last)
    assert SOURCE[begin:end] == source


@given(st.integers(0, 7), st.integers(0, 7))
def test_spans_lie_inside_the_source_and_hold_what_they_should(first: int, last: int) -> None:
    begin, end = BLOCK.source_span(first, last)
    assert 0 <= begin <= end <= len(SOURCE)
    aligned = {i for run in BLOCK.runs for i in range(run.text, run.text + run.length)}
    assert (begin < end) == any(i in aligned for i in range(first, last))


def test_a_passage_spans_its_blocks() -> None:
    other = Block("paragraph", ("H",), "end", "end", 40, 9, (Run(0, 0, 3),))
    passage = Passage("T", ("H",), (BLOCK, other))
    assert passage.text == "ab c&d.\nend"
    assert passage.embedded_text == "T > H\nab c&d.\nend"
    assert passage.lines == (3, 9)


@pytest.mark.parametrize(
    ("title", "headings", "expected"),
    [
        (None, (), "text"),
        ("T", (), "T\ntext"),
        ("T", ("T", "A"), "T > A\ntext"),
        (None, ("A", "B", "A"), "A > B\ntext"),
        ("", ("A",), "A\ntext"),
    ],
)
def test_each_name_of_the_path_comes_once(
    title: str | None, headings: tuple[str, ...], expected: str
) -> None:
    assert contextual_text(title, headings, "text") == expected


@pytest.mark.parametrize(
    ("sentence", "line"),
    [
        (Sentence("One is.", "supported"), "One is."),
        (Sentence("one", "supported", kind="item", mark="-", level=1), "- one"),
        (Sentence("one", "supported", kind="item", mark="2.", level=2), "  2. one"),
        (Sentence("goes on", "supported", kind="item", level=2), "  goes on"),
        (Sentence("A: 1; B: 2", "supported", kind="row"), "- A: 1; B: 2"),
        (Sentence("ls\ncd", "supported", kind="code", level=2), "  ls\n  cd"),
    ],
)
def test_a_sentence_stands_behind_its_mark_as_far_in_as_it_is_nested(
    sentence: Sentence, line: str
) -> None:
    assert sentence.line == line


def test_the_text_of_an_answer_has_the_gaps_between_its_sentences() -> None:
    sentences = (
        Sentence("You need:", "supported", kind="lead", gap="\n\n"),
        Sentence("one [1]", "supported", (1,), "item", "\n", "1.", 1),
        Sentence("Two is [2].", "supported", (2,), gap="\n\n"),
        Sentence("It is.", "supported"),
    )
    answer = Answer("answered", "?", sentences)
    assert answer.text == "You need:\n1. one [1]\n\nTwo is [2]. It is."
