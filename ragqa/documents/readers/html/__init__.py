"""Saved web pages: the text of the main part, without navigation, scripts and other chrome.

The standard library's HTMLParser is used because it is the one that tells the exact position of
each piece of text (lxml, html5lib and BeautifulSoup give lines at best). Knows nothing of
Markdown; `fragment_blocks` also serves HTML inside Markdown.
"""

from __future__ import annotations

import re
from dataclasses import replace
from html import unescape
from html.parser import HTMLParser
from pathlib import Path
from typing import NamedTuple

from ragqa.documents.base import ExtractedText, TextReader
from ragqa.documents.blocks import BlockMaker, Fragment, HeadingPath, spaced
from ragqa.documents.lists import Numbering
from ragqa.documents.readers.html.rows import Table
from ragqa.documents.tables import Cell, in_columns, row_kind
from ragqa.records import BETWEEN_CELLS, Block, Document

HIDDEN = {"script", "style", "noscript", "template", "svg", "iframe", "select", "button", "object"}
CHROME = {"nav", "footer", "aside", "form", "dialog", "menu"}
CHROME_ROLES = {"navigation", "banner", "contentinfo", "search", "complementary"}
MAIN = {"main", "article"}
SELF_CLOSING = {"p", "li", "dt", "dd", "tr", "td", "th", "option"}
TERMS = {"dt": ("dt", "dd"), "dd": ("dt", "dd")}  # each of them ends the other, too
VOID = {"br", "hr", "img", "input", "meta", "link", "wbr", "source", "col", "area", "base", "embed"}
INLINE = {
    "a", "abbr", "b", "bdi", "bdo", "cite", "code", "data", "del", "dfn", "em", "font", "i", "ins",
    "kbd", "label", "mark", "q", "s", "samp", "small", "span", "strong", "sub", "sup", "time", "tt",
    "u", "var", "wbr", "img", "td", "th", "acronym", "big", "nobr", "strike", "ruby", "rb", "rt",
    "rp",
}  # fmt: skip
TAKEN_BACK = {"del", "s", "strike"}  # what is struck out is no evidence
UNSEEN = re.compile(r"(?:^|;)\s*(?:display\s*:\s*none|visibility\s*:\s*hidden)\b", re.IGNORECASE)
KINDS = {
    "li": "list_item",
    "dt": "term",
    "dd": "definition",
    "pre": "code",
    "caption": "caption",
    "tr": "table_row",
    "blockquote": "quote",
}
LISTS = {"ul", "ol", "menu", "dir"}
TABLE_PARTS = {"thead", "tbody", "tfoot"}
ROW_STARTS = TABLE_PARTS | {"tr"}  # tags at which a row ends that was left open
ROW_ENDS = TABLE_PARTS | {"tr", "table"}  # the same, of closing tags
HEADING = re.compile(r"h[1-6]")
MAX_DEPTH = 500  # as browsers do: deeper elements are read, but not kept on the stack
MAX_ROWS = 65534  # as browsers do: those that one cell fills
NUMBER = re.compile(r"\s*([+-]?\d{1,9})")
MAIN_SHARE = 0.25  # <main> holds the page when at least this share of the text is in it


class Reader(TextReader):
    """Reads web pages."""

    def parse(self, path: Path, extracted: ExtractedText) -> Document:
        """The Document that a text is."""
        return read(path, extracted.text, extracted.encoding)


def read(path: Path, text: str, encoding: str) -> Document:
    """Parse an HTML page into a Document."""
    page = _Page(BlockMaker(text), 0, (), skip_chrome=True)
    page.run(text)
    blocks = page.main_blocks()
    if not blocks:
        # All of it lies in what looks like chrome: better that than nothing.
        page = _Page(BlockMaker(text), 0, (), skip_chrome=False)
        page.run(text)
        blocks = page.main_blocks()
    return Document(
        path=path,
        text=text,
        blocks=tuple(blocks),
        title=page.heading or page.title,
        tags=page.keywords,
        encoding=encoding,
    )


def fragment_blocks(
    make: BlockMaker, start: int, source: str, headings: tuple[str, ...]
) -> list[Block]:
    """The blocks of the HTML `source`, which stands at `start` of a file, below `headings`."""
    page = _Page(make, start, headings, skip_chrome=False)
    page.run(source)
    return [block for block, _ in page.blocks]


class _Element(NamedTuple):
    """An element that is open, and what counts the items and the cells in it."""

    name: str
    is_skipped: bool
    items: Numbering
    table: Table


