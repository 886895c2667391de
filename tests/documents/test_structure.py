"""In which list, item and table each block of a document says that it stands, for each format."""

from __future__ import annotations

import pytest

from ragqa.documents.structure import NAME_LENGTH, Items
from tests.reading import parse

Seen = tuple[str, int, str, tuple[str, ...], str]  # kind, level, mark, columns, text


def seen(suffix: str, text: str) -> list[Seen]:
    return [
        (block.kind, block.level, block.mark, block.columns, block.text)
        for block in parse(suffix, text).blocks
    ]


def items(suffix: str, text: str) -> list[tuple[int, str, str]]:
    """Level, mark and text of the blocks."""
    return [(level, mark, shown) for _, level, mark, _, shown in seen(suffix, text)]


def rows(suffix: str, text: str) -> list[tuple[str, tuple[str, ...]]]:
    """The rows below the heads of tables, with their columns."""
    return [(text, columns) for kind, _, _, columns, text in seen(suffix, text)
            if kind == "table_row"]  # fmt: skip


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("a\n\n- b\n* c\n", [(0, "", "a"), (1, "-", "b"), (1, "-", "c")]),
        ("1. a\n1. b\n   - c\n     1) d\n5. e",
         [(1, "1.", "a"), (1, "2.", "b"), (2, "-", "c"), (3, "1)", "d"), (1, "3.", "e")]),
        ("0. a\n1. b\n\n7) c\n8) d",
         [(1, "0.", "a"), (1, "1.", "b"), (1, "7)", "c"), (1, "8)", "d")]),
        ("- [ ] a\n- [x] b\n- [-] c\n- [X] d\n- [/] e\n1. [x] f",
         [(1, "[ ]", "a"), (1, "[x]", "b"), (1, "[-]", "c"), (1, "[X]", "d"), (1, "[/]", "e"),
          (1, "[x]", "f")]),
        ("- a\n\n  [ ] b\n\nc", [(1, "-", "a"), (1, "", "b"), (0, "", "c")]),
        ("- - a\n  - b", [(2, "-", "a"), (2, "-", "b")]),
        ("-\n- a\n\nb", [(1, "-", "a"), (0, "", "b")]),
        ("- #tag\n\n  a", [(1, "-", "a")]),
        ("> - a\n>   b", [(1, "-", "a b")]),
        ("- # a\n- > b\n  > - c", [(1, "-", "a"), (1, "-", "b"), (2, "-", "c")]),
    ],
)  # fmt: skip
def test_items_of_markdown(source: str, expected: list[tuple[int, str, str]]) -> None:
    assert items(".md", source) == expected


def test_all_that_a_markdown_item_holds_has_its_level() -> None:
    text = "1. a\n\n   b\n\n   ```\n   c\n   ```\n   > d\n\n   |e|\n   |-|\n   |f|\n"
    assert seen(".md", text) == [
        ("list_item", 1, "1.", (), "a"), ("list_item", 1, "", (), "b"), ("code", 1, "", (), "c"),
        ("quote", 1, "", (), "d"), ("column_names", 1, "", (), "e"),
        ("table_row", 1, "", ("e",), "f"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("| A | B |\n|-|-|\n| a | b |\n| | c |\n| d |\n",
         [("a | b", ("A", "B")), ("c", ("B",)), ("d", ("A",))]),
        ("| A | | C |\n|-|-|-|\n| a | b | c |\n", [("a | b | c", ("A", "", "C"))]),
        ("| A | B |\n|-|-|\n| a \\| b | c |\n", [("a | b | c", ("A", "A", "B"))]),
        ("| A | B |\n|-|-|\n| a \\| \\| b | a \\| |\n", [("a | | b | a |", ("A", "A", "B"))]),
        ("| **A** x | [B](c) |\n|-|-|\n| *a* | b |\n", [("a | b", ("A x", "B"))]),
        ("| A |\n|-|\n| a |\n\n| B |\n|-|\n| b |\n", [("a", ("A",)), ("b", ("B",))]),
        ("| | |\n|-|-|\n| a | b |\n", [("a | b", ("", ""))]),
    ],
)  # fmt: skip
def test_columns_of_markdown(source: str, expected: list[tuple[str, tuple[str, ...]]]) -> None:
    assert rows(".md", source) == expected


def test_long_name_of_a_column_is_cut() -> None:
    assert rows(".md", f"| {'x' * 500} |\n|-|\n| a |\n") == [("a", ("x" * NAME_LENGTH,))]


def test_items_that_end_without_a_beginning_are_no_error() -> None:
    open_items = Items()
    open_items.leave()
    assert (open_items.level, open_items.mark) == (0, "")
