"""Markdown (CommonMark, tables, footnotes, math) with front matter and Obsidian syntax.

markdown-it finds the structure. It keeps line numbers for blocks but no positions within a line,
so each visible text is found again in the source, from where the last one ended; markup that hides
text (links, comments) carries its span, so nothing is found inside it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from ragqa.documents import frontmatter
from ragqa.documents.blocks import BlockMaker, HeadingPath, Piece
from ragqa.records import Block, Document

if TYPE_CHECKING:
    from markdown_it import MarkdownIt
    from markdown_it.token import Token

CALLOUT = re.compile(r"\[!([\w/ -]+)(?:\|[^\]]*)?\][+-]?[ \t]*")
TAG = re.compile(r"(?<![\w/&#])#([^\W\d][\w/-]*|\d[\w/-]*[^\W\d][\w/-]*)")
TAG_LINE = re.compile(r"(?:#[\w/-]+[\s,]*)+")
BREAK_TAG = re.compile(r"<br\b", re.IGNORECASE)
TEXT_TOKENS = {"text", "code_inline", "math_inline", "math_inline_double"}


@lru_cache(maxsize=1)
def _parser() -> MarkdownIt:
    from markdown_it import MarkdownIt
    from mdit_py_plugins.dollarmath import dollarmath_plugin
    from mdit_py_plugins.footnote import footnote_plugin

    from ragqa.documents.obsidian import locate_plugin, obsidian_plugin

    md = MarkdownIt("commonmark", {"maxNesting": 100}).enable(["table", "strikethrough"])
    # Joined text hides which characters were escapes; the aligner needs to know.
    md.disable("text_join")
    md.use(footnote_plugin).use(dollarmath_plugin, allow_space=False, allow_digits=False)
    md.use(obsidian_plugin).use(locate_plugin)
    return md


def read(path: Path, text: str, encoding: str) -> Document:
    """Parse Markdown `text` into a Document."""
    front = frontmatter.split(text)
    # Blank lines in its place keep every line number.
    body = "\n" * text.count("\n", 0, front.end) + text[front.end :]
    walk = _Walk(text)
    walk.run(_parser().parse(body))
    return Document(
        path=path,
        text=text,
        blocks=tuple(sorted(walk.blocks, key=lambda block: block.start)),
        title=front.title or walk.title,
        aliases=front.aliases,
        tags=tuple(dict.fromkeys((*front.tags, *walk.tags))),
        properties=front.properties,
        encoding=encoding,
        warnings=front.warnings,
    )


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
        self._row: list[Piece] = []

    def run(self, tokens: list[Token]) -> None:
        """Collect the blocks of all tokens."""
        for token in tokens:
            self._track(token)
            if token.type == "inline":
                self._inline(token)
            elif token.type in ("fence", "code_block", "math_block"):
                self._add("code", self._verbatim(token))
            elif token.type == "html_block":
                self._html(token)

    def _track(self, token: Token) -> None:
        """Keep the stack of open containers; a table row ends as one block."""
        if token.nesting == 1:
            self._open.append(token.type.removesuffix("_open"))
            if token.type == "heading_open":
                self._level = int(token.tag[1])
        elif token.nesting == -1 and self._open:
            self._open.pop()
            if token.type == "tr_close":
                self._add("table_row", self._row)
                self._row = []

    def _add(self, kind: str, pieces: list[Piece], bounds: tuple[int, int] | None = None) -> None:
        """A new block; outside code a line break in the source is a space to the reader."""
        if kind != "code":
            pieces = [Piece(" ", None) if piece.text == "\n" else piece for piece in pieces]
        if block := self.make.block(kind, self.headings.path, pieces, bounds):
            self.blocks.append(block)

    def _inline(self, token: Token) -> None:
        pieces = list(self._pieces(token))
        inside = self._open[-1] if self._open else ""
        if inside == "heading":
            self._heading(pieces)
        elif inside in ("td", "th"):
            if any(piece.text.strip() for piece in pieces):
                self._row += [Piece(" | ", None)] * bool(self._row) + pieces
        else:
            self._paragraph(pieces, self._bounds(token))

    def _heading(self, pieces: list[Piece]) -> None:
        shown = self.make.block("heading", (), pieces)
        if shown is None:
            return
        if self._level == 1 and self.title is None:
            self.title = shown.text
        self.headings.enter(self._level, shown.text)
        self._add("heading", pieces)

    def _paragraph(self, pieces: list[Piece], bounds: tuple[int, int] | None) -> None:
        kind = "paragraph"
        if "list_item" in self._open:
            kind = "list_item"
        elif "blockquote" in self._open:
            kind = "quote"
            if len(rest := self._callout(pieces)) < len(pieces) or rest[:1] != pieces[:1]:
                pieces, bounds = rest, None
        text = "".join(piece.text for piece in pieces)
        self.tags += TAG.findall(text)
        if not TAG_LINE.fullmatch(text.strip()):
            self._add(kind, pieces, bounds)

    def _callout(self, pieces: list[Piece]) -> list[Piece]:
        """`[!note]+ Title`: the mark is dropped and the title is a block of its own."""
        if not pieces or not (mark := CALLOUT.match(pieces[0].text)):
            return pieces
        offset = pieces[0].offset
        first = Piece(pieces[0].text[mark.end() :], offset and offset + mark.end())
        pieces = [first, *pieces[1:]]
        ends = [i for i, piece in enumerate(pieces) if piece.text == "\n"]
        title_end = ends[0] if ends else len(pieces)
        # "[!ai] AI" repeats its own mark: a label, not a text.
        if "".join(p.text for p in pieces[:title_end]).strip().lower() != mark[1].lower():
            self._add("quote", pieces[:title_end])
        return pieces[title_end:]

    def _verbatim(self, token: Token) -> list[Piece]:
        """The lines of a code block, without fence and indentation."""
        assert token.map is not None
        first = token.map[0] + (0 if token.type == "code_block" else 1)
        pieces = []
        for number, line in enumerate(token.content.split("\n")):
            pieces.append(Piece(line, self._find_in_line(first + number, line)))
            pieces.append(Piece("\n", None))
        return pieces

    def _find_in_line(self, number: int, content: str) -> int | None:
        """Where a line's content, stripped of what nests it, stands in the file."""
        if number >= len(self.lines) or not content.strip():
            return None
        at = self.lines[number].rfind(content.rstrip())
        return self.make.line_start(number) + at if at >= 0 else None

    def _html(self, token: Token) -> None:
        from ragqa.documents.html import fragment_blocks

        assert token.map is not None
        start, end = (self.make.line_start(line) for line in token.map)
        if token.map[1] >= len(self.lines):
            end = len(self.text)
        self.blocks += fragment_blocks(self.make, start, end, self.headings.path)

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

    def _pieces(self, token: Token) -> Iterator[Piece]:
        """The visible pieces of an inline token, with their offsets in the file."""
        if token.map is None:
            return
        content = token.content
        if self._open[-1:] in (["td"], ["th"]):
            starts = self._cell_start(content, token.map[0])
        else:
            starts = self._content_lines(content, token.map[0])
        cursor = 0
        for child in token.children or ():
            span = child.meta.get("span") if child.meta else None
            if child.type in TEXT_TOKENS:
                at = content.find(child.content, span[0] if span else cursor)
                yield Piece(child.content, _absolute(starts, at))
                cursor = span[1] if span else max(cursor, at + len(child.content))
            elif child.type == "wikilink":
                yield from _wikilink_pieces(child, starts)
                cursor = child.meta["span"][1]
            elif child.type in ("softbreak", "hardbreak"):
                yield Piece("\n", None)
                cursor = content.find("\n", cursor) + 1
            elif child.type == "text_special" and span:
                literal = content[span[1] - len(child.content) : span[1]] == child.content
                at = span[1] - len(child.content) if literal else -1
                yield Piece(child.content, _absolute(starts, at))
                cursor = span[1]
            elif child.type == "html_inline" and BREAK_TAG.match(child.content):
                yield Piece(" ", None)
                cursor = span[1] if span else cursor
            elif span and child.type != "link_open":
                cursor = span[1]

    def _content_lines(self, content: str, first: int) -> list[tuple[int, int | None]]:
        """For each line of inline content: its offset there and its offset in the file."""
        starts: list[tuple[int, int | None]] = []
        position = 0
        for number, line in enumerate(content.split("\n")):
            indent = len(line) - len(line.lstrip())
            at = self._find_in_line(first + number, line[indent:])
            starts.append((position, None if at is None else at - indent))
            position += len(line) + 1
        return starts

    def _cell_start(self, content: str, number: int) -> list[tuple[int, int | None]]:
        """Where a table cell stands: after the cells before it in its row."""
        line = self.lines[number] if number < len(self.lines) else ""
        after = self._row[-1].offset if self._row else None
        begin = after - self.make.line_start(number) + 1 if after is not None else 0
        # Content has `|` where the file has `\\|`.
        at = line.find(content.split("|")[0], begin)
        return [(0, self.make.line_start(number) + at if at >= 0 else None)]


def _absolute(starts: list[tuple[int, int | None]], at: int) -> int | None:
    """The offset in the file of position `at` in inline content."""
    if at < 0:
        return None
    position, offset = max((entry for entry in starts if entry[0] <= at), key=lambda e: e[0])
    return None if offset is None else offset + at - position


def _wikilink_pieces(token: Token, starts: list[tuple[int, int | None]]) -> Iterator[Piece]:
    """What Obsidian shows for `[[Note#Part]]`: "Note > Part"."""
    at = token.meta["at"]
    for number, part in enumerate(token.content.split("#")):
        if number and part:
            yield Piece(" > ", None)
        yield Piece(part, _absolute(starts, at))
        at += len(part) + 1
