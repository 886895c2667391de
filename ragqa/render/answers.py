"""Answers as JSON (version 1 of the contract), plain text, and for a terminal.

Knows nothing of how they were made.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ragqa.render.places import place, short_path
from ragqa.text.clean import clean, clean_line

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.text import Text

    from ragqa.records import Answer, Citation, Sentence

MARKS = {"supported": "", "partly": " [partly supported]", "unsupported": " [unsupported]"}


def answer_json(answer: Answer) -> dict[str, Any]:
    """An answer as the contract has it."""
    values = asdict(answer)
    values["answer"] = answer.text
    order = (
        "state", "question", "answer", "short", "confidence", "sentences", "citations", "models",
        "index", "timings_ms", "warnings",
    )  # fmt: skip
    return {name: values[name] for name in order}


def sentence_text(sentence: Sentence) -> str:
    """A sentence with the verdict on it, where that is not `supported`."""
    return clean(sentence.text) + MARKS[sentence.support]


def answer_text(answer: Answer) -> str:
    """The sentences on one line, items of a list on their own."""
    return "".join(
        one.gap * (number > 0) + sentence_text(one) for number, one in enumerate(answer.sentences)
    )


def source_lines(citations: Iterable[Citation]) -> list[str]:
    """One line a citation: number, file:line, headings, other files with the same passage."""
    return [
        f"[{citation.number}] {clean_line(citation.path)}:{place(citation)}"
        f"{_headings(citation)}{_also_in(citation)}{_stale(citation)}"
        for citation in citations
    ]


def answer_plain(answer: Answer) -> str:
    """Answer and sources as text for a pipe; empty when there is no answer."""
    if not answer.sentences:
        return ""
    parts = [answer_text(answer)]
    if answer.citations:
        parts += ["", *source_lines(answer.citations)]
    return "\n".join(parts) + "\n"


def answer_rich(answer: Answer, directory: Path) -> RenderableType:
    """Answer and sources for a terminal in a directory, with links to the files."""
    from rich.console import Group
    from rich.padding import Padding
    from rich.text import Text

    parts: list[RenderableType] = [_sentences_rich(answer.sentences), Text()]
    for citation in answer.citations:
        parts.append(_source_rich(citation, directory))
        quote = Text(f"“{clean(' '.join(citation.quote_text.split()))}”", style="dim italic")
        parts.append(Padding(quote, (0, 0, 0, 4), expand=False))
    return Group(*parts)


def _sentences_rich(sentences: Sequence[Sentence]) -> Text:
    from rich.text import Text

    text = Text()
    for sentence in sentences:
        text.append(sentence.gap if text else "")
        text.append(clean(sentence.text), style="" if sentence.support == "supported" else "dim")
        text.append(MARKS[sentence.support], style="yellow")
    text.highlight_regex(r"\[\d+\]", "bold cyan")
    return text


def _source_rich(citation: Citation, directory: Path) -> Text:
    from rich.text import Text

    text = Text().append(f"[{citation.number}] ", style="bold cyan")
    path = Path(citation.path)
    link = f"link {path.as_uri()}" if path.is_absolute() else ""
    text.append(f"{clean_line(short_path(citation.path, directory))}:{place(citation)}", style=link)
    text.append(_headings(citation) + _also_in(citation), style="dim")
    text.append(_stale(citation), style="yellow")
    return text


def _headings(citation: Citation) -> str:
    names = [clean_line(name) for name in citation.headings or (citation.title,)]
    return "  " + " > ".join(names) if any(names) else ""


def _also_in(citation: Citation) -> str:
    return f" (also in {clean_line(', '.join(citation.also_in))})" if citation.also_in else ""


def _stale(citation: Citation) -> str:
    return " (changed since it was indexed)" if citation.stale else ""
