"""Markdown (CommonMark, tables, footnotes, math) with front matter and Obsidian syntax.

markdown-it finds the structure. It keeps line numbers for blocks but no positions within a line,
so each visible text is found again in the source, from where the last one ended; markup that hides
text (links, comments) carries its span, so nothing is found inside it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from ragqa.documents.base import ExtractedText, TextReader
from ragqa.documents.blocks import BlockMaker, Fragment, HeadingPath
from ragqa.documents.lists import BULLET, Items
from ragqa.documents.readers.markdown import frontmatter
from ragqa.documents.readers.markdown.inline import Start, placed, strikes, wikilink_pieces
from ragqa.documents.readers.markdown.links import link_targets
from ragqa.documents.readers.markdown.properties import property_blocks
from ragqa.documents.tables import Cell, in_columns, row_kind
from ragqa.records import BETWEEN_CELLS, EMPTY_CELL, Block, Document

if TYPE_CHECKING:
    from markdown_it import MarkdownIt
    from markdown_it.token import Token

CALLOUT = re.compile(r"\[!([\w/ -]+)(?:\|[^\]]*)?\][+-]?[ \t]*")
TAG = re.compile(r"(?<![\w/&#])#([^\W\d][\w/-]*|\d[\w/-]*[^\W\d][\w/-]*)")
BLOCK_ID = re.compile(r"(?:^|\s)\^[A-Za-z0-9-]+\s*$")
TASK_MARK = re.compile(r"(\[[ xX/-]\])\s+")
TAG_LINE = re.compile(r"(?:#[\w/-]+[\s,]*)+")
BREAK_TAG = re.compile(r"<br\b", re.IGNORECASE)
LISTS = {"bullet_list_open", "ordered_list_open"}
ENTERED = LISTS | {"heading_open", "list_item_open"}
LIST_ENDS = {"bullet_list_close", "ordered_list_close"}
TEXT_TOKENS = {"text", "code_inline", "math_inline", "math_inline_double"}
CODE_TOKENS = {"fence", "code_block", "math_block", "math_block_label"}
QUOTE_MARKS = re.compile(r"^[\s>]+", re.MULTILINE)


@lru_cache(maxsize=1)
def _parser() -> MarkdownIt:
    from markdown_it import MarkdownIt
    from mdit_py_plugins.dollarmath import dollarmath_plugin
    from mdit_py_plugins.footnote import footnote_plugin

    from ragqa.documents.readers.markdown.obsidian import locate_plugin, obsidian_plugin

    md = MarkdownIt("commonmark", {"maxNesting": 100}).enable(["table", "strikethrough"])
    # Joined text hides which characters were escapes; the aligner needs to know.
    md.disable("text_join")
    md.use(footnote_plugin).use(dollarmath_plugin, allow_space=False, allow_digits=False)
    md.disable("footnote_inline").use(obsidian_plugin).use(locate_plugin)
    return md


class Reader(TextReader):
    """Reads Markdown."""

    def parse(self, path: Path, extracted: ExtractedText) -> Document:
        """The Document that a text is."""
        return read(path, extracted.text, extracted.encoding)


def read(path: Path, text: str, encoding: str) -> Document:
    """Parse Markdown `text` into a Document."""
    front = frontmatter.split(text)
    # Blank lines in its place keep every line number.
    body = "\n" * text.count("\n", 0, front.end) + text[front.end :]
    walk = _Walk(text)
    tokens = _parser().parse(body)
    walk.run(tokens)
    return Document(
        path=path,
        text=text,
        blocks=(*property_blocks(walk.make, front.written), *_in_order(walk.blocks)),
        title=front.title or walk.title,
        aliases=front.aliases,
        tags=tuple(dict.fromkeys((*front.tags, *walk.tags))),
        properties=front.properties,
        links=link_targets(text[: front.end], tokens),
        encoding=encoding,
        warnings=front.warnings,
    )


def _in_order(blocks: list[Block]) -> Iterator[Block]:
    """The blocks as they stand in the file: markdown-it gives footnotes last."""
    headings: tuple[str, ...] = ()
    for block in sorted(blocks, key=lambda block: block.start):
        if block.kind == "heading":
            headings = block.headings
        yield block if block.headings == headings else replace(block, headings=headings)


class _Walk:
    """One pass over the block tokens of a file."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.lines = text.split("\n")
        self.make = BlockMaker(text)
        self.headings = HeadingPath()
        self.blocks: list[Block] = []
        self.tags: list[str] = []
        self.title: str | None = None
        self._open: list[str] = []
        self._level = 0
        self._items = Items()
        self._numbers: list[int] = []  # of the next item of each open list
        self._row: list[Fragment] = []
        self._row_end = 0
        self._cells: list[Cell] = []  # of the row
        self._names: list[str] = []  # of the table's columns

    def run(self, tokens: list[Token]) -> None:
        """Collect the blocks of all tokens."""
        for token in tokens:
            self._track(token)
            if token.type == "inline":
                self._inline(token)
            elif token.type in CODE_TOKENS:
                self._add("code", self._verbatim(token), self._dollars(token))
            elif token.type == "html_block":
                self._html(token)

    def _track(self, token: Token) -> None:
        """Keep the stack of open containers; a table row ends as one block."""
        if token.nesting == 1:
            self._open.append(token.type.removesuffix("_open"))
            if token.type in ENTERED:
                self._enter(token)
        elif token.nesting == -1 and self._open:
            self._open.pop()
            if token.type == "tr_close":
                self._end_row()
            elif token.type == "list_item_close":
                self._items.leave()
            elif token.type in LIST_ENDS:
                self._numbers.pop()

    def _enter(self, token: Token) -> None:
        """Note what a container brings to the text in it: a level, a number."""
        if token.type == "heading_open":
            self._level = int(token.tag[1])
        elif token.type in LISTS:
            self._numbers.append(int(token.attrs.get("start", 1)))
        elif token.type == "list_item_open":
            # Markdown counts from the first item's number, whatever the others say.
            self._items.enter(f"{self._numbers[-1]}{token.markup}" if token.info else BULLET)
            self._numbers[-1] += 1

    def _end_row(self) -> None:
        """The cells of a row become a block."""
        is_head = "thead" in self._open
        row = self._add("column_names" if is_head else row_kind(self._cells), self._row)
        if is_head:
            self._names = [" ".join(cell.text.split()) for cell in self._cells]
        elif row:
            self.blocks[-1] = in_columns(row, self._cells, self._names)
        self._row, self._row_end, self._cells = [], 0, []

    def _add(
        self, kind: str, pieces: list[Fragment], bounds: tuple[int, int] | None = None
    ) -> Block | None:
        """A new block; outside code a line break in the source is a space to who reads it."""
        if kind != "code":
            pieces = [Fragment(" ", None) if piece.text == "\n" else piece for piece in pieces]
        level, mark = self._items.level, self._items.mark
        block = self.make.block(kind, self.headings.path, pieces, bounds, level, mark)
        if block:
            self.blocks.append(block)
            if mark:
                self._items.begun()
        return block

    def _inline(self, token: Token) -> None:
        pieces = list(self._pieces(token))
        words = (t.content if t.type == "text" else " " for t in token.children or ())
        self.tags += TAG.findall("".join(words))
        inside = self._open[-1] if self._open else ""
        if inside == "heading":
            self._heading(pieces)
        elif inside in ("td", "th"):
            cell = Cell(len(self._cells), text="".join(piece.text for piece in pieces))
            self._cells.append(cell)
            if not cell.text.strip():
                pieces = [Fragment(EMPTY_CELL, None)] if inside == "th" else []
            if pieces:
                self._row += [Fragment(BETWEEN_CELLS, None)] * bool(self._row) + pieces
        else:
            self._paragraph(pieces, self._bounds(token))

    def _heading(self, pieces: list[Fragment]) -> None:
        shown = self.make.block("heading", (), pieces)
        if shown is None:
            return
        if self._level == 1 and self.title is None:
            self.title = shown.text
        self.headings.enter(self._level, shown.text)
        self._add("heading", pieces)

    def _paragraph(self, pieces: list[Fragment], bounds: tuple[int, int] | None) -> None:
        nests = {"list_item": "list_item", "blockquote": "quote"}
        kind = next((nests[name] for name in reversed(self._open) if name in nests), "paragraph")
        if kind == "quote" and (rest := self._callout(pieces)) is not pieces:
            pieces, bounds = rest, None
        if kind == "list_item":
            pieces = self._without_box(pieces)
        pieces = _without_id(pieces)
        text = "".join(piece.text for piece in pieces)
        if not TAG_LINE.fullmatch(text.strip()):
            self._add(kind, pieces, bounds)

    def _without_box(self, pieces: list[Fragment]) -> list[Fragment]:
        """The pieces without the check box of a task, which is the item's mark instead."""
        if not pieces or not (box := TASK_MARK.match(pieces[0].text)):
            return pieces
        if self._items.mark:
            self._items.leave()
            self._items.enter(box[1])
        offset = pieces[0].offset
        first = Fragment(pieces[0].text[box.end() :], offset and offset + box.end())
        return [first, *pieces[1:]]

    def _callout(self, pieces: list[Fragment]) -> list[Fragment]:
        """`[!note]+ Title`: the mark is dropped and the title is a block of its own."""
        if not pieces or not (mark := CALLOUT.match(pieces[0].text)):
            return pieces
        offset = pieces[0].offset
        first = Fragment(pieces[0].text[mark.end() :], offset and offset + mark.end())
        pieces = [first, *pieces[1:]]
        ends = [i for i, piece in enumerate(pieces) if piece.text == "\n"]
        title_end = ends[0] if ends else len(pieces)
        # "[!ai] AI" repeats its own mark: a label, not a text.
        if "".join(p.text for p in pieces[:title_end]).strip().lower() != mark[1].lower():
            self._add("quote", pieces[:title_end])
        return pieces[title_end:]

    def _verbatim(self, token: Token) -> list[Fragment]:
        """The lines of a code block, without fence and indentation."""
        assert token.map is not None
        first = token.map[0] + (token.type == "fence")
        pieces = []
        for number, line in enumerate(token.content.split("\n")):
            pieces.append(Fragment(line, self._find_in_line(first + number, line)))
            pieces.append(Fragment("\n", None))
        return pieces

    def _dollars(self, token: Token) -> tuple[int, int] | None:
        """From the `$$` before a formula to that behind it: they say what it is in a quote, too."""
        if token.map is None or not token.type.startswith("math_block"):
            return None
        first = self.text.find("$$", self.make.line_start(token.map[0]))
        last = self.text.rfind("$$", first + 2, self.make.line_end(token.map[1] - 1))
        return (first, last + 2) if 0 <= first < last else None

    def _find_in_line(self, number: int, content: str) -> int | None:
        """Where a line's content, stripped of what nests it, stands in the file."""
        if number >= len(self.lines) or not content.strip():
            return None
        at = self.lines[number].rfind(content.rstrip())
        return self.make.line_start(number) + at if at >= 0 else None

    def _html(self, token: Token) -> None:
        from ragqa.documents.readers.html import fragment_blocks

        assert token.map is not None
        start, end = (self.make.line_start(line) for line in token.map)
        if token.map[1] >= len(self.lines):
            end = len(self.text)
        source = self.text[start:end]
        if "blockquote" in self._open:
            source = QUOTE_MARKS.sub(lambda marks: re.sub("[^\n]", " ", marks[0]), source)
        for block in fragment_blocks(self.make, start, source, self.headings.path):
            self.blocks.append(self._items.place(block))

    def _bounds(self, token: Token) -> tuple[int, int] | None:
        """Where the inline content, markup included, begins and ends in the file."""
        if token.map is None or not token.content:
            return None
        lines = token.content.split("\n")
        first = self._find_in_line(token.map[0], lines[0].strip())
        last = self._find_in_line(token.map[0] + len(lines) - 1, lines[-1].strip())
        if first is None or last is None:
            return None
        return first, last + len(lines[-1].strip())

    def _pieces(self, token: Token) -> Iterator[Fragment]:
        """The visible pieces of an inline token, with their offsets in the file."""
        if token.map is None:
            return
        content, starts = token.content, self._starts(token.content, token.map[0])
        flat = content.replace("\n", " ")  # as code spans show it
        cursor, struck = 0, 0
        for child in token.children or ():
            shown: Iterable[Fragment] = ()
            struck += strikes(child)
            span = child.meta.get("span") if child.meta else None
            if child.type in TEXT_TOKENS:
                at = flat.find(child.content.replace("\n", " "), span[0] if span else cursor)
                shown = placed(child.content, at, starts)
                cursor = span[1] if span else max(cursor, at + len(child.content) * (at >= 0))
            elif child.type == "wikilink":
                shown = wikilink_pieces(child, starts)
                cursor = child.meta["span"][1]
            elif child.type in ("softbreak", "hardbreak"):
                shown = [Fragment("\n", None)]
                cursor = content.find("\n", cursor) + 1
            elif child.type == "text_special" and span:
                literal = content[span[1] - len(child.content) : span[1]] == child.content
                at = span[1] - len(child.content) if literal else -1
                shown = placed(child.content, at, starts)
                cursor = span[1]
            elif child.type in ("note", "html_inline"):
                is_break = BREAK_TAG.match(child.content)
                text = child.content if child.type == "note" else " " * bool(is_break)
                shown = [Fragment(text, None)]
                cursor = span[1] if span else cursor
            elif span and child.type != "link_open":
                cursor = span[1]
            if not struck:
                yield from shown

    def _starts(self, content: str, first: int) -> list[Start]:
        """Where the stretches of inline content begin, of which the first is in that line."""
        is_cell = self._open[-1:] in (["td"], ["th"])
        return (self._cell_starts if is_cell else self._content_lines)(content, first)

    def _content_lines(self, content: str, first: int) -> list[Start]:
        """The lines of inline content; line breaks are stretches of their own."""
        starts: list[Start] = []
        position = 0
        for number, line in enumerate(content.split("\n")):
            indent = len(line) - len(line.lstrip())
            at = self._find_in_line(first + number, line[indent:])
            starts.append((position, None if at is None else at - indent))
            position += len(line) + 1
            starts.append((position - 1, None))
        return starts

    def _cell_starts(self, content: str, number: int) -> list[Start]:
        """Where a table cell stands: after the cells before it in its row.

        Content has `|` where the file has `\\|`, so each bar begins a new stretch.
        """
        line = self.lines[number] if number < len(self.lines) else ""
        escaped = content.replace("|", "\\|")
        at = line.find(escaped, self._row_end)
        if at < 0:
            return [(0, None)]
        self._row_end = at + len(escaped)
        origin = self.make.line_start(number) + at
        bars = [i for i, char in enumerate(content) if char == "|"]
        return [(0, origin), *((bar, origin + bar + i) for i, bar in enumerate(bars, start=1))]


def _without_id(pieces: list[Fragment]) -> list[Fragment]:
    """The pieces without the `^block-id` at their end, which Obsidian hides."""
    if pieces and (mark := BLOCK_ID.search(pieces[-1].text)):
        pieces = [*pieces[:-1], Fragment(pieces[-1].text[: mark.start()], pieces[-1].offset)]
    return pieces
