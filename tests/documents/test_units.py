"""Which neighbouring blocks are read as one piece."""

from __future__ import annotations

from dataclasses import replace
from itertools import groupby, pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ragqa.documents.units import (
    MAX_ANSWER,
    MAX_INTRODUCTION,
    introduces,
    is_answered,
    mark_kind,
    with_units,
)
from ragqa.records import Block
from tests.reading import parse


def groups(suffix: str, text: str) -> list[list[str]]:
    """The texts of the blocks of each unit, headings left out."""
    blocks = [block for block in with_units(parse(suffix, text).blocks) if block.kind != "heading"]
    return [
        [block.text for block in unit] for _, unit in groupby(blocks, key=lambda block: block.unit)
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("One is.\n\nTwo is.\n", [["One is."], ["Two is."]]),
        ("You need:\n\n- a\n- b\n\nDone.\n", [["You need:", "a", "b"], ["Done."]]),
        ("**Pros**\n\n- a\n\n**Cons**\n\n- b\n", [["Pros", "a"], ["Cons", "b"]]),
        ("It rests.\n\n- a\n- b\n", [["It rests."], ["a", "b"]]),
        ("What is it?\n\nA lake.\n", [["What is it?", "A lake."]]),
        ("A good host should\n\n- ask\n- listen\n", [["A good host should", "ask", "listen"]]),
        ("- a\n  - b\n    1. c\n- d\n", [["a", "b", "c", "d"]]),
        ("- a\n\n  more of a\n- b\n", [["a", "more of a", "b"]]),
        ("1. a\n2. b\n\nThen rest.\n\n1. c\n2. d\n", [["a", "b"], ["Then rest."], ["c", "d"]]),
        ("1. a\n2. b\n\n- c\n- d\n", [["a", "b"], ["c", "d"]]),
        ("- [ ] a\n- [x] b\n\n1. c\n", [["a", "b"], ["c"]]),
        ("1. a\n\n```\nls\n```\n\n2. b\n", [["a", "ls", "b"]]),
        ("Run this.\n\n```\nls\n```\n", [["Run this.", "ls"]]),
        ("```\nls\n```\n\n```\ncd\n```\n", [["ls"], ["cd"]]),
        (f"{'It is long. ' * MAX_INTRODUCTION}\n\n```\nls\n```\n",
         [[("It is long. " * MAX_INTRODUCTION).strip()], ["ls"]]),
        ("> One is.\n>\n> Two is.\n", [["One is.", "Two is."]]),
        ("|A|B|\n|-|-|\n|1|2|\n|3|4|\n\n|C|\n|-|\n|5|\n",
         [["A | B", "1 | 2", "3 | 4"], ["C", "5"]]),
        ("Prices:\n\n|A|B|\n|-|-|\n|1|2|\n", [["Prices:", "A | B", "1 | 2"]]),
    ],
)  # fmt: skip
def test_units_of_markdown(text: str, expected: list[list[str]]) -> None:
    assert groups(".md", text) == expected


@pytest.mark.parametrize(
    ("suffix", "text", "expected"),
    [
        (".html", "<dl><dt>Ada<dt>Byron<dd>A poet.<dd>A count.<dt>Tin<dd>A metal.</dl>",
         [["Ada", "Byron", "A poet.", "A count."], ["Tin", "A metal."]]),
        (".html", "<table><caption>Prices<tr><th>A<th>B<tr><td>1<td>2<tr><td>5<td>6</table>",
         [["Prices", "A | B", "1 | 2", "5 | 6"]]),
        (".html", "<p>You need<ul><li>a<ul><li>b</ul><li>c</ul><p>Done.",
         [["You need", "a", "b", "c"], ["Done."]]),
        (".txt", "You need:\n\n- a\n- b\n\nDone now.\n", [["You need:", "a", "b"], ["Done now."]]),
        (".txt", "One is.\n\nTwo is.\n", [["One is."], ["Two is."]]),
        (".rst", "Term\n   What it is.\n\nOther\n   What that is.\n",
         [["Term", "What it is."], ["Other", "What that is."]]),
    ],
)  # fmt: skip
def test_units_of_other_formats(suffix: str, text: str, expected: list[list[str]]) -> None:
    assert groups(suffix, text) == expected


