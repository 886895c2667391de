"""reStructuredText through docutils, with what Sphinx adds taken as plain text.

docutils keeps no positions within a block, so each text node is found again in the source, from
where the last one ended and before the line where the next paragraph begins. Includes and raw
directives are off: a document is data.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any

from docutils import nodes
from docutils.core import publish_doctree
from docutils.parsers.rst import Directive, directives, roles
from docutils.utils import unescape

from ragqa.documents.base import ExtractedText, TextReader
from ragqa.documents.blocks import BlockMaker, Fragment, HeadingPath
from ragqa.documents.lists import Numbering
from ragqa.documents.tables import ROWS, Cell, Grid, in_columns, row_kind
from ragqa.records import BETWEEN_CELLS, Block, Document

SETTINGS = {
    "report_level": 5,
    "halt_level": 5,
    "file_insertion_enabled": False,
    "raw_enabled": False,
    "_disable_config": True,
    "syntax_highlight": "none",
    "doctitle_xform": False,
    "smart_quotes": False,
    "docinfo_xform": False,
    "line_length_limit": 10**9,  # by default one long line makes docutils refuse the file
}
SPHINX_ROLES = (
    "any", "attr", "class", "command", "const", "data", "doc", "envvar", "exc", "file", "func",
    "guilabel", "kbd", "keyword", "menuselection", "meth", "mod", "obj", "option", "program", "py",
    "pypi", "ref", "samp", "term", "py:class", "py:func", "py:meth", "py:mod", "py:attr", "py:obj",
)  # fmt: skip
SPHINX_BODIES = (
    "versionadded", "versionchanged", "deprecated", "seealso", "centered", "todo",
)  # fmt: skip
SPHINX_BOXES = ("only", "tabs", "tab-set", "grid", "figure")  # their argument is not shown
SPHINX_TITLED = ("tab", "group-tab", "tab-item", "grid-item-card", "card", "dropdown")
SPHINX_CODE = ("code-block", "sourcecode", "doctest", "testcode", "prompt", "literalinclude")
SPHINX_IGNORED = (
    "toctree", "automodule", "autoclass", "autofunction", "autosummary", "currentmodule", "module",
    "index", "highlight", "image",
)  # fmt: skip
BLOCK_NODES = (nodes.TextElement, nodes.row)
HIDDEN_NODES = (
    nodes.comment, nodes.substitution_definition, nodes.target, nodes.pending, nodes.label,
    nodes.raw,
)  # fmt: skip
LINED_NODES = (nodes.paragraph, nodes.term)  # docutils knows their first lines for certain
BESIDE_NODES = (nodes.field_name, nodes.option_string, nodes.classifier)  # on another's line
KINDS: dict[type[nodes.Element], str] = {  # of what lies in such a node, the innermost one
    nodes.list_item: "list_item", nodes.block_quote: "quote", nodes.field_body: "definition",
    nodes.definition: "definition", nodes.description: "definition", nodes.option_group: "term",
    nodes.definition_list_item: "term", nodes.field: "term",
}  # fmt: skip
STYLES = {"loweralpha": "a", "upperalpha": "A", "lowerroman": "i", "upperroman": "I"}
# A directive that asks for something that is off, or that nobody knows; below it: remarks.
ERROR_LEVEL = 3
NEAR = 80  # characters within which the next word of a changed text is looked for


class _Body(Directive):
    """A Sphinx directive whose content is ordinary text, from its first line on."""

    has_content = True

    def run(self) -> list[nodes.Node]:
        """The content as a container."""
        box = nodes.container()
        self.state.nested_parse(self.content, self.content_offset, box)
        return [box]


class _Box(_Body):
    """A Sphinx directive whose content is ordinary text, below an argument and options."""

    optional_arguments = 1
    final_argument_whitespace = True


class _Titled(_Box):
    """A box whose argument is its title."""

    def run(self) -> list[nodes.Node]:
        """The title as a paragraph, then the content."""
        title = self.arguments[0].split("\n")[0] if self.arguments else ""
        return [nodes.paragraph(title, title), *super().run()]


class _Code(_Box):
    """A Sphinx directive whose content is code."""

    def run(self) -> list[nodes.Node]:
        """The content as it stands, without options."""
        code = "\n".join(line for line in self.content if not re.match(r":[\w-]+:", line))
        return [nodes.literal_block(code, code)] if code.strip() else []


class _Ignored(_Box):
    """A Sphinx directive that needs Sphinx to mean anything."""

    def run(self) -> list[nodes.Node]:
        """Nothing."""
        return []


@lru_cache(maxsize=1)
def _register_sphinx() -> None:
    for name in SPHINX_ROLES:
        roles.register_local_role(name, _role)
    for names, directive in (
        (SPHINX_BODIES, _Body), (SPHINX_BOXES, _Box), (SPHINX_TITLED, _Titled),
        (SPHINX_CODE, _Code), (SPHINX_IGNORED, _Ignored),
    ):  # fmt: skip
        for name in names:
            directives.register_directive(name, directive)


def _role(
    name: str, rawtext: str, text: str, lineno: int, inliner: Any,
    options: Any = None, content: Any = None,
) -> tuple[list[Any], list[Any]]:  # fmt: skip
    """`:ref:`shown <target>`` and `:class:`~package.Name``: the part that a page shows."""
    shown = re.sub(r"\s*<[^<>]*>$", "", unescape(text))
    shown = shown.rsplit(".", 1)[-1] if shown.startswith("~") else shown
    return [nodes.literal(rawtext, shown)], []


class Reader(TextReader):
    """Reads reStructuredText."""

    def parse(self, path: Path, extracted: ExtractedText) -> Document:
        """The Document that a text is."""
        return read(path, extracted.text, extracted.encoding)


def read(path: Path, text: str, encoding: str) -> Document:
    """Parse reStructuredText into a Document."""
    _register_sphinx()
    tree = publish_doctree(text, settings_overrides=SETTINGS)
    walk = _Walk(text)
    walk.run(tree)
    return Document(
        path, text, tuple(walk.blocks), title=walk.title, tags=walk.tags, encoding=encoding
    )


class _Walk:
    """Collects blocks in document order."""

    def __init__(self, text: str) -> None:
        self.make = BlockMaker(text)
        self.headings = HeadingPath()
        self.blocks: list[Block] = []
        self.title: str | None = None
        self.tags: tuple[str, ...] = ()
        self._cursor = 0
        self._grids: dict[int, Grid] = {}  # by the id of the table

    def run(self, tree: nodes.document) -> None:
        """Collect the blocks of a parsed file."""
        found = list(_visible(tree, 0))
        windows = _windows([node for node, _ in found])
        marks = _marks(tree)
        for (node, depth), (begin, end) in zip(found, windows, strict=True):
            self._cursor = max(self._cursor, self.make.line_start(begin))
            limit = len(self.make.text) if end is None else self.make.line_end(end)
            kind, around = _kind(node), _items(node)
            if kind == "heading":
                shown = re.sub(r"\s+", " ", node.astext()).strip()
                self.headings.enter(depth, shown)
                self.title = self.title or shown
            mark = marks.get(around[0], "") if around else ""
            if self._add(node, kind, limit, len(around), mark):
                for item in around:
                    marks.pop(item, None)  # what follows in it continues it

    def _add(self, node: nodes.Element, kind: str, limit: int, level: int, mark: str) -> bool:
        """The block that a node is; False where nothing of it is to be seen."""
        if not isinstance(node, nodes.row):
            pieces = list(self._pieces(node, limit))
        else:
            grid = self._grids.setdefault(id(node.parent.parent), Grid())
            pieces, cells = self._row(node, grid, limit)
            is_head = kind == "column_names"
            kind = kind if is_head else row_kind(cells)
            grid.end_row(is_head)
        block = self.make.block(kind, self.headings.path, pieces, None, level, mark)
        if block and kind in ROWS:
            block = in_columns(block, cells, grid.names)
        if block:
            self.blocks.append(block)
        return block is not None

    def _row(self, row: nodes.row, grid: Grid, limit: int) -> tuple[list[Fragment], list[Cell]]:
        """The texts of a row, with bars between its cells, and these cells."""
        pieces: list[Fragment] = []
        cells: list[Cell] = []

        def add(cell: Cell, shown: list[Fragment]) -> None:
            pieces.extend([Fragment(BETWEEN_CELLS, None)] * bool(pieces and shown) + shown)
            cells.append(cell)

        for entry in row.children:
            assert isinstance(entry, nodes.entry)
            cell, above = grid.add(1 + entry.get("morecols", 0), 1 + entry.get("morerows", 0))
            cell.text = entry.astext()
            for one in above:
                add(one, [Fragment(one.text, None)])
            add(cell, list(self._pieces(entry, limit)))
        for one in grid.rest():
            add(one, [Fragment(one.text, None)])
        return pieces, cells

    def _pieces(self, node: nodes.Element, limit: int) -> Iterator[Fragment]:
        """The texts below `node` with their offsets, which are below `limit`."""
        verbatim = isinstance(node, nodes.literal_block | nodes.doctest_block)
        before = None
        for leaf in node.findall(nodes.Text):
            if isinstance(leaf.parent, nodes.citation_reference | nodes.footnote_reference):
                continue  # a raised number or label, no word of the sentence
            if isinstance(node, nodes.entry):
                cell, paragraph = _around(leaf, nodes.entry), _around(leaf, nodes.TextElement)
                if before and paragraph is not before[1]:
                    yield Fragment(BETWEEN_CELLS if cell is not before[0] else " ", None)
                before = cell, paragraph
            for part in re.findall(r"[^\n]+|\n", leaf.astext()):
                if part == "\n":
                    yield Fragment("\n" if verbatim else " ", None)
                else:
                    yield from self._placed(part, limit)

    def _placed(self, part: str, limit: int) -> Iterator[Fragment]:
        """`part` where it stands next; where escapes or tabs changed it, word by word."""
        offset = self._find(part, limit)
        if offset is not None:
            yield Fragment(part, offset)
            return
        for word in re.findall(r"\s+|\w+|[^\w\s]", part):
            near = min(limit, self._cursor + len(word) + NEAR)
            yield Fragment(word, None if word.isspace() else self._find(word, near))

    def _find(self, part: str, limit: int) -> int | None:
        """Where `part` stands next; None where it does not."""
        at = self.make.text.find(part, self._cursor, limit)
        if at < 0:
            return None
        self._cursor = at + len(part)
        return at


def _visible(node: nodes.Node, depth: int) -> Iterator[tuple[nodes.Element, int]]:
    """The nodes below `node` that become blocks, each with the number of sections around it."""
    if not isinstance(node, nodes.Element) or isinstance(node, HIDDEN_NODES):
        return
    if isinstance(node, nodes.system_message):
        # What it complains about is all that there is to show.
        if node["level"] >= ERROR_LEVEL:
            yield from ((source, depth) for source in node.findall(nodes.literal_block))
    elif isinstance(node, BLOCK_NODES):
        yield node, depth
    elif "contents" not in node["classes"]:
        inner = depth + isinstance(node, nodes.section)
        for child in node.children:
            yield from _visible(child, inner)


def _windows(found: list[nodes.Element]) -> list[tuple[int, int | None]]:
    """For each node the lines (from 0) between which its text must stand; None: the last one."""
    windows: list[tuple[int, int | None]] = []
    following: int | None = None
    for node in reversed(found):
        if (
            isinstance(node, LINED_NODES)
            and node.line
            and node.line - 1 <= (following or node.line)
        ):
            following = node.line - 1
            windows.append((following, following + node.rawsource.count("\n")))
        elif following is None or isinstance(node, BESIDE_NODES):
            windows.append((0, following))
        else:
            windows.append((0, following - 1))
    return windows[::-1]


def _around(leaf: nodes.Node, kind: type[nodes.Element]) -> nodes.Node:
    """The outermost node of this kind that `leaf` lies in, within its table cell."""
    found = leaf
    while leaf.parent is not None and not isinstance(leaf, nodes.entry):
        leaf = leaf.parent
        if isinstance(leaf, kind):
            found = leaf
    return found


def _kind(node: nodes.Element) -> str:
    if isinstance(node, nodes.title) and isinstance(node.parent, nodes.section | nodes.table):
        return "heading" if isinstance(node.parent, nodes.section) else "caption"
    if isinstance(node.parent, nodes.system_message):
        return "paragraph"
    if isinstance(node, nodes.literal_block | nodes.doctest_block):
        return "code"
    if isinstance(node, nodes.row):
        return "column_names" if isinstance(node.parent, nodes.thead) else "table_row"
    return next((KINDS[type(one)] for one in _ancestors(node) if type(one) in KINDS), "paragraph")


def _ancestors(node: nodes.Node) -> Iterator[nodes.Element]:
    """What a node lies in, the innermost first."""
    while node.parent is not None:
        node = node.parent
        yield node


def _items(node: nodes.Element) -> list[int]:
    """The ids of the list items around a node, the innermost first."""
    return [id(one) for one in _ancestors(node) if isinstance(one, nodes.list_item)]


def _marks(tree: nodes.document) -> dict[int, str]:
    """The mark of each list item, by its id."""
    numberings: dict[int, Numbering] = {}
    marks = {}
    for item in tree.findall(nodes.list_item):
        numbering = numberings.setdefault(id(item.parent), _numbering(item.parent))
        marks[id(item)] = numbering.next()
    return marks


def _numbering(items: nodes.Element) -> Numbering:
    if not isinstance(items, nodes.enumerated_list):
        return Numbering()
    style = STYLES.get(items["enumtype"], "1")
    return Numbering(style, items.get("start", 1), 1, items["prefix"], items["suffix"])
