"""reStructuredText through docutils, with what Sphinx adds taken as plain text.

docutils keeps no positions within a block, so each text node is found again in the source, from
where the last one ended. Includes and raw directives are off: a document is data.
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

from ragqa.documents.blocks import BlockMaker, HeadingPath, Piece
from ragqa.records import Block, Document

SETTINGS = {
    "report_level": 5,
    "halt_level": 5,
    "file_insertion_enabled": False,
    "raw_enabled": False,
    "_disable_config": True,
    "syntax_highlight": "none",
    "doctitle_xform": False,
    "smart_quotes": False,
}
SPHINX_ROLES = (
    "any", "attr", "class", "command", "const", "data", "doc", "envvar", "exc", "file", "func",
    "guilabel", "kbd", "keyword", "menuselection", "meth", "mod", "obj", "option", "program", "py",
    "pypi", "ref", "samp", "term", "py:class", "py:func", "py:meth", "py:mod", "py:attr", "py:obj",
)  # fmt: skip
SPHINX_BODIES = (
    "versionadded",
    "versionchanged",
    "deprecated",
    "seealso",
    "centered",
    "tip",
    "todo",
)
SPHINX_CODE = ("code-block", "sourcecode", "doctest", "testcode", "prompt", "literalinclude")
SPHINX_IGNORED = (
    "toctree", "automodule", "autoclass", "autofunction", "autosummary", "currentmodule", "module",
    "index", "highlight", "only", "tabs", "grid", "image", "figure",
)  # fmt: skip
BLOCK_NODES = (
    nodes.paragraph, nodes.literal_block, nodes.doctest_block, nodes.line, nodes.term,
    nodes.math_block, nodes.rubric, nodes.caption, nodes.title, nodes.row,
)  # fmt: skip
HIDDEN_NODES = (nodes.comment, nodes.substitution_definition, nodes.target, nodes.pending)


class _Body(Directive):
    """A Sphinx directive whose content is ordinary text."""

    has_content = True
    optional_arguments = 1
    final_argument_whitespace = True

    def run(self) -> list[nodes.Node]:
        """The content as a container."""
        box = nodes.container()
        self.state.nested_parse(self.content, self.content_offset, box)
        return [box]


class _Code(_Body):
    """A Sphinx directive whose content is code."""

    option_spec = None

    def run(self) -> list[nodes.Node]:
        """The content as it stands, without options."""
        code = "\n".join(line for line in self.content if not re.match(r":[\w-]+:", line))
        return [nodes.literal_block(code, code)] if code.strip() else []


class _Ignored(_Body):
    """A Sphinx directive that needs Sphinx to mean anything."""

    def run(self) -> list[nodes.Node]:
        """Nothing."""
        return []


@lru_cache(maxsize=1)
def _register_sphinx() -> None:
    for name in SPHINX_ROLES:
        roles.register_local_role(name, _role)
    for names, directive in (
        (SPHINX_BODIES, _Body), (SPHINX_CODE, _Code), (SPHINX_IGNORED, _Ignored)
    ):  # fmt: skip
        for name in names:
            directives.register_directive(name, directive)


def _role(
    name: str, rawtext: str, text: str, lineno: int, inliner: Any,
    options: Any = None, content: Any = None,
) -> tuple[list[Any], list[Any]]:  # fmt: skip
    """`:ref:`shown <target>`` and `:class:`~package.Name``: the part that a page shows."""
    shown = re.sub(r"\s*<[^<>]*>$", "", text)
    shown = shown.rsplit(".", 1)[-1] if shown.startswith("~") else shown
    return [nodes.literal(rawtext, shown)], []


def read(path: Path, text: str, encoding: str) -> Document:
    """Parse reStructuredText into a Document."""
    _register_sphinx()
    tree = publish_doctree(text, settings_overrides=SETTINGS)
    walk = _Walk(text)
    walk.visit(tree, 0)
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

    def visit(self, node: nodes.Node, depth: int) -> None:
        """Walk down; `depth` is the number of sections around `node`."""
        if isinstance(node, HIDDEN_NODES):
            return
        if isinstance(node, nodes.system_message):
            # An unknown directive: its source is all that there is to show.
            for source in node.findall(nodes.literal_block):
                self._add(source, "paragraph")
        elif isinstance(node, BLOCK_NODES):
            self._block(node, depth)
        else:
            inner = depth + isinstance(node, nodes.section)
            for child in node.children:
                self.visit(child, inner)

    def _block(self, node: nodes.Node, depth: int) -> None:
        if isinstance(node, nodes.title) and isinstance(node.parent, nodes.section):
            shown = re.sub(r"\s+", " ", node.astext()).strip()
            self.headings.enter(depth, shown)
            self.title = self.title or shown
            self._add(node, "heading")
        else:
            self._add(node, _kind(node))

    def _add(self, node: nodes.Node, kind: str) -> None:
        block = self.make.block(kind, self.headings.path, self._pieces(node))
        if block:
            self.blocks.append(block)

    def _pieces(self, node: nodes.Node) -> Iterator[Piece]:
        """The texts below `node` with their offsets."""
        verbatim = isinstance(node, nodes.literal_block | nodes.doctest_block)
        entry = None
        for leaf in node.findall(nodes.Text):
            if isinstance(node, nodes.row):
                cell = _cell(leaf)
                if entry is not None and cell is not entry:
                    yield Piece(" | ", None)
                entry = cell
            for part in re.findall(r"[^\n]+|\n", leaf.astext()):
                if part == "\n":
                    yield Piece("\n" if verbatim else " ", None)
                else:
                    yield Piece(part, self._find(part))

    def _find(self, part: str) -> int | None:
        """Where `part` stands next; None where escapes or substitutions changed it."""
        at = self.make.text.find(part, self._cursor)
        if at < 0:
            return None
        self._cursor = at + len(part)
        return at


def _cell(leaf: nodes.Node) -> nodes.Node:
    """The table cell that a text node lies in."""
    while leaf.parent is not None and not isinstance(leaf, nodes.entry):
        leaf = leaf.parent
    return leaf


def _kind(node: nodes.Node) -> str:
    if isinstance(node, nodes.literal_block | nodes.doctest_block):
        return "code"
    if isinstance(node, nodes.row):
        return "table_row"
    parent = node.parent
    while parent is not None:
        if isinstance(parent, nodes.list_item | nodes.definition_list_item):
            return "list_item"
        if isinstance(parent, nodes.block_quote):
            return "quote"
        parent = parent.parent
    return "paragraph"
