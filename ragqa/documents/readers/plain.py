"""Plain text: paragraphs, bullets and what looks like a heading.

Text copied out of a web page is the usual case: bare heading lines, `•` bullets. A `.txt` file
that is Markdown inside (front matter, `#` headings) goes to the Markdown reader.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from ragqa.documents.base import ExtractedText, TextReader
from ragqa.documents.blocks import BlockMaker, Fragment, HeadingPath, spaced
from ragqa.documents.lists import BULLET
from ragqa.documents.readers import markdown
from ragqa.records import Block, Document

FRONT_MATTER = re.compile(r"\A---[ \t]*\n(?:[\w-]+:|\s*- ).*?^---[ \t]*$", re.DOTALL | re.MULTILINE)
ATX_HEADING = re.compile(r"^#{1,6} \S", re.MULTILINE)
MARKDOWN_SIGN = re.compile(r"\*\*\S[^*\n]*\*\*|\]\(\S+\)|^```|^#{2,6} \S", re.MULTILINE)
MARK = re.compile(r"[ \t]*(?:[•◦▪‣●○*+–-]|(\(?\d{1,3}[.)]))[ \t]+(?=\S)")
TAB = 4
UNDERLINE = re.compile(r"([=\-~*#^_])\1{2,}\s*")
NUMBERED = re.compile(r"\d{1,2}(\.\d+)*[.)]?\s+[A-Z]")
HEADING_LENGTH = 80


class Reader(TextReader):
    """Reads plain text."""

    def parse(self, path: Path, extracted: ExtractedText) -> Document:
        """The Document that a text is."""
        return read(path, extracted.text, extracted.encoding)


def read(path: Path, text: str, encoding: str) -> Document:
    """Parse plain text into a Document."""
    if _is_markdown(text):
        return markdown.read(path, text, encoding)
    make, headings, indents = BlockMaker(text), HeadingPath(), _Indents()
    blocks: list[Block] = []
    title = None
    paragraphs = list(_paragraphs(text))
    for number, found in enumerate(paragraphs):
        lines = found[1:] if UNDERLINE.fullmatch(found[0][1]) else found
        if not lines:
            continue
        follower = paragraphs[number + 1] if number + 1 < len(paragraphs) else None
        level = _heading_level(lines, follower)
        if level:
            shown = make.block("heading", (), spaced(lines[0][1].strip(), _start(lines[0])))
            if shown:
                title = title or (shown.text if number == 0 else None)
                headings.enter(level, shown.text)
                indents = _Indents()
                blocks.append(replace(shown, headings=headings.path))
                lines = [line for line in lines[1:] if not UNDERLINE.fullmatch(line[1])]
        for item in _items(lines, indents):
            kind = "list_item" if item.mark else "paragraph"
            block = make.block(kind, headings.path, item.pieces, None, item.level, item.mark)
            if block:
                blocks.append(block)
    return Document(path, text, tuple(blocks), title=title, encoding=encoding)


Line = tuple[int, str]  # offset in the file, text without the line end


def _start(line: Line) -> int:
    """Offset of the first visible character of a line."""
    return line[0] + len(line[1]) - len(line[1].lstrip())


def _is_markdown(text: str) -> bool:
    if FRONT_MATTER.match(text):
        return True
    return bool(ATX_HEADING.search(text) and MARKDOWN_SIGN.search(text))


def _paragraphs(text: str) -> Iterator[list[Line]]:
    """Runs of lines that are not blank."""
    lines: list[Line] = []
    offset = 0
    for line in text.split("\n"):
        if line.strip():
            lines.append((offset, line))
        elif lines:
            yield lines
            lines = []
        offset += len(line) + 1
    if lines:
        yield lines


def _heading_level(lines: list[Line], follower: list[Line] | None) -> int:
    """1 or 2 when the paragraph begins with a heading, else 0."""
    text = lines[0][1].strip()
    if len(text) > HEADING_LENGTH or not any(char.isalpha() for char in text):
        return 0
    if len(lines) > 1 and UNDERLINE.fullmatch(lines[1][1]):
        return 1 if lines[1][1].strip()[0] in "=#*" else 2
    if len(lines) > 1 or follower is None or text.endswith((".", ",", ";", ":", "!")):
        return 0
    if MARK.match(lines[0][1]) and not NUMBERED.match(text):
        return 0
    return 2 if NUMBERED.match(text) or text[0].isupper() else 0


class _Item(NamedTuple):
    """An item of a list, or a paragraph: then its mark is empty."""

    level: int
    mark: str
    pieces: list[Fragment]


class _Indents:
    """How far the items around a line are indented: what stands further to the right is in them."""

    def __init__(self) -> None:
        self._open: list[int] = []

    def level(self, line: str, is_item: bool) -> int:
        """The number of items around a line that begins a paragraph, or an item: with itself."""
        margin = line[: len(line) - len(line.lstrip())].expandtabs(TAB)
        self._open = [indent for indent in self._open if indent < len(margin)]
        if is_item:
            self._open.append(len(margin))
        return len(self._open)


def _items(lines: list[Line], indents: _Indents) -> Iterator[_Item]:
    """The list items and paragraphs of a run of lines, as pieces."""
    item: _Item | None = None
    for offset, line in lines:
        mark = MARK.match(line)
        if mark or item is None:
            if item:
                yield item
            item = _Item(indents.level(line, bool(mark)), mark[1] or BULLET if mark else "", [])
        if mark:
            offset, line = offset + mark.end(), line[mark.end() :]
        margin = len(line) - len(line.lstrip())
        item.pieces.extend((*spaced(line.strip(), offset + margin), Fragment(" ", None)))
    if item:
        yield item
