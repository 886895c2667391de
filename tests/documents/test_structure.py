"""In which list, item and table each block of a document says that it stands, for each format."""

from __future__ import annotations

import pytest

from ragqa.documents.lists import Items, in_style
from ragqa.documents.tables import NAME_LENGTH, REPEATED_LENGTH, ROWS
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
            if kind in ROWS]  # fmt: skip


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


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("<ul><li>a<p>b</p><li>c<ul><li>d</ul>e</ul>f",
         [(1, "-", "a"), (1, "", "b"), (1, "-", "c"), (2, "-", "d"), (1, "", "e"), (0, "", "f")]),
        ("<ol start=3><li>a<li>b</ol><ol><li>c</ol>",
         [(1, "3.", "a"), (1, "4.", "b"), (1, "1.", "c")]),
        ("<ol type=a><li>a<li value=27>b</ol><ol type=I start=4><li>c<li>d</ol>",
         [(1, "a.", "a"), (1, "aa.", "b"), (1, "IV.", "c"), (1, "V.", "d")]),
        ("<ol reversed><li>a<ol reversed start=1><li>b<li>c</ol><li>d<li></ol>",
         [(1, "3.", "a"), (2, "1.", "b"), (2, "0.", "c"), (1, "2.", "d")]),
        ("<ol start=x><li>a</ol><ol type=aI><li>b</ol>", [(1, "1.", "a"), (1, "1.", "b")]),
        ("<ul>a<li>b</ul><li>c</li>", [(0, "", "a"), (1, "-", "b"), (1, "-", "c")]),
        ("<ul><li><ul><li></ul>a</ul><p>b", [(1, "", "a"), (0, "", "b")]),
        ("<ul><li></ul><p>a", [(0, "", "a")]),
        ("<ol><li><pre>a</pre><blockquote>b</blockquote></ol>", [(1, "1.", "a"), (1, "", "b")]),
    ],
)  # fmt: skip
def test_items_of_html(source: str, expected: list[tuple[int, str, str]]) -> None:
    assert items(".html", source) == expected


def test_html_in_an_item_of_markdown_stands_in_it() -> None:
    text = "- a\n\n  <ol><li>b<li>c</ol>\n-\n  <p>d</p>\n"
    assert items(".md", text) == [
        (1, "-", "a"), (2, "1.", "b"), (2, "2.", "c"), (1, "-", "d"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("Tea is:\n- a\n  goes on\n  * b\n\t• c\n- d",
         [(0, "", "Tea is:"), (1, "-", "a goes on"), (2, "-", "b"), (3, "-", "c"), (1, "-", "d")]),
        ("1. a\n2) b\n(3) c\n   10. d",
         [(1, "1.", "a"), (1, "2)", "b"), (1, "(3)", "c"), (2, "10.", "d")]),
        ("  9. a\n 10. b\n100. c", [(1, "9.", "a"), (1, "10.", "b"), (1, "100.", "c")]),
        ("- a\n\n  - b\n\n    in b.\n\n  in a.\n\nout.\n\n  out, too.",
         [(1, "-", "a"), (2, "-", "b"), (2, "", "in b."), (1, "", "in a."), (0, "", "out."),
          (0, "", "out, too.")]),
        ("- a\n    - b\n  - c", [(1, "-", "a"), (2, "-", "b"), (2, "-", "c")]),
        ("- a\n\nHead\n\n  b.", [(1, "-", "a"), (0, "", "Head"), (0, "", "b.")]),
        ("  a.\n\n  - b", [(0, "", "a."), (1, "-", "b")]),
    ],
)  # fmt: skip
def test_items_of_plain_text(source: str, expected: list[tuple[int, str, str]]) -> None:
    assert items(".txt", source) == expected


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("- a\n\n  b\n\n  * c\n\n    ::\n\n      d\n- e\n\nf",
         [(1, "-", "a"), (1, "", "b"), (2, "-", "c"), (2, "", "d"), (1, "-", "e"), (0, "", "f")]),
        ("3. a\n#. .. x\n#. b\n\n(a) c\n(b) d\n\nI) e\nII) f",
         [(1, "3.", "a"), (1, "5.", "b"), (1, "(a)", "c"), (1, "(b)", "d"), (1, "I)", "e"),
          (1, "II)", "f")]),
        ("- 1. a\n  2. b\n- .. note:: c", [(2, "1.", "a"), (2, "2.", "b"), (1, "-", "c")]),
    ],
)  # fmt: skip
def test_items_of_rst(source: str, expected: list[tuple[int, str, str]]) -> None:
    assert items(".rst", source) == expected


