"""Answer, hits, reports -> terminal, plain text, Markdown, JSON (version 1 of the contract).

Knows nothing of how they were made. Nothing from a document is ever read as markup, and control
characters are taken out before a terminal or a pipe sees them.
"""

from __future__ import annotations

from ragqa.render.answers import (
    answer_json,
    answer_plain,
    answer_short,
    answer_text,
    nearest_lines,
    sentence_text,
    source_lines,
)
from ragqa.render.hits import hits_json, hits_plain, hits_rich, trace_json, trace_plain
from ragqa.render.index import failed_lines, report_json, report_plain, size_text, table_plain
from ragqa.render.markdown import answer_markdown
from ragqa.render.places import place, short_path
from ragqa.render.terminal import answer_rich

__all__ = [
    "answer_json",
    "answer_markdown",
    "answer_plain",
    "answer_rich",
    "answer_short",
    "answer_text",
    "failed_lines",
    "hits_json",
    "hits_plain",
    "hits_rich",
    "nearest_lines",
    "place",
    "report_json",
    "report_plain",
    "sentence_text",
    "short_path",
    "size_text",
    "source_lines",
    "table_plain",
    "trace_json",
    "trace_plain",
]
