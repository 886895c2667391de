"""Answers as Markdown: lists, tables and code as such, citations and sources as links.

What comes from a document is escaped: none of it is read as markup. Links are file:// addresses,
which lead to the place wherever the text is put, in VS Code to the line. Their text is escaped:
`[[1]]` would be a link to a note in Obsidian. Knows nothing of how answers were made.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ragqa.records import Answer, Citation
from ragqa.render.answers import also_in, headings, stale
from ragqa.render.places import place, short_path
from ragqa.render.reading import Told, groups, quote_lines, told
from ragqa.text.clean import clean_line

# What begins something in CommonMark, on GitHub or in Obsidian, wherever in a line it stands ...
SPECIAL = re.compile(r"[\\`*\[\]<#|~$^]|(?<!\w)_|_(?!\w)|&(?=[#\w])|%(?=%)|=(?==)")
# ... and at its begin; the sign in the group is what is escaped.
AT_BEGIN = re.compile(r"(?:\d+)?([-+>]|(?<=\d)[.)])")
APART = "<!-- -->"  # parts two lists, which would be one
NUMBER = re.compile(r"(\d{1,9})([.)])")
BULLETS = ("-", "*", "+", "•")
TASK = re.compile(r"\[[ xX]\]")


def answer_markdown(
    answer: Answer, directory: Path, *, quotes: bool = False, sources: bool = True
) -> str:
    """Answer and sources as Markdown; empty when there is no answer."""
    if not answer.sentences:
        return ""
    cited = {citation.number: citation for citation in answer.citations} if sources else {}
    parts = _Writer(cited).parts(told(answer))
    if cited:
        lines = (_source(citation, directory, quotes) for citation in answer.citations)
        parts += ["---", "\n".join(lines)]
    return "\n\n".join(parts) + "\n"


def escaped(text: str) -> str:
    """A text on one line that is read as itself, wherever in a line it stands."""
    text = SPECIAL.sub(r"\\\g<0>", " ".join(clean_line(text).split()))
    begin = AT_BEGIN.match(text)
    return f"{text[: begin.start(1)]}\\{text[begin.start(1) :]}" if begin else text


@dataclass(frozen=True, slots=True)
class Item:
    """An open item of a list: its level, how far in its text stands, its number if it has one."""

    level: int
    width: int
    number: int | None


class _Writer:
    """Writes sentences one after the other; it knows in which items it is."""

    def __init__(self, cited: dict[int, Citation]) -> None:
        self._cited = cited
        self._items: list[Item] = []

    def parts(self, sentences: Sequence[Told]) -> list[str]:
        """What stands in Markdown with an empty line between."""
        parts: list[str] = []
        was_item = False
        for group in groups(sentences):
            first, is_item = group[0].sentence, _is_item(group[0])
            is_apart = "\n\n" in first.gap
            if is_apart or not (is_item or first.level):
                self._items = []
            text = self._item(group[0]) if is_item else self._block(group)
            if is_item and was_item and not is_apart:
                parts[-1] += f"\n{text}"
            else:
                parts += [APART, text] if is_item and was_item else [text]
            was_item = is_item
        return parts

    def _block(self, group: Sequence[Told]) -> str:
        first = group[0]
        if first.columns:
            return self._table(group)
        if first.kind == "code":
            return self._code(first)
        text = " ".join(self._text(one) for one in group)
        return " " * sum(item.width for item in self._items) + text

    def _item(self, one: Told) -> str:
        """An item below those that it is in."""
        level, before = one.sentence.level, None
        while self._items and self._items[-1].level >= level:
            before = self._items.pop()
        indent = " " * sum(item.width for item in self._items)
        sign, number = _sign(one.sentence.mark or "-", before)
        self._items.append(Item(level, len(sign.split(" ")[0]) + 1, number))
        return f"{indent}{sign} {self._text(one)}"

    def _text(self, one: Told) -> str:
        text = escaped(one.sentence.text)
        if one.kind == "heading":
            text = f"**{text}**"
        verdict = f" {escaped(one.verdict)}" if one.verdict else ""
        return text + self._markers(one) + escaped(one.ending) + verdict

    def _markers(self, one: Told, before: str = " ") -> str:
        links = "".join(
            _link(f"\\[{number}\\]", self._cited[number])
            for number in one.numbers
            if number in self._cited
        )
        return before + links if links else ""

    def _code(self, one: Told) -> str:
        """A fence longer than any in the code; the markers below it."""
        text = one.sentence.text
        longest = max((len(run) for run in re.findall("`+", text)), default=0)
        fence = "`" * max(longest + 1, 3)
        return f"{fence}\n{text}\n{fence}" + self._markers(one, "\n\n")

    def _table(self, group: Sequence[Told]) -> str:
        names = group[0].columns
        rows = [[escaped(name) for name in names], ["---"] * len(names)]
        for one in group:
            cells = [escaped(value) for _, value in one.sentence.cells]
            cells[-1] += self._markers(one)
            rows.append(cells)
        return "\n".join(f"| {' | '.join(cells)} |" for cells in rows)


def _is_item(one: Told) -> bool:
    """Whether it is an item of a list; a row without columns looks like one."""
    return bool(one.sentence.mark) or (one.kind == "row" and not one.columns)


def _sign(mark: str, before: Item | None) -> tuple[str, int | None]:
    """How an item begins, and its number where that is one of Markdown's.

    Markdown counts by itself: a number that does not go on from the one before is text.
    """
    if mark in BULLETS:
        return "-", None
    if TASK.fullmatch(mark):
        return f"- {mark}", None
    number = NUMBER.fullmatch(mark)
    if number and (before is None or before.number == int(number[1]) - 1):
        return mark, int(number[1])
    return f"- {escaped(mark)}", None


def _source(citation: Citation, directory: Path, quotes: bool) -> str:
    where = escaped(f"{short_path(citation.path, directory)}:{place(citation)}")
    about = escaped(f"{headings(citation)}{also_in(citation)}{stale(citation)}")
    line = f"- \\[{citation.number}\\] {_link(where, citation)} {about}".rstrip()
    quoted = "\\\n".join(f"  > {escaped(text)}" for text in quote_lines(citation) if quotes)
    return f"{line}\n{quoted}" if quoted else line


def _link(text: str, citation: Citation) -> str:
    """A link to the place in the file; of what is no file the text alone."""
    path = Path(citation.path)
    if not path.is_absolute():
        return text
    if citation.page is not None:
        return f"[{text}]({path.as_uri()}#page={citation.page})"
    first, last = citation.start_line, citation.end_line
    lines = f"L{first}" if first == last else f"L{first}-L{last}"
    return f"[{text}]({path.as_uri()}#{lines})"
