"""Answers as JSON (version 1 of the contract), as plain text, and in one line.

Knows nothing of how they were made.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, replace
from itertools import takewhile
from typing import TYPE_CHECKING, Any

from ragqa.render.places import place, short_path
from ragqa.render.reading import Told, as_read, quote_lines, short_words, told
from ragqa.text.clean import clean_line

if TYPE_CHECKING:
    from pathlib import Path

    from ragqa.records import Answer, Citation, Place, Sentence

QUOTE_INDENT = "    "
IN_JSON = ("text", "support", "citations", "kind", "mark", "level")  # of a sentence


def answer_json(answer: Answer) -> dict[str, Any]:
    """An answer as the contract has it."""
    values = asdict(answer)
    values["answer"] = answer.text
    values["sentences"] = [{name: one[name] for name in IN_JSON} for one in values["sentences"]]
    order = (
        "state", "question", "answer", "short", "confidence", "sentences", "citations", "nearest",
        "models", "index", "timings_ms", "warnings",
    )  # fmt: skip
    return {name: values[name] for name in order}


def answer_plain(answer: Answer, *, quotes: bool = False, sources: bool = True) -> str:
    """Answer and sources as text for a pipe; empty when there is no answer."""
    if not answer.sentences:
        return ""
    parts = [answer_text(answer, sources=sources)]
    if answer.citations and sources:
        parts += ["", *source_lines(answer.citations, quotes=quotes)]
    return "\n".join(parts) + "\n"


def answer_text(answer: Answer, *, sources: bool = True) -> str:
    """The sentences, each behind what parts it from the one before."""
    return "".join(
        one.sentence.gap * (number > 0) + _line(one, sources)
        for number, one in enumerate(told(answer))
    )


def sentence_text(sentence: Sentence, *, sources: bool = True) -> str:
    """A sentence with the verdict on it, where that is not `supported`."""
    return _line(as_read(sentence), sources)


def _line(one: Told, sources: bool) -> str:
    """The text behind its mark, with the markers of its sources; below code, which stays itself."""
    between = "\n" if one.kind == "code" else " "
    markers = between + one.markers if one.markers and sources else ""
    return replace(one.sentence, text=one.sentence.text + markers + one.ending + one.verdict).line


def answer_short(answer: Answer) -> str:
    """The words that answer exactly, else the first unit, on one line; empty without an answer."""
    if not answer.sentences:
        return ""
    if words := short_words(answer):
        return f"{words}\n"
    first, *others = told(answer)
    unit = [first, *takewhile(lambda one: "\n\n" not in one.sentence.gap, others)]
    lines = (replace(one.sentence, text=one.sentence.text + one.ending).line for one in unit)
    return " ".join(" ".join(lines).split()) + "\n"


def source_lines(citations: Iterable[Citation], *, quotes: bool = False) -> list[str]:
    """One line a citation: number, file:line, headings, other files with the same passage.

    The quotes stand below, where they are wanted.
    """
    lines = []
    for citation in citations:
        where = f"[{citation.number}] {clean_line(citation.path)}:{place(citation)}"
        lines.append(f"{where}{headings(citation)}{also_in(citation)}{stale(citation)}")
        lines += [QUOTE_INDENT + line for line in quote_lines(citation)] if quotes else []
    return lines


def nearest_lines(places: Iterable[Place], directory: Path) -> list[str]:
    """One line a place: where one who was refused may look."""
    return [
        f"nearest: {clean_line(short_path(one.path, directory))}:{place(one)}{headings(one)}"
        for one in places
    ]


def headings(citation: Citation | Place) -> str:
    """What it stands below, behind two spaces."""
    names = [clean_line(name) for name in citation.headings or (citation.title,)]
    return "  " + " > ".join(names) if any(names) else ""


def also_in(citation: Citation) -> str:
    """The other files with the same passage."""
    return f" (also in {clean_line(', '.join(citation.also_in))})" if citation.also_in else ""


def stale(citation: Citation) -> str:
    """That the file is another than the one that was indexed."""
    return " (changed since it was indexed)" if citation.stale else ""