GRID = """
+---+---+---+
| A | B     |
+===+===+===+
| a | b | c |
|   +---+---+
|   | d     |
+---+---+---+
| e | f | g |
|   +---+   |
|   |   |   |
+---+---+---+
"""


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        (GRID,
         [("a | b | c", ("A", "B", "B")), ("a | d", ("A", "B")), ("e | f | g", ("A", "B", "B"))]),
        ("== ==\nA  B\n== ==\na\nb  c\n== ==\n", [("a", ("A",)), ("b | c", ("A", "B"))]),
        (".. list-table::\n   :header-rows: 1\n\n   * - A\n     - B\n   * - a\n\n       b\n     -",
         [("a b", ("A",))]),
        (".. csv-table::\n\n   a, b", [("a | b", ())]),
    ],
)  # fmt: skip
def test_columns_of_rst(source: str, expected: list[tuple[str, tuple[str, ...]]]) -> None:
    assert rows(".rst", source) == expected


def test_captions_terms_and_definitions_of_rst_are_told() -> None:
    text = "a : b\n  c\n\n  - d\n\n:e: f\n\n-g  h\n\n.. table:: i\n\n   == ==\n   j  k\n   == ==\n"
    assert [(kind, level, shown) for kind, level, _, _, shown in seen(".rst", text)] == [
        ("term", 0, "a"), ("term", 0, "b"), ("definition", 0, "c"), ("list_item", 1, "d"),
        ("term", 0, "e"), ("definition", 0, "f"), ("term", 0, "-g"), ("definition", 0, "h"),
        ("caption", 0, "i"), ("table_row", 0, "j | k"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("suffix", "text"),
    [
        (".md", "|A|B|\n|-|-|\n|a|b|\n|a||"),
        (".html", "<table><tr><th>A<th>B<tr><td>a<td>b<tr><td>a<td></table>"),
        (".rst", "== ==\nA  B\n== ==\na  b\na\n== =="),
    ],
)
def test_a_row_with_an_empty_cell_is_a_kind_of_its_own(suffix: str, text: str) -> None:
    kinds = ["column_names", "table_row", "sparse_row"]
    assert [kind for kind, *_ in seen(suffix, text)] == kinds


HEAD = "<tr><th>A<th>B<th>C</tr>"


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        (HEAD + "<tr><td>a<td>b<td>c<tr><td><td>b<td>",
         [("a | b | c", ("A", "B", "C")), ("b |", ("B",))]),
        (HEAD + "<tr><td>a<td><td>c<tr><td>a<td><td>",
         [("a | | c", ("A", "C")), ("a | |", ("A", ""))]),
        (HEAD + "<tr><th>a<td>b | d<td>c", [("a | b | d | c", ("A", "B", "B", "C"))]),
        (HEAD + "<tr><td>a<td colspan=2>b<tr><td colspan=3>c",
         [("a | b", ("A", "B, C")), ("c", ("",))]),
        (HEAD + "<tr><td rowspan=2>a<td>b<td>c<tr><td>d<td>e<tr><td>f",
         [("a | b | c", ("A", "B", "C")), ("a | d | e", ("A", "B", "C")), ("f", ("A",))]),
        (HEAD + "<tr><td>a<td rowspan=0>b<td>c<tr><td>d<tr></tr><tr><td>e<td>f",
         [("a | b | c", ("A", "B", "C")), ("d | b", ("A", "B")), ("e | b | f", ("A", "B", "C"))]),
        (HEAD + "<tr><td>a<td>b<td rowspan=2>c<tr><td><p>d</p><td><p>e</p><p>f</p></td></tr>",
         [("a | b | c", ("A", "B", "C")), ("d", ("A",)), ("e", ("B",)), ("f", ("B",))]),
        ("<thead><tr><td rowspan=2>A<td colspan=2>B<tr><td>x<td>y<tbody><tr><td>a<td>b<td>c",
         [("a | b | c", ("A", "B x", "B y"))]),
        ("<tr><th colspan=2>Title" + HEAD + "<tr><td>a<tr><th>Part<tr><td>b<tr><th>D<th>E<tr><td>c"
         "<td>d",
         [("a", ("A",)), ("b", ("A",)), ("c | d", ("D", "E"))]),
        ("<tr><th>a<td>b<tr><th><p>c</p><td><p>d</p>", [("a | b", ()), ("c", ()), ("d", ())]),
        ("<tr><td>a<td>b", [("a | b", ())]),
        (HEAD + "<tr><td>a<td><table><tr><th>D<tr><td>d</table>b<td>c",
         [("a |", ("A",)), ("d", ("D",)), ("b | c", ("B", "C"))]),
        (f"<tr><th>{'x' * 500}<tr><td rowspan=2>{'y' * 600}<tr><td>z",
         [("y" * 600, ("x" * NAME_LENGTH,)), ("z", ("",))]),
        ("<tr><th colspan=99999999>A<th>B<tr><td>a<td rowspan=99999999>b<tr><td>c",
         [("a | b", ("A", "A")), ("c | b", ("A", "A"))]),
    ],
)  # fmt: skip
def test_columns_of_html(source: str, expected: list[tuple[str, tuple[str, ...]]]) -> None:
    assert rows(".html", f"<table>{source}</table>") == expected


