"""Plain text: paragraphs, bullets, what looks like a heading, Markdown in disguise."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.reading import aligned_share, check_document, check_template, pages, parse, shown

FRAGMENTS = [
    "{v} {v}\n{v}.",
    "Title {v}\n=====",
    "====\n{v}\n====",
    "Sub {v}\n-----\n{v} text.",
    "1. Section {v}",
    "Bare heading {v}",
    "• {v}\n• {v}\n  {v}",
    "- {v}\n* {v}\n1) {v}\n(2) {v}",
    "   {v}\t{v}   ",
    "-----",
]


@given(pages(FRAGMENTS))
def test_every_word_is_shown_once_in_order(template: str) -> None:
    check_template(".txt", template)


@given(st.text("aB1 \n\t.:-=*•#>é\u00a0\u2028\x0c", max_size=80))
def test_any_text_is_read_truly_and_wholly(text: str) -> None:
    if texts := shown(".txt", text):
        document = parse(".txt", text)
        check_document(document)
        if not any(mark in text for mark in "#*"):
            letters = [char for char in text if char.isalpha()]
            assert [char for char in " ".join(texts) if char.isalpha()] == letters


def outline(text: str) -> list[tuple[str, tuple[str, ...], str]]:
    return [(block.kind, block.headings, block.text) for block in parse(".txt", text).blocks]


def test_underlined_headings_have_two_levels() -> None:
    text = "Main\n====\n\nIntro text.\n\nPart\n----\nDetail text.\n"
    assert outline(text) == [
        ("heading", ("Main",), "Main"),
        ("paragraph", ("Main",), "Intro text."),
        ("heading", ("Main", "Part"), "Part"),
        ("paragraph", ("Main", "Part"), "Detail text."),
    ]
    assert parse(".txt", text).title == "Main"


def test_a_heading_between_two_lines() -> None:
    assert outline("=====\nMain\n=====\n\nText.")[0] == ("heading", ("Main",), "Main")


def test_headings_of_a_scraped_page() -> None:
    text = "Skip to content\n\nOutput\n\nA sentence here.\n\n1. What is it?\n\nAnother sentence.\n"
    assert outline(text) == [
        ("heading", ("Output",), "Output"),
        ("paragraph", ("Output",), "A sentence here."),
        ("heading", ("1. What is it?",), "1. What is it?"),
        ("paragraph", ("1. What is it?",), "Another sentence."),
    ]


@pytest.mark.parametrize(
    "line", ["A sentence.", "not a capital", "So long " * 20, "List:", "• Item", "42"]
)
def test_other_lines_are_no_headings(line: str) -> None:
    assert outline(f"{line}\n\nText follows here.")[0][0] != "heading"


def test_the_last_line_is_no_heading() -> None:
    assert outline("Text here.\n\nThe End")[-1][0] == "paragraph"


def test_bullets_are_items_without_their_mark() -> None:
    text = "  • one\n  • two\n    goes on\n  1. three\n"
    assert outline(text) == [
        ("list_item", (), "one"), ("list_item", (), "two goes on"), ("list_item", (), "three"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    "text",
    [
        "---\ntitle: T\n---\n# Head\n\nplain words",
        "# Head\n\nsome **bold** words",
        "## Head\n\nsee [this](http://x.org)",
    ],
)
def test_markdown_is_recognised(text: str) -> None:
    document = parse(".txt", text)
    everything = " ".join(block.text for block in document.blocks)
    assert not any(mark in everything for mark in ("#", "**", "](", "---", "title:"))


@pytest.mark.parametrize("text", ["# a comment\nx = 1\n", "price * 2 and 3 * 4", "issue #12"])
def test_a_mark_alone_is_no_markdown(text: str) -> None:
    assert "".join(shown(".txt", text)).split() == text.split()


def test_all_of_it_stands_in_the_file() -> None:
    assert aligned_share(parse(".txt", "Head\n\na b  c\n  d\n\n• e f\n")) > 0.8


def test_a_large_paragraph_is_read_in_time() -> None:
    check_document(parse(".txt", "word " * 50_000))