def test_a_question_above_a_short_answer_makes_one_unit_of_it() -> None:
    text = "# FAQ\n\n## How do I pay?\n\nBy card.\n\nCash is fine too.\n\n- notes\n"
    assert groups(".md", text) == [["By card.", "Cash is fine too.", "notes"]]
    long = [f"Word {n} " * (MAX_ANSWER // 3) + "ends." for n in range(3)]
    assert len(groups(".md", "# How do I pay?\n\n" + "\n\n".join(long))) == 3
    assert groups(".md", text.replace("?", "")) == [["By card."], ["Cash is fine too."], ["notes"]]


def test_headings_and_pages_end_a_unit() -> None:
    assert groups(".md", "You need:\n\n# Else\n\n- a\n") == [["You need:"], ["a"]]
    lead, item = parse(".md", "You need:\n\n- a\n").blocks
    first, second = with_units([replace(lead, page=1), replace(item, page=2)])
    assert (first.unit, second.unit) == (1, 2)


@pytest.mark.parametrize(
    ("mark", "kind"),
    [("-", "bullet"), ("[ ]", "bullet"), ("[x]", "bullet"), ("1.", "number"), ("b)", "number")],
)
def test_kinds_of_marks(mark: str, kind: str) -> None:
    assert mark_kind(mark) == kind


@pytest.mark.parametrize(
    ("text", "before_text", "before_item"),
    [
        ("You need:", True, True),
        ("**You need:**", True, True),
        ("あなたは：", True, True),
        ("Why so?", True, True),
        ("Pros", True, True),
        ("Rent: 900", False, True),
        ('He said "no."', False, False),
        ("It rains.", False, False),
        ("It rains,", False, False),
        ("Whoever comes to the lake in summer should always bring", False, True),
    ],
)
def test_what_leads_to_what_is_below(text: str, before_text: bool, before_item: bool) -> None:
    [lead] = parse(".txt", f"{text}\n").blocks
    paragraph, item = parse(".md", "Text.\n\n- item\n").blocks
    assert (introduces(lead, paragraph), introduces(lead, item)) == (before_text, before_item)


def test_only_a_heading_that_asks_is_answered() -> None:
    assert is_answered(("T", "How?"))
    assert is_answered(("**Как?**",))
    assert not is_answered(("How?", "Sizes"))
    assert not is_answered(())


BLOCKS = st.builds(
    Block,
    kind=st.sampled_from(
        "paragraph heading list_item code quote caption column_names table_row term definition"
        " property table_header sparse_row".split()
    ),
    headings=st.sampled_from([(), ("H",), ("H", "Why?")]),
    text=st.sampled_from(["a:", "b.", "c", "d " * 60]),
    source=st.just("s"),
    start=st.integers(0, 99),
    line=st.just(1),
    runs=st.just(()),
    page=st.sampled_from([None, 1, 2]),
    level=st.integers(0, 3),
    mark=st.sampled_from(["", "-", "1.", "2.", "[ ]"]),
)


@given(st.lists(BLOCKS, max_size=12))
def test_each_block_is_in_one_unit_and_stays_in_its_place(blocks: list[Block]) -> None:
    numbered = with_units(blocks)
    assert [replace(block, unit=0) for block in numbered] == blocks
    numbers = [block.unit for block in numbered]
    assert numbers[:1] in ([], [1])
    assert all(later - earlier in (0, 1) for earlier, later in pairwise(numbers))
    for one, other in pairwise(numbered):
        if (one.headings, one.page) != (other.headings, other.page):
            assert one.unit < other.unit
