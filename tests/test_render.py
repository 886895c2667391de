"""Answers, hits and reports as text and JSON; nothing in them commands a terminal."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ragqa import render
from ragqa.errors import UsageError
from ragqa.records import Answer, Citation, FailedFile, IndexReport, Sentence, State
from ragqa.text.clean import clean, clean_line, error_json, error_line, to_json
from ragqa.text.injection import without_invisible
from ragqa.text.surrogates import encodable
from tests.hits import hits_of

# What commands a terminal: C0 but for tab and newline, C1, and what reorders text.
COMMANDS = {
    *map(chr, range(32)),
    *map(chr, range(0x7F, 0xA0)),
    *map(chr, range(0x202A, 0x202F)),
    *map(chr, range(0x2066, 0x206A)),
} - {"\t", "\n"}
ANY_TEXT = st.text(st.characters(), max_size=50)
HOSTILE = st.text(
    st.sampled_from(["\x1b", "[", "]", "3", "1", "m", "\x07", "\\", "a", "\x9b", "\n"])
)


def citation(**changes: object) -> Citation:
    values: dict[str, object] = {
        "number": 1,
        "path": "/notes/a.md",
        "title": "A",
        "headings": ("A", "B"),
        "start_line": 3,
        "end_line": 4,
        "start_char": 10,
        "end_char": 20,
        "page": None,
        "quote": "q",
        "quote_text": "q",
    }
    return Citation(**{**values, **changes})  # type: ignore[arg-type]


@given(ANY_TEXT | HOSTILE)
def test_clean_text_has_no_commands_and_keeps_the_rest(text: str) -> None:
    cleaned = clean(text)
    assert not COMMANDS & set(cleaned)
    assert clean(cleaned) == cleaned
    if "\x1b" not in text:
        kept = "".join(char for char in text if char not in COMMANDS)
        assert cleaned == without_invisible(kept)
    assert "\n" not in clean_line(text)


@pytest.mark.parametrize(
    ("text", "cleaned"),
    [
        ("\x1b[31mred\x1b[0m", "red"),
        ("\x1b[2J\x1b[1;1Hhome", "home"),
        ("\x1b]8;;http://x\x1b\\link\x1b]8;;\x1b\\", "link"),
        ("\x1b]0;title\x07text", "text"),
        ("\x1bPdevice\x1b\\text", "text"),
        ("\x1bcreset", "reset"),
        ("a\rb", "ab"),
        ("\u202egnp.exe\u202c", "gnp.exe"),
        ("\u2066a\u2069 \u05d0", "a \u05d0"),
        ("tab\tnewline\n", "tab\tnewline\n"),
        ("[/x] [bold]b[/bold] :smile:", "[/x] [bold]b[/bold] :smile:"),
    ],
)
def test_clean(text: str, cleaned: str) -> None:
    assert clean(text) == cleaned


@given(ANY_TEXT)
def test_json_is_one_line_without_commands_and_loses_nothing(text: str) -> None:
    line = to_json({"text": text})
    assert json.loads(line) == {"version": 1, "text": encodable(text)}
    assert len(line.splitlines()) == 1
    assert not COMMANDS & set(line)
    line.encode()


def test_json_keeps_letters_of_all_languages() -> None:
    assert to_json({"a": "Łódź ☕ 日本"}) == '{"version": 1, "a": "Łódź ☕ 日本"}'


def test_an_answer_without_sentences_is_no_text() -> None:
    assert render.answer_plain(Answer("not_in_documents", "q")) == ""


def test_verdicts_are_shown_where_a_sentence_is_not_supported() -> None:
    sentences = (
        Sentence("One [1].", "supported", (1,)),
        Sentence("Two [1].", "partly", (1,)),
        Sentence("Three.", "unsupported"),
    )
    answer = Answer("answered", "q", sentences, (citation(),))
    assert render.answer_plain(answer) == (
        "One [1]. Two [1]. [partly supported] Three. [unsupported]\n\n[1] /notes/a.md:3-4  A > B\n"
    )


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        ({"end_line": 3}, "[1] /notes/a.md:3  A > B"),
        ({"page": 7}, "[1] /notes/a.md:p7  A > B"),
        ({"headings": ()}, "[1] /notes/a.md:3-4  A"),
        ({"headings": (), "title": ""}, "[1] /notes/a.md:3-4"),
        ({"stale": True}, "[1] /notes/a.md:3-4  A > B (changed since it was indexed)"),
        ({"also_in": ("/b.md", "/c.md")}, "[1] /notes/a.md:3-4  A > B (also in /b.md, /c.md)"),
        ({"headings": ("A\n[2] /etc/passwd:1",)}, "[1] /notes/a.md:3-4  A [2] /etc/passwd:1"),
        ({"path": "/a\n[2] x\x1b[1m.md"}, "[1] /a [2] x.md:3-4  A > B"),
    ],
)
def test_a_source_is_one_line(changes: dict[str, object], line: str) -> None:
    assert render.source_lines([citation(**changes)]) == [line]


@pytest.mark.parametrize("state", ["answered", "not_in_documents", "unsupported"])
def test_an_answer_as_json_has_the_keys_of_the_contract(state: State) -> None:
    document = render.answer_json(Answer(state, "q"))
    assert list(document) == [
        "state", "question", "answer", "short", "confidence", "sentences", "citations", "models",
        "index", "timings_ms", "warnings",
    ]  # fmt: skip
    assert (document["answer"], document["short"], document["confidence"]) == ("", None, None)


def test_paths_are_shown_from_the_folder_on_in_which_a_command_was_given(tmp_path: Path) -> None:
    assert render.short_path(str(tmp_path / "a" / "b.md"), tmp_path) == "a/b.md"
    assert render.short_path("/elsewhere/b.md", tmp_path) == "/elsewhere/b.md"
    assert render.short_path("stdin", tmp_path) == "stdin"


def test_a_report_in_one_line() -> None:
    report = IndexReport(1, 2, 3, 4, 5, (FailedFile("/a\nb", "why\x1b[1m"),), 6, 7, 8, 1.25)
    counts = "1 added, 2 changed, 3 moved, 4 removed, 5 unchanged, 1 failed"
    assert render.report_plain(report) == f"{counts}; 6 passages, 7 embedded; 1.2 s\n"
    would = render.report_plain(report, dry_run=True)
    assert would == f"would be: {counts}; 6 passages, 7 to embed; 1.2 s\n"
    assert render.failed_lines(report) == ["failed: /a b: why"]


def test_a_table() -> None:
    rows = [("a", "1"), ("", ""), ("long\n name", "\x1b[1mx\ny"), ("b", "")]
    assert render.table_plain(rows) == "a           1\n\nlong  name  x y\nb\n"
    assert render.table_plain([]) == ""


@pytest.mark.parametrize(
    ("size", "text"),
    [(0, "0.0 kB"), (99_999, "100.0 kB"), (100_000, "0.1 MB"), (90_868_376, "90.9 MB")],
)
def test_sizes(size: int, text: str) -> None:
    assert render.size_text(size) == text


def test_an_error_is_one_line() -> None:
    assert error_line(UsageError("a\n  b\x1b[1m", "do\nc")) == "ragqa: a b; do c"
    assert error_line(UsageError("a")) == "ragqa: a"
    assert error_json(UsageError("a", "b")) == {
        "error": {"code": "usage", "message": "a", "hint": "b", "exit_code": 2}
    }


def test_what_links_to_a_hit_is_one_bounded_line_and_whole_in_json() -> None:
    hits = hits_of("text")
    linked = {"/notes/a.md": [f"/{n}\n.md" for n in range(10)]}
    line = render.hits_plain(hits, linked).splitlines()[-1]
    assert line == "   linked from: " + ", ".join(f"/{n} .md" for n in range(8)) + " and 2 more"
    assert "linked from" not in render.hits_plain(hits, {"/notes/a.md": []})
    assert "linked_from" not in render.hits_json("q", hits)["hits"][0]
    assert render.hits_json("q", hits, linked)["hits"][0]["linked_from"] == linked["/notes/a.md"]


def test_items_of_a_list_stand_on_lines_of_their_own() -> None:
    texts = {"It has two:": " ", "- tin [1].": "\n", "- lead [1].": "\n", "Both are soft [1].": " "}
    sentences = tuple(Sentence(one, "supported", (1,), gap=gap) for one, gap in texts.items())
    answer = Answer("answered", "Which metals are soft?", sentences)
    shown = "It has two:\n- tin [1].\n- lead [1]. Both are soft [1]."
    assert answer.text == render.answer_text(answer) == shown
    assert render.answer_json(answer)["answer"] == shown