class _Page(HTMLParser):
    """Collects blocks; every tag that is not inline ends one."""

    def __init__(
        self, make: BlockMaker, base: int, above: tuple[str, ...], skip_chrome: bool
    ) -> None:
        super().__init__(convert_charrefs=False)
        self.make = make
        self.base = base
        self.above = above
        self.skipped = HIDDEN | CHROME if skip_chrome else HIDDEN
        self.headings = HeadingPath()
        self.blocks: list[tuple[Block, bool]] = []
        self.title: str | None = None
        self.heading: str | None = None
        self.keywords: tuple[str, ...] = ()
        self._open: list[_Element] = []
        self._pieces: list[Fragment] = []
        self._item: tuple[Numbering, int] | None = None  # that the next block begins
        self._backwards: list[tuple[int, Numbering, int]] = []  # blocks that begin items of such
        self._top = _Element("", False, Numbering(), Table())  # around all that is open

    def run(self, text: str) -> None:
        """Parse all of `text`."""
        self._line_starts = [0, *(match.end() for match in re.finditer("\n", text))]
        self.feed(text)
        self.close()
        self._end_row()
        self._flush()
        for place, numbering, number in self._backwards:
            block, is_main = self.blocks[place]
            # All items are counted by now, as minus the number of the next one.
            mark = numbering.mark_of(number - numbering.number)
            self.blocks[place] = replace(block, mark=mark), is_main

    def main_blocks(self) -> list[Block]:
        """The blocks of <main> or <article> where they hold the page, else all."""
        main = [block for block, is_main in self.blocks if is_main]
        everything = [block for block, _ in self.blocks]
        total = sum(len(block.text) for block in everything)
        return main if sum(len(b.text) for b in main) > MAIN_SHARE * total else everything

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Open an element; a block element ends the text before it."""
        values = dict(attrs)
        if self._inside("title"):
            self.handle_endtag("title")  # it holds no elements: one that does was left open
        if tag == "meta" and (values.get("name") or "").lower() == "keywords":
            words = (values.get("content") or "").split(",")
            self.keywords = tuple(word.strip() for word in words if word.strip())
        if tag == "br":
            self._pieces.append(Fragment("\n" if self._inside("pre") else " ", None))
        elif tag in ("td", "th"):
            self._begin_cell(tag, values)
        elif tag in ROW_STARTS:
            self._begin_rows(tag)
        elif tag not in INLINE:
            self._flush()
        if tag in SELF_CLOSING and self._open and self._open[-1].name in TERMS.get(tag, (tag,)):
            self._open.pop()  # old pages leave it to the next one to end it
        if tag == "li":
            self._begin_item(values)
        if tag not in VOID and (len(self._open) < MAX_DEPTH or tag in HIDDEN):
            around = self._innermost
            items = _numbering(tag, values) if tag in LISTS else around.items
            table = Table() if tag == "table" else around.table
            self._open.append(_Element(tag, self._is_skipped(tag, values), items, table))

    @property
    def _innermost(self) -> _Element:
        return self._open[-1] if self._open else self._top

    def _begin_rows(self, tag: str) -> None:
        """End what a row, or a part of a table, ends: the row before it."""
        self._end_row()
        self._flush()
        if tag == "tr":
            self._innermost.table.grid.begin_row()
        else:
            self._innermost.table.grid.end_section()
            self._close(TABLE_PARTS, "table")

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """`<br/>` and such: nothing stays open."""
        depth = len(self._open)
        self.handle_starttag(tag, attrs)
        del self._open[depth:]

    def handle_endtag(self, tag: str) -> None:
        """Close the innermost element of that name, and what was left open inside it."""
        if tag in ROW_ENDS:
            self._end_row()
        if tag not in INLINE:
            self._flush()
        if tag == "li" or tag in LISTS:
            self._item = None
        for depth in range(len(self._open) - 1, -1, -1):
            name = self._open[depth].name
            if name == tag or (HEADING.fullmatch(name) and HEADING.fullmatch(tag)):
                del self._open[depth:]
                return

    def handle_data(self, data: str) -> None:
        """Text between tags."""
        if not self._hidden():
            offset = self._offset()
            if self._inside("pre") and self.make.text.startswith(data, offset):
                self._pieces.append(Fragment(data, offset))
            else:
                self._pieces += spaced(data, offset)

    def parse_marked_section(self, i: int, report: int = 1) -> int:
        """`<![...]>` is a comment to browsers; the parser would stop at an unknown kind."""
        return self.parse_bogus_comment(i)

    def handle_entityref(self, name: str) -> None:
        """`&amp;`: shown, but not a slice of the file."""
        if not self._hidden():
            shown = unescape(f"&{name};")
            if shown == f"&{name};":  # no entity: "AT&T" in a page written by hand
                self._pieces.append(Fragment(f"&{name}", self._offset()))
            else:
                self._pieces.append(Fragment(shown.replace("\xa0", " "), None))

    def handle_charref(self, name: str) -> None:
        """`&#8212;`."""
        self.handle_entityref(f"#{name}")

    def _close(self, names: set[str], limit: str) -> None:
        """Close the innermost element of these names that stands within `limit`."""
        for depth in range(len(self._open) - 1, -1, -1):
            if self._open[depth].name in names:
                del self._open[depth:]
            if depth >= len(self._open) or self._open[depth].name == limit:
                return

    def _begin_item(self, values: dict[str, str | None]) -> None:
        """An item of the innermost list begins."""
        numbering = self._innermost.items
        numbering.number = _number(values.get("value"), numbering.number)
        self._item = numbering, numbering.number
        numbering.number += numbering.step

    def _begin_cell(self, tag: str, values: dict[str, str | None]) -> None:
        """A table cell begins: a bar between it and the one before."""
        table = self._innermost.table
        table.end_cell(self._pieces)
        height = _number(values.get("rowspan"), 1) or MAX_ROWS  # 0: all that follow
        cell, above = table.grid.add(_number(values.get("colspan"), 1), min(height, MAX_ROWS))
        self._repeat(table, above)
        self._bar()
        table.begin_cell(cell, tag == "th", len(self._pieces))

    def _repeat(self, table: Table, cells: list[Cell]) -> None:
        """Cells from above count in this row, too."""
        for cell in cells:
            self._bar()
            self._pieces.append(Fragment(cell.text, None))
            table.repeat(cell)

    def _bar(self) -> None:
        if any(piece.text.strip() for piece in self._pieces):
            self._pieces.append(Fragment(BETWEEN_CELLS, None))
        else:
            self._pieces = []

    def _end_row(self) -> None:
        """The row, if one is open, is complete: now its kind is known, and its columns."""
        table = self._innermost.table
        if not table.grid.is_open:
            return
        table.end_cell(self._pieces)
        if self._pieces:
            self._repeat(table, table.grid.rest())
        self._flush()
        is_head = table.is_head or self._inside("thead")
        kind = "column_names" if is_head else row_kind(table.grid.row)
        for place, cells in table.end_row(is_head):
            row, is_main = self.blocks[place]
            if row.kind != kind:
                row = replace(row, kind=kind)
            if not is_head:
                row = in_columns(row, cells, table.grid.names)
            self.blocks[place] = row, is_main

    def _offset(self) -> int:
        line, column = self.getpos()
        return self.base + self._line_starts[line - 1] + column

    def _is_skipped(self, tag: str, attrs: dict[str, str | None]) -> bool:
        is_note = tag == "aside" and self._inside(*MAIN)
        is_unseen = "hidden" in attrs or UNSEEN.search(attrs.get("style") or "")
        if (tag in self.skipped and not is_note) or tag in TAKEN_BACK or is_unseen:
            return True
        if self.skipped is HIDDEN:
            return False
        site_header = tag == "header" and not self._inside(*MAIN)
        return site_header or (attrs.get("role") or "").lower() in CHROME_ROLES

    def _hidden(self) -> bool:
        return any(element.is_skipped for element in self._open)

    def _inside(self, *tags: str) -> bool:
        return any(element.name in tags for element in self._open)

    def _flush(self) -> None:
        """End the current block."""
        pieces, self._pieces = self._pieces, []
        if not pieces:
            return
        names = [element.name for element in self._open]
        if "title" in names:
            self.title = self.title or "".join(piece.text for piece in pieces).strip() or None
            return
        heading = next((name for name in reversed(names) if HEADING.fullmatch(name)), None)
        kind = next((KINDS[name] for name in reversed(names) if name in KINDS), "paragraph")
        if heading:
            kind = "heading"
            shown = self.make.block(kind, (), pieces)
            if shown:
                self.headings.enter(int(heading[1]), shown.text)
                self.heading = self.heading or (shown.text if heading == "h1" else None)
        block = self._block(kind, pieces, names)
        if "tr" in names:
            place = len(self.blocks) if block and kind == "table_row" else None
            self._innermost.table.end_text(pieces, place)
        if block:
            self.blocks.append((block, any(name in MAIN for name in names)))

    def _block(self, kind: str, pieces: list[Fragment], names: list[str]) -> Block | None:
        """A block at its place among the items of lists."""
        level, mark, item = 0, "", None
        if "li" in names:
            level = max(1, sum(name in LISTS for name in names))
            item = self._item
            mark = item[0].mark_of(item[1]) if item else ""
        block = self.make.block(kind, self.above + self.headings.path, pieces, None, level, mark)
        if block and item:
            self._item = None
            if item[0].counts_items:
                self._backwards.append((len(self.blocks), *item))
        return block


def _numbering(tag: str, values: dict[str, str | None]) -> Numbering:
    """How the items of a list are numbered."""
    if tag != "ol":
        return Numbering()
    style = values.get("type") or "1"
    style = style if style in ("a", "A", "i", "I") else "1"
    if "reversed" not in values:
        return Numbering(style, _number(values.get("start"), 1))
    if "start" in values:
        return Numbering(style, _number(values["start"], 1), -1)
    return Numbering(style, 0, -1, counts_items=True)


def _number(text: str | None, default: int) -> int:
    """The number that an attribute begins with."""
    found = NUMBER.match(text or "")
    return int(found[1]) if found else default
