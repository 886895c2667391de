"""What a terminal, a pipe and JSON are given; nothing in it commands a terminal."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ragqa.errors import UsageError
from ragqa.text.clean import clean, clean_line, error_json, error_line, to_json
from ragqa.text.folding import without_invisible
from ragqa.text.surrogates import encodable

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


def test_an_error_is_one_line() -> None:
    assert error_line(UsageError("a\n  b\x1b[1m", "do\nc")) == "ragqa: a b; do c"
    assert error_line(UsageError("a")) == "ragqa: a"
    assert error_json(UsageError("a", "b")) == {
        "error": {"code": "usage", "message": "a", "hint": "b", "exit_code": 2}
    }
