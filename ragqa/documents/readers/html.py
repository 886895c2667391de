"""Saved web pages: the text of the main part, without navigation, scripts and other chrome.

The standard library's HTMLParser is used because it is the one that tells the exact position of
each piece of text (lxml, html5lib and BeautifulSoup give lines at best). Knows nothing of
Markdown; `fragment_blocks` also serves HTML inside Markdown.
"""

from __future__ import annotations

import re
from html import unescape
from html.parser import HTMLParser
from pathlib import Path

from ragqa.documents.base import ExtractedText, TextReader
from ragqa.documents.blocks import BlockMaker, Fragment, HeadingPath, spaced
from ragqa.records import BETWEEN_CELLS, Block, Document

HIDDEN = {"script", "style", "noscript", "template", "svg", "iframe", "select", "button", "object"}
CHROME = {"nav", "footer", "aside", "form", "dialog", "menu"}
CHROME_ROLES = {"navigation", "banner", "contentinfo", "search", "complementary"}
MAIN = {"main", "article"}
SELF_CLOSING = {"p", "li", "dt", "dd", "tr", "td", "th", "option"}
VOID = {"br", "hr", "img", "input", "meta", "link", "wbr", "source", "col", "area", "base", "embed"}
INLINE = {
    "a", "abbr", "b", "bdi", "bdo", "cite", "code", "data", "del", "dfn", "em", "font", "i", "ins",
    "kbd", "label", "mark", "q", "s", "samp", "small", "span", "strong", "sub", "sup", "time", "tt",
    "u", "var", "wbr", "img", "td", "th", "acronym", "big", "nobr", "strike", "ruby", "rb", "rt",
    "rp",
}  # fmt: skip
KINDS = {
    "li": "list_item",
    "dd": "list_item",
    "pre": "code",
    "tr": "table_row",
    "blockquote": "quote",
}
HEADING = re.compile(r"h[1-6]")
MAX_DEPTH = 500  # as browsers do: deeper elements are read, but not kept on the stack
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
        self._open: list[tuple[str, bool]] = []
        self._pieces: list[Fragment] = []
        self._cells: set[str] = set()  # kinds of the current table row's

    def run(self, text: str) -> None:
        """Parse all of `text`."""
        self._line_starts = [0, *(match.end() for match in re.finditer("\n", text))]
        self.feed(text)
        self.close()
        self._flush()

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
            self._cell()
            self._cells.add(tag)
        elif tag not in INLINE:
            self._flush()
        if tag == "tr":
            self._cells.clear()
        if tag in SELF_CLOSING and self._open and self._open[-1][0] == tag:
            self._open.pop()  # old pages leave it to the next one to end it
        if tag not in VOID and (len(self._open) < MAX_DEPTH or tag in HIDDEN):
            self._open.append((tag, self._is_skipped(tag, values)))

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """`<br/>` and such: nothing stays open."""
        depth = len(self._open)
        self.handle_starttag(tag, attrs)
        del self._open[depth:]

    def handle_endtag(self, tag: str) -> None:
        """Close the innermost element of that name, and what was left open inside it."""
        if tag not in INLINE:
            self._flush()
        for depth in range(len(self._open) - 1, -1, -1):
            name = self._open[depth][0]
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

    def _cell(self) -> None:
        """A table cell begins: a bar between it and the one before."""
        if any(piece.text.strip() for piece in self._pieces):
            self._pieces.append(Fragment(BETWEEN_CELLS, None))
        else:
            self._pieces = []

    def _offset(self) -> int:
        line, column = self.getpos()
        return self.base + self._line_starts[line - 1] + column

    def _is_skipped(self, tag: str, attrs: dict[str, str | None]) -> bool:
        if tag in self.skipped or "hidden" in attrs:
            return True
        if self.skipped is HIDDEN:
            return False
        site_header = tag == "header" and not any(name in MAIN for name, _ in self._open)
        return site_header or (attrs.get("role") or "").lower() in CHROME_ROLES

    def _hidden(self) -> bool:
        return any(skipped for _, skipped in self._open)

    def _inside(self, *tags: str) -> bool:
        return any(name in tags for name, _ in self._open)

    def _flush(self) -> None:
        """End the current block."""
        pieces, self._pieces = self._pieces, []
        if not pieces:
            return
        names = [name for name, _ in self._open]
        if "title" in names:
            self.title = self.title or "".join(piece.text for piece in pieces).strip() or None
            return
        heading = next((name for name in reversed(names) if HEADING.fullmatch(name)), None)
        kind = next((KINDS[name] for name in reversed(names) if name in KINDS), "paragraph")
        if kind == "table_row" and ("thead" in names or self._cells == {"th"}):
            kind = "table_header"
        if heading:
            kind = "heading"
            shown = self.make.block(kind, (), pieces)
            if shown:
                self.headings.enter(int(heading[1]), shown.text)
                self.heading = self.heading or (shown.text if heading == "h1" else None)
        block = self.make.block(kind, self.above + self.headings.path, pieces)
        if block:
            self.blocks.append((block, any(name in MAIN for name in names)))
