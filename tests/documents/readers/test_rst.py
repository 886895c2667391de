"""reStructuredText: sections, directives, roles, tables, and where it all stands."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.conftest import CORPUS
from tests.reading import aligned_share, check_document, check_template, pages, parse, shown

FRAGMENTS = [
    "{v} *{v}* **{v}** ``{v}``",
    "Section {v}\n=================",
    "{v} \\*{v} {v}\\ s",
    "- {v}\n\n  {v}\n- {v}",
    "1. {v}\n2. {v}",
    "term {v}\n   {v}",
    ":field {v}: {v}",
    "-a  {v}\n--long  {v}",
    "| {v}\n| {v}",
    "..\n\n    {v}\n\n    -- {v}",
    "{v}::\n\n    {v}\n      {v}",
    ">>> {v}\n{v}",
    ".. code-block:: python\n   :linenos:\n\n   {v}\n   {v}",
    ".. note:: {v}\n   {v}",
    ".. tip:: {v}\n\n   {v}",
    ".. seealso:: {v}",
    ".. versionadded:: {v} {v}",
    ".. figure:: {h}.png\n   :width: 3\n\n   {v}",
    ".. only:: html\n\n   {v}",
    ".. tabs::\n\n   .. tab:: {v}\n\n      {v}",
    ".. toctree::\n   :maxdepth: 2\n\n   {h}",
    ".. image:: {h}.png",
    ".. {h} a comment",
    ".. _{h}:",
    ".. raw:: html\n\n   <b>{h}</b>",
    ".. include:: {h}.txt",
    ":ref:`{v} <{h}>` :class:`~{h}.{v}` `{v} <http://{h}.org>`_",
    "+------------+------------+\n| {v:10} | {v:10} |\n+------------+------------+",
    "============ ============\n{v:12} {v:12}\n============ ============",
    ".. list-table::\n\n   * - {v}\n     - {v}\n   * - {v}\n     - {v}",
    ".. csv-table::\n   :header: {v}, {v}\n\n   {v}, {v}",
    ".. rubric:: {v}",
    "{v} :unknown:`{v}`",
    ".. unknown:: {v}\n\n   {v}",
]


@given(pages([fragment.replace(":10}", "}  ").replace(":12}", "}   ") for fragment in FRAGMENTS]))
def test_each_visible_word_is_shown_once(template: str) -> None:
    check_template(".rst", template)


@given(st.text("ab \n\t.:-=*`_|\\<>[]+é", max_size=80))
def test_any_mixture_of_marks_is_read_truly(text: str) -> None:
    if shown(".rst", text):
        check_document(parse(".rst", text))


def outline(text: str) -> list[tuple[str, tuple[str, ...], str]]:
    return [(block.kind, block.headings, block.text) for block in parse(".rst", text).blocks]


def test_sections_form_a_path() -> None:
    text = "====\nMain\n====\n\nIntro.\n\nPart\n----\n\nDetail.\n\nNext\n----\n\n- item\n"
    assert outline(text) == [
        ("heading", ("Main",), "Main"),
        ("paragraph", ("Main",), "Intro."),
        ("heading", ("Main", "Part"), "Part"),
        ("paragraph", ("Main", "Part"), "Detail."),
        ("heading", ("Main", "Next"), "Next"),
        ("list_item", ("Main", "Next"), "item"),
    ]
    assert parse(".rst", text).title == "Main"


def test_a_table_of_contents_takes_no_text_from_the_sections() -> None:
    text = "Main\n====\n\n.. contents::\n\nPart\n----\n\nDetail.\n\nNext\n----\n\nMore.\n"
    assert shown(".rst", text) == ["Main", "Part", "Detail.", "Next", "More."]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("The file \\*.txt is read.", ["The file *.txt is read."]),
        (":ref:`shown <target>` and :py:class:`~a.b.Name`", ["shown and Name"]),
        ("`link <http://x.org>`_ and ``code``", ["link and code"]),
        ("Code::\n\n    x = 1\n\n      y\n", ["Code:", "x = 1\n\n  y"]),
        (">>> 1\n1", [">>> 1\n1"]),
        ("+---+---+\n| a | b |\n+---+---+\n| c | d |\n+---+---+\n", ["a | b", "c | d"]),
        (".. list-table::\n\n   * - one\n\n       more\n     - two\n", ["one more | two"]),
        ("|name| text\n\n.. |name| replace:: Shown", ["Shown text"]),
        (":Author: Ann\n\ntext", ["Author", "Ann", "text"]),
        (".. [1] A source\n\nclaim [1]_", ["A source", "claim"]),
        ("x\n\n.. include:: /etc/passwd\n\n.. raw:: html\n\n   <b>y</b>", ["x"]),
    ],
)
def test_text_is_what_a_reader_sees(text: str, expected: list[str]) -> None:
    assert shown(".rst", text) == expected


def test_an_unknown_directive_is_shown_as_it_stands() -> None:
    text = "A\n=\n\n.. autofoo:: name\n\n   Some content.\n"
    assert shown(".rst", text) == ["A", ".. autofoo:: name\n\n   Some content."]


def test_remarks_of_the_parser_are_not_shown() -> None:
    assert shown(".rst", "A long title\n=====\n\ntext\n") == ["A long title", "text"]


def test_code_and_quotes_are_told_apart() -> None:
    text = "x\n\n.. code-block:: py\n   :linenos:\n\n   def f():\n       pass\n\n..\n\n   said\n"
    assert [(kind, shown) for kind, _, shown in outline(text)] == [
        ("paragraph", "x"), ("code", "def f():\n    pass"), ("quote", "said"),
    ]  # fmt: skip


def test_a_very_long_line_is_read() -> None:
    assert len(shown(".rst", "word " * 3000)[0]) == 14_999


def test_equal_lines_are_found_each_in_its_place() -> None:
    document = parse(".rst", "same\n\n.. same\n\n- same\n\nA\n-\n\nsame\n")
    assert [block.line for block in document.blocks if block.text == "same"] == [1, 5, 10]


@pytest.mark.parametrize("path", sorted((CORPUS / "rst").iterdir()), ids=lambda path: path.stem)
def test_real_documents_are_found_in_their_source(path: Path) -> None:
    document = parse(".rst", path.read_bytes())
    check_document(document)
    assert aligned_share(document) > 0.95
    letters = sum(map(str.isalpha, "".join(block.text for block in document.blocks)))
    assert letters > 0.9 * sum(map(str.isalpha, document.text))
