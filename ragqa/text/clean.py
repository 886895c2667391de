"""Text for a terminal, a pipe or JSON: without what a terminal would obey or a font hides.

Nothing from a document is ever read as markup. Knows no records but errors.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ragqa.text.folding import without_invisible
from ragqa.text.surrogates import encodable

if TYPE_CHECKING:
    from ragqa.errors import RagqaError

VERSION = 1
# C0 and C1 controls but for tab and newline, and the characters that reorder text (Trojan Source).
CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
# What json leaves as it is although a terminal obeys it, or other programs end a line at it.
RAW_IN_JSON = re.compile(r"[\x7f-\x9f\u2028-\u202e\u2066-\u2069]")
ESCAPE_SEQUENCE = re.compile(
    r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[PX^_][^\x1b]*\x1b\\|.)?"
)


def clean(text: str) -> str:
    """Text without escape sequences, control characters and those that hide text."""
    return without_invisible(CONTROL.sub("", ESCAPE_SEQUENCE.sub("", text)))


def clean_line(text: str) -> str:
    """The same on one line: a name with a line break in it must not look like two lines."""
    return clean(text).replace("\n", " ")


def to_json(value: Mapping[str, Any]) -> str:
    """One line of JSON, the contract's version first."""
    document = {"version": VERSION, **value}
    text = encodable(json.dumps(document, ensure_ascii=False))
    return RAW_IN_JSON.sub(lambda match: f"\\u{ord(match[0]):04x}", text)


def error_json(error: RagqaError) -> dict[str, Any]:
    """An error as the contract has it."""
    values = {"code": error.code, "message": error.message, "hint": error.hint}
    return {"error": {**values, "exit_code": error.exit_code}}


def error_line(error: RagqaError) -> str:
    """An error on one line: what happened, then what to do."""
    message = " ".join(clean(error.message).split())
    hint = " ".join(clean(error.hint).split())
    return f"ragqa: {message}; {hint}" if hint else f"ragqa: {message}"