def test_rows_outside_of_a_table_have_columns_too() -> None:
    text = "<div><tr><th>A<th>B</tr><tr><td>a<td>b</tr></div>"
    assert rows(".md", text) == [("a | b", ("A", "B"))]


def test_cells_from_above_make_no_row_grow_without_bound() -> None:
    cells = "<td rowspan=9>" + "x" * 99
    row = rows(".html", f"<table><tr>{cells * 20}<tr><td>y</table>")[1][0]
    assert row.endswith("y") and 400 < len(row) < REPEATED_LENGTH + 100


def test_captions_terms_and_definitions_of_html_are_told() -> None:
    text = (
        "<table><caption>a</caption><tr><td>b</table><dl><dt>c<dt>d<dd>e<p>f</p><ul><li>g</ul></dl>"
    )
    assert [(kind, level, shown) for kind, level, _, _, shown in seen(".html", text)] == [
        ("caption", 0, "a"), ("table_row", 0, "b"), ("term", 0, "c"), ("term", 0, "d"),
        ("definition", 0, "e"), ("definition", 0, "f"), ("list_item", 1, "g"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("number", "style", "shown"),
    [(3, "1", "3"), (26, "a", "z"), (27, "A", "AA"), (703, "a", "aaa"), (1994, "i", "mcmxciv"),
     (4, "I", "IV"), (0, "a", "0"), (-1, "I", "-1"), (4000, "i", "4000")],
)  # fmt: skip
def test_numbers_in_letters_and_roman_numerals(number: int, style: str, shown: str) -> None:
    assert in_style(number, style) == shown


def test_items_that_end_without_a_beginning_are_no_error() -> None:
    open_items = Items()
    open_items.leave()
    assert (open_items.level, open_items.mark) == (0, "")
