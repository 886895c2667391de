"""The properties of a note as a person reads them: blocks `key: value`. Parses no YAML."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from ragqa.documents.blocks import BlockMaker, Fragment, spaced
from ragqa.documents.readers.markdown.frontmatter import Property
from ragqa.records import Block

# What steers a program, and what is asked for in other ways: titles, aliases, tags.
NOT_SHOWN = re.compile(
    r"title|alias(es)?|tags?|linter-yaml-title-alias|cssclass(es)?|publish|permalink|slug|layout|"
    r"template|.*-plugin|banner.*|cover|thumbnail|image|icon|sticker",
    re.IGNORECASE,
)
PLACEHOLDER = re.compile(r"\s*\{\{.*\}\}\s*", re.DOTALL)  # of a template: nobody filled it in
WIKILINK = re.compile(r"!?\[\[(?:[^\[\]|]*\|)?([^\[\]|]+)\]\]")
NEAR = 80  # characters within which the next word of a changed value is looked for


def property_blocks(make: BlockMaker, properties: Iterable[Property]) -> Iterator[Block]:
    """A block for each property that says something to a person."""
    for one in properties:
        if not NOT_SHOWN.fullmatch(one.key) and not all(map(PLACEHOLDER.fullmatch, one.values)):
            pieces = list(_pieces(make.text, one))
            last = max((p.offset for p in pieces if p.offset is not None), default=one.start)
            end = make.line_end(make.line_of(last) - 1)
            end = one.start + len(make.text[one.start : end].rstrip())
            if block := make.block("property", (), pieces, (one.start, end)):
                yield block


def _pieces(text: str, one: Property) -> Iterator[Fragment]:
    """Key and values, each where it stands."""
    at = text.find(one.key, one.start, one.end)
    yield Fragment(one.key, at if at >= 0 else None)
    yield Fragment(": ", None)
    cursor = at + len(one.key)
    for number, value in enumerate(one.values):
        if number:
            yield Fragment(", ", None)
        for part in _shown(value):
            for piece in _placed(text, part, cursor, one.end):
                if piece.offset is not None:
                    cursor = piece.offset + len(piece.text)
                yield piece


def _shown(value: str) -> Iterator[str]:
    """What is to be seen of a value: of a link its name."""
    end = 0
    for link in WIKILINK.finditer(value):
        yield value[end : link.start()]
        yield link[1]
        end = link.end()
    yield value[end:]


def _placed(text: str, part: str, cursor: int, end: int) -> Iterator[Fragment]:
    """`part` where it stands next; where quotes or folded lines changed it, word by word."""
    at = text.find(part, cursor, end)
    if at >= 0:
        yield from spaced(part, at)
        return
    for match in re.finditer(r"\s+|\S+", part):
        if match[0].isspace():
            yield Fragment(" ", None)
        else:
            at = text.find(match[0], cursor, min(end, cursor + len(match[0]) + NEAR))
            cursor = at + len(match[0]) if at >= 0 else cursor
            yield Fragment(match[0], at if at >= 0 else None)
