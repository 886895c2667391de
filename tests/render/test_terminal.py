"""Answers on a terminal of a given width."""

from __future__ import annotations

import io
import re
from pathlib import Path

import pytest

from ragqa.records import Answer, Sentence
from ragqa.render import answer_rich
from ragqa.system.terminal import make_console
from tests.render.examples import CODE, LIST, MATH, TABLE, UNITS, answer, cells, sentence

CODES = {"\x1b[1m": "<b>", "\x1b[2m": "<dim>", "\x1b[1;36m": "<n>", "\x1b[0m": "</>"}
SOURCE = "\n[1] a.md:3-4  A > B\n"


def shown(told: Answer, width: int = 40, **options: bool) -> str:
    file = io.StringIO()
    console = make_console(file=file, width=width)
    console.print(answer_rich(told, Path("/notes"), **options), crop=False)
    return file.getvalue()


def styled(told: Answer, width: int = 60, sources: bool = False) -> str:
    file = io.StringIO()
    console = make_console(
        file=file, width=width, force_terminal=True, color_system="standard", _environ={}
    )
    console.print(answer_rich(told, Path("/notes"), sources=sources), crop=False)
    return re.sub("\x1b.*?m", lambda code: CODES.get(code[0], code[0]), file.getvalue())


def test_a_list_has_its_marks_and_hangs() -> None:
    assert shown(LIST, 26) == (
        "Steps:\nTo make it:\n1. Mix the flour with all\n   of the water.\n  • cold water\n"
        "2. Wait.\n  An hour will do.\n[x] done [1]\n" + SOURCE
    )


def test_rows_are_a_table() -> None:
    assert shown(TABLE) == (
        "Name   Size          \n─────────────────────\nGPT    175 billion   \n"
        "T5     11 billion [1]\n" + SOURCE
    )


def test_rows_of_other_columns_are_another_table() -> None:
    rows = (
        sentence("A: 1; B: 2", "row", cells=cells(A="1", B="2")),
        sentence("A: 1; C: 2", "row", cells=cells(A="1", C="2")),
        sentence("no columns [1]", "row"),
    )
    lines = shown(answer(*rows), sources=False).split("\n")
    assert [line.split() for line in lines if "─" not in line] == [
        ["A", "B"], ["1", "2"], ["A", "C"], ["1", "2"], ["•", "no", "columns"], [],
    ]  # fmt: skip


def test_code_is_neither_wrapped_nor_cut() -> None:
    assert shown(CODE, 20).startswith(
        "Call it so:\n    for x in [1, 2]:\n        print(f'{x}: a | b')  # `a`; $x_1$\n    [1]\n"
    )


def test_a_heading_has_a_line_of_its_own_and_units_stand_apart() -> None:
    assert shown(UNITS) == (
        "It is old. It was made in 1998 [1].\n\nOther:\nIt was sold [1].\n" + SOURCE
    )


def test_the_words_that_answer_are_bold_once() -> None:
    assert "all of the <b>water</>." in styled(LIST)
    assert styled(LIST).count("<b>water") == 1
    start = "It is old. It was made in <b>1998</> <n>[1]</>.\n\n<b>Other:</>\n"
    assert styled(UNITS, sources=True).startswith(start)
    assert "<b>11 billion</> <n>[1]</>" in styled(TABLE, sources=True)


@pytest.mark.parametrize("short", ["GPT; Size", "GPT 175", "175 bill", "1", "Name"])
def test_words_across_cells_or_within_words_are_not_bold(short: str) -> None:
    _, rows = styled(answer(*TABLE.sentences, short=short)).split("───\n")
    assert "<b>" not in rows


def test_mathematics_as_a_reader_sees_it() -> None:
    assert shown(MATH, 60, sources=False) == (
        "Each vector xᵢ has max_tokens and α in C:\\new\\table.\n    xᵢ/2\n"
    )


def test_quotes_are_shown_when_they_are_wanted() -> None:
    told = answer(sentence("A [1]."), quote_text="a quote of some words\nin lines")
    assert shown(told) == "A [1].\n" + SOURCE
    assert shown(told, 20, quotes=True) == (
        "A [1].\n\n[1] a.md:3-4  A > B\n    “a quote of some\n    words\n    in lines”\n"
    )
    assert shown(told, sources=False) == "A.\n"


def test_verdicts_are_shown() -> None:
    told = answer(Sentence("One.", "unsupported"), Sentence("Two [1].", "partly", (1,)))
    assert shown(told, 60, sources=False) == "One. [unsupported] Two. [partly supported]\n"


@pytest.mark.parametrize("kind", ["text", "item", "row", "code", "heading", "lead", "more"])
def test_nothing_of_a_document_is_markup_or_a_command(kind: str) -> None:
    evil = "[bold]a[/bold] [/x] :smile: \x1b[31mb\x1b]0;t\x07 \u202ec \x9b2J"
    told = answer(sentence(evil, kind, mark="\x1b[1m-[b]", cells=((evil, evil), ("x", evil))))
    text = shown(told, 300, quotes=True)
    assert "[bold]a[/bold] [/x] :smile: b c 2J" in text
    assert not set("\x1b\x07\u202e\x9b") & set(text)


def test_a_terminal_that_is_very_narrow() -> None:
    for told in (LIST, TABLE, CODE, UNITS):
        assert shown(told, 1)
