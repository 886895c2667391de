"""Answers as Markdown; nothing of a document is read as markup in it."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from mdit_py_plugins.dollarmath import dollarmath_plugin

from ragqa.records import Answer
from ragqa.render import answer_markdown
from ragqa.render.markdown import escaped
from tests.render.examples import CODE, LIST, MATH, TABLE, UNITS, answer, cells, sentence

LINK = "[\\[1\\]](file:///notes/a.md#L3-L4)"
SOURCE = "\n---\n\n- \\[1\\] [a.md:3-4](file:///notes/a.md#L3-L4) A > B\n"
MARKUP = st.text(
    st.sampled_from("*_`[]()<>#|~$^&;=%!+-.0123:/\\ax \t\nЖ"), min_size=1, max_size=30
).filter(str.strip)


def shown(told: Answer, **options: bool) -> str:
    return answer_markdown(told, Path("/notes"), **options)


def reader() -> MarkdownIt:
    return MarkdownIt("commonmark").enable(["table", "strikethrough"]).use(dollarmath_plugin)


@pytest.mark.parametrize(
    ("told", "text"),
    [
        (
            LIST,
            "**Steps:**\n\nTo make it:\n\n1. Mix the flour with all of the water.\n"
            f"   - cold water\n2. Wait.\n\n   An hour will do.\n\n- [x] done {LINK}\n",
        ),
        (
            TABLE,
            "| Name | Size |\n| --- | --- |\n| GPT | 175 billion |\n"
            f"| T5 | 11 billion {LINK} |\n",
        ),
        (
            CODE,
            "Call it so:\n\n```\nfor x in [1, 2]:\n    print(f'{x}: a | b')  # `a`; $x_1$\n```\n\n"
            f"{LINK}\n",
        ),
        (UNITS, f"It is old. It was made in 1998 {LINK}.\n\n**Other:**\n\nIt was sold {LINK}.\n"),
        (
            MATH,
            f"Each vector xᵢ has max_tokens and α in C:\\\\new\\\\table {LINK}.\n\n"
            f"```\nxᵢ/2\n```\n\n{LINK}\n",
        ),
    ],
)  # fmt: skip
def test_an_answer_as_markdown(told: Answer, text: str) -> None:
    assert shown(told) == text + SOURCE
    alone = text.replace(f"\n{LINK}\n", "").replace(f" {LINK}", "")
    assert shown(told, sources=False).rstrip() == alone.rstrip()


def test_no_text_without_an_answer() -> None:
    assert shown(Answer("not_in_documents", "q")) == ""


def test_quotes_stand_below_their_sources() -> None:
    told = answer(sentence("A [1]."), quote_text="# one\n*two*")
    assert shown(told, quotes=True).endswith("A > B\n  > “\\# one\\\n  > \\*two\\*”\n")


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        ({"path": "/notes/a b(c).md", "end_line": 3},
         "- \\[1\\] [a b(c).md:3](file:///notes/a%20b%28c%29.md#L3) A > B"),
        ({"path": "stdin"}, "- \\[1\\] stdin:3-4 A > B"),
        ({"page": 7}, "- \\[1\\] [a.md:p7](file:///notes/a.md#page=7) A > B"),
        ({"path": "/x/[a](b).md", "headings": ("<b>", "c"), "stale": True},
         "- \\[1\\] [/x/\\[a\\](b).md:3-4](file:///x/%5Ba%5D%28b%29.md#L3-L4)"
         " \\<b> > c (changed since it was indexed)"),
    ],
)  # fmt: skip
def test_a_source_is_a_link(changes: dict[str, object], line: str) -> None:
    assert shown(answer(sentence("A."), **changes)).splitlines()[-1] == line


def test_a_number_that_does_not_go_on_is_text() -> None:
    told = answer(
        sentence("two", "item", mark="2.", level=1),
        sentence("three", "item", mark="3.", level=1),
        sentence("five", "item", mark="5.", level=1),
        sentence("b", "item", mark="b)", level=1),
    )
    assert shown(told, sources=False) == "2. two\n3. three\n- 5\\. five\n- b) b\n"


def test_an_item_without_its_parents_is_no_code_and_two_lists_stay_two() -> None:
    told = answer(
        sentence("deep", "item", mark="-", level=4),
        sentence("first", "item", gap="\n\n", mark="1.", level=1),
    )
    assert shown(told, sources=False) == "- deep\n\n<!-- -->\n\n1. first\n"


def test_a_fence_is_longer_than_those_in_the_code() -> None:
    told = answer(sentence("````\n```", "code"))
    assert shown(told, sources=False) == "`````\n````\n```\n`````\n"


@given(MARKUP)
def test_an_escaped_text_is_read_as_itself(text: str) -> None:
    tokens = reader().parse(escaped(text))
    assert [token.type for token in tokens] == ["paragraph_open", "inline", "paragraph_close"]
    children = tokens[1].children or []
    assert {token.type for token in children} == {"text"}
    assert "".join(token.content for token in children) == " ".join(text.split())


@given(MARKUP, st.sampled_from(["text", "item", "row", "heading", "lead", "more"]))
def test_no_text_changes_what_stands_around_it(text: str, kind: str) -> None:
    def types(of: str) -> list[str]:
        row = cells(A=of, B=of) if kind == "row" else ()
        one = sentence(of, kind, mark="-" * (kind == "item"), level=kind == "item", cells=row)
        tokens = reader().parse(shown(answer(one, sentence("end", gap="\n\n")), sources=False))
        inner = [child.type for token in tokens for child in token.children or ()]
        return [token.type for token in tokens] + [one for one in inner if one != "text"]

    assert types(text) == types("x")


def test_obsidian_and_entities() -> None:
    assert escaped("#tag ==a== %%b%% [[c]] ^id &amp; &#35; a & b, a_b _c_ 5%") == (
        r"\#tag \==a\== \%%b\%% \[\[c\]\] \^id \&amp; \&#35; a & b, a_b \_c\_ 5%"
    ).replace(r"\&#35;", r"\&\#35;")
