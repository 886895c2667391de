"""Blocks from pieces: positions, runs, headings."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from ragqa.documents.blocks import BlockMaker, Fragment, HeadingPath, spaced
from ragqa.records import Run
from tests.reading import check_block


def test_source_reaches_from_the_first_to_the_last_visible_character() -> None:
    text = "x\n **bold** and *more* \n"
    pieces = [
        Fragment(" ", 2),
        Fragment("bold", 5),
        Fragment(" and ", 11),
        Fragment("more", 17),
        Fragment(" ", 22),
    ]
    block = BlockMaker(text).block("paragraph", ("H",), pieces)
    assert block is not None
    assert (block.text, block.source, block.line) == ("bold and more", "bold** and *more", 2)
    assert block.runs == (Run(0, 0, 4), Run(4, 6, 5), Run(9, 12, 4))


def test_bounds_take_in_the_markup_at_the_ends() -> None:
    block = BlockMaker("**bold**").block("paragraph", (), [Fragment("bold", 2)], (0, 8))
    assert block is not None and block.source == "**bold**"


def test_neighbouring_pieces_grow_into_one_run() -> None:
    block = BlockMaker("abc").block("p", (), [Fragment("a", 0), Fragment("b", 1), Fragment("c", 2)])
    assert block is not None and block.runs == (Run(0, 0, 3),)


def test_what_does_not_stand_in_the_file_is_in_no_run() -> None:
    block = BlockMaker("a&amp;b").block(
        "p", (), [Fragment("a", 0), Fragment("&", None), Fragment("b", 6)]
    )
    assert block is not None
    assert (block.text, block.runs) == ("a&b", (Run(0, 0, 1), Run(2, 6, 1)))


def test_pieces_out_of_order_stay_visible_without_a_run() -> None:
    block = BlockMaker("abcd").block("p", (), [Fragment("cd", 2), Fragment("ab", 0)])
    assert block is not None and (block.text, block.runs) == ("cdab", (Run(0, 0, 2),))


def test_nothing_visible_is_no_block() -> None:
    make = BlockMaker("  x Skip to content")
    assert make.block("p", (), []) is None
    assert make.block("p", (), [Fragment("  ", 0)]) is None
    assert make.block("p", (), [Fragment("&", None)]) is None
    assert make.block("p", (), [Fragment("Skip to content", 4)]) is None


@given(st.text("ab \n\t\u00a0é", max_size=40), st.text(" \n", max_size=4))
def test_spaced_text_is_found_where_it_stands(text: str, before: str) -> None:
    whole = before + text
    block = BlockMaker(whole).block("p", (), spaced(text, len(before)))
    assert (block.text if block else "") == " ".join(text.split())
    if block:
        check_block(block, whole)


@given(st.text("a\n", max_size=20))
def test_lines_are_counted_as_editors_do(text: str) -> None:
    make = BlockMaker(text)
    for offset in range(len(text) + 1):
        assert make.line_of(offset) == text.count("\n", 0, offset) + 1
    for line, content in enumerate(text.split("\n")):
        start, end = make.line_start(line), make.line_end(line)
        assert text[start:end].rstrip("\n") == content


def test_a_heading_ends_those_of_its_level_and_below() -> None:
    path = HeadingPath()
    for level, text, expected in [
        (2, "B", ("B",)), (3, "C", ("B", "C")), (3, "", ("B",)), (1, "A", ("A",)),
        (4, "D", ("A", "D")), (2, "E", ("A", "E")),
    ]:  # fmt: skip
        path.enter(level, text)
        assert path.path == expected
