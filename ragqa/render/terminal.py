"""Answers for a terminal: lists, tables and code as what they are, sources as links.

Nothing of a document is read as markup: all texts are `Text`. Knows nothing of how they were made.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from ragqa.records import INDENT
from ragqa.render.answers import QUOTE_INDENT, also_in, headings, stale
from ragqa.render.places import place, short_path
from ragqa.render.reading import FLOWS, Told, groups, quote_lines, short_words, told
from ragqa.text.clean import clean_line

if TYPE_CHECKING:
    from rich.console import Console, ConsoleOptions, RenderableType
    from rich.text import Text

    from ragqa.records import Answer, Citation

BULLETS = {"-": "•"}  # how a mark looks, where it looks otherwise
NARROWEST = 10  # columns that a text has beside its mark, whatever the terminal has
STYLES = {"heading": "bold", "code": "dim", "more": "dim"}
NEVER_BOLD = ("heading", "code", "more")  # the words that answer are not looked for there


def answer_rich(
    answer: Answer, directory: Path, *, quotes: bool = False, sources: bool = True
) -> RenderableType:
    """Answer and sources for a terminal in a directory, with links to the files.

    What has lines too long for it is not cut: print it with `crop=False`.
    """
    from rich.console import Group
    from rich.text import Text

    parts = list(_Setting(short_words(answer), sources).parts(told(answer)))
    if sources and answer.citations:
        parts.append(Text())
        for citation in answer.citations:
            parts.append(_source(citation, directory))
            parts += _quote(citation) if quotes else []
    return Group(*parts)


class _Setting:
    """Sets sentences one after the other; the words that answer are bold where they come first."""

    def __init__(self, short: str, sources: bool) -> None:
        self._short = re.compile(rf"(?<!\w){re.escape(short)}(?!\w)") if short else None
        self._sources = sources

    def parts(self, sentences: Sequence[Told]) -> Iterator[RenderableType]:
        """What is printed, one below the other."""
        from rich.text import Text

        for number, group in enumerate(groups(sentences)):
            if number and "\n\n" in group[0].sentence.gap:
                yield Text()
            yield from self._set(group)

    def _set(self, group: Sequence[Told]) -> Iterator[RenderableType]:
        first = group[0]
        if first.columns:
            yield self._table(group)
        elif first.kind == "code":
            yield from self._code(first)
        elif first.kind in FLOWS:
            yield self._flowing(group)
        else:
            yield self._hanging(first)

    def _flowing(self, group: Sequence[Told]) -> RenderableType:
        from rich.text import Text

        return Hanging("", Text(" ").join(self._text(one) for one in group))

    def _hanging(self, one: Told) -> RenderableType:
        sentence = one.sentence
        mark = sentence.mark or ("-" if sentence.kind == "row" else "")
        mark = BULLETS.get(mark, mark)
        # What goes on in an item, without a mark, stands below the item's text.
        depth = sentence.level if not mark else max(sentence.level - 1, 0)
        return Hanging(INDENT * depth + (f"{mark} " if mark else ""), self._text(one))

    def _code(self, one: Told) -> Iterator[Text]:
        from rich.text import Text

        for line in one.sentence.text.splitlines():
            shown = f"{QUOTE_INDENT}{line}".rstrip()
            yield Text(shown, STYLES["code"], no_wrap=True, overflow="ignore")
        if one.numbers and self._sources:
            yield Text(QUOTE_INDENT).append(one.markers, "bold cyan")

    def _table(self, group: Sequence[Told]) -> RenderableType:
        from rich.box import SIMPLE_HEAD
        from rich.table import Table
        from rich.text import Text

        table = Table(box=SIMPLE_HEAD, show_edge=False, pad_edge=False)
        for name in group[0].columns:
            table.add_column(Text(name), overflow="fold")
        for one in group:
            cells = [self._marked(Text(value), one) for _, value in one.sentence.cells]
            table.add_row(*cells[:-1], self._ended(cells[-1], replace(one, ending="")))
        return table

    def _text(self, one: Told) -> Text:
        from rich.text import Text

        style = STYLES.get(one.kind, "") if one.sentence.support == "supported" else "dim"
        text = self._marked(Text(one.sentence.text, end=""), one)
        text.stylize_before(style)
        return self._ended(text, one)

    def _marked(self, text: Text, one: Told) -> Text:
        """The text, bold where the words that answer stand in it for the first time."""
        if self._short and one.kind not in NEVER_BOLD and (place := self._short.search(text.plain)):
            text.stylize("bold", *place.span())
            self._short = None
        return text

    def _ended(self, text: Text, one: Told) -> Text:
        """The text with its markers, what ends it, and the verdict."""
        if one.numbers and self._sources:
            text.append(" ").append(one.markers, "bold cyan")
        return text.append(one.ending).append(one.verdict, "yellow")


@dataclass(frozen=True, slots=True)
class Hanging:
    """A text behind a mark: the lines that it is wrapped into begin where the first one does."""

    mark: str
    text: Text

    def __rich_console__(
        self, console: Console, options: ConsoleOptions
    ) -> Iterator[RenderableType]:
        from rich.cells import cell_len
        from rich.text import Text

        indent = cell_len(self.mark)
        lines = self.text.wrap(console, max(options.max_width - indent, NARROWEST))
        for number, line in enumerate(lines):
            line.rstrip()
            yield Text(" " * indent if number else self.mark, no_wrap=True).append_text(line)


def _source(citation: Citation, directory: Path) -> Text:
    from rich.text import Text

    text = Text().append(f"[{citation.number}] ", style="bold cyan")
    path = Path(citation.path)
    link = f"link {path.as_uri()}" if path.is_absolute() else ""
    text.append(f"{clean_line(short_path(citation.path, directory))}:{place(citation)}", style=link)
    text.append(headings(citation) + also_in(citation), style="dim")
    text.append(stale(citation), style="yellow")
    return text


def _quote(citation: Citation) -> Iterator[RenderableType]:
    from rich.text import Text

    for line in quote_lines(citation):
        yield Hanging(QUOTE_INDENT, Text(line, style="dim italic"))
