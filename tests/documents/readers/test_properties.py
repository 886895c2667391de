"""The properties of a note are blocks of it, each where it stands."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ragqa.documents.passages import split
from tests.documents.test_passages import count
from tests.reading import check_document, parse, shown


def properties(*lines: str) -> list[str]:
    return shown(".md", "\n".join(["---", *lines, "---", ""]))


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        (["created: 2023-03-25 10:00", "n: 1.10", "id: 007"],
         ["created: 2023-03-25 10:00", "n: 1.10", "id: 007"]),
        (["status: done # for now", "# a remark", "by: Ann"], ["status: done", "by: Ann"]),
        (["l: [a, 2, 'b, c']", "m:", "  - d", "  - e"], ["l: a, 2, b, c", "m: d, e"]),
        (["up: '[[Parent|shown]] and [[Other]]'", "to: [[Bare]]", "all:", "  - [[A|B]]",
          "  - '![[C]]'"],
         ["up: shown and Other", "to: Bare", "all: B, C"]),
        (["q: \"a \\\"b\\\" c\"", "'k l': it''s"], ['q: a "b" c', "k l: it''s"]),
        (["f: >", "  folded", "  lines", "l: |", "  one", "  two"],
         ["f: folded lines", "l: one two"]),
        (["a: &x here", "b: *x", "c: [*x, d]"], ["a: here", "c: d"]),
        (["title: T", "aliases: [a]", "alias: b", "tags: [c]", "cssclasses: wide", "publish: true",
          "kanban-plugin: board", "Cover: x.png"], []),
        (["a:", "b: ''", "c: []", "d: null", "e: ~", "f: {g: h}", "i: [{j: k}]"], []),
        (["a: 1", "bad: 'x", "l:", "  - b", "  - c"], ["a: 1", "bad: x", "l: b, c"]),
        (["at: {{date}}", "a: []", "b: [c, 'd']", "e: [[F|g]]"], ["b: c, d", "e: g"]),
        (["at: '{{date}}'", "a: b"], ["a: b"]),
        (["{a: b, c: d}"], []),
        (["? a", ": b"], ["a: b"]),
    ],
)  # fmt: skip
def test_properties_read_as_a_person_would(lines: list[str], expected: list[str]) -> None:
    assert properties(*lines) == expected


def test_a_property_stands_where_its_lines_are_and_in_no_section() -> None:
    text = '---\ntitle: T\nlist:\n  - "a b"\n  - c  # last\n---\n# H\n\ntext\n'
    document = parse(".md", text)
    check_document(document)
    block = document.blocks[0]
    assert (block.kind, block.headings, block.line, block.end_line) == ("property", (), 3, 5)
    assert block.source == 'list:\n  - "a b"\n  - c  # last'
    begin, end = block.source_span(block.text.index("a b"), block.text.index("a b") + 3)
    assert block.source[begin:end] == "a b"


def test_properties_are_a_passage_of_their_own() -> None:
    text = "intro\n\n# H\n\ntext\n"
    body = split(parse(".md", text), count, 60)
    first, *rest = split(parse(".md", f"---\na: b\nc: d\n---\n{text}"), count, 60)
    assert first.embedded_text == "H\na: b\nc: d"
    assert [one.embedded_text for one in rest] == [one.embedded_text for one in body]


def test_plain_text_with_front_matter_has_properties() -> None:
    assert shown(".txt", "---\na: b\n---\ntext\n") == ["a: b", "text"]


@given(st.text("ab: \n-[]{}'\"#&*!|>?,\té\u2028", max_size=60))
def test_any_properties_stand_where_they_say(inside: str) -> None:
    text = f"---\nk: v\n{inside}\n---\nbody"
    check_document(parse(".md", text))
