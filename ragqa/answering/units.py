"""Sources -> units and their parts: what an answer is made of.

A unit is what can be read alone below its headings (see `documents.units`); a part is what of it
can be shown or left out: a sentence, an item with all that stands in it, a row, a piece of code.
What introduces a unit, as "You need:" does, is shown with any of its parts. Knows no question.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import groupby, pairwise
from pathlib import Path
from typing import Literal

from ragqa.answering.pieces import Piece, Source
from ragqa.documents.units import COLONS, MAX_INTRODUCTION, ROWS, TEXT, introduces
from ragqa.records import BETWEEN_CELLS, EMPTY_CELL, Block, Hit
from ragqa.text.injection import is_instruction
from ragqa.text.sentences import OWN_MARKER

Kind = Literal["text", "item", "row", "code"]
LEADS = (*TEXT, "caption", "term")
# They say nothing by themselves, and never stand in an answer of their own.
SILENT = ("heading", "column_names", "table_header")

# An item of more words is shown in parts where others are nested in it: as few as make a paragraph
# that is shown whole (see `selection`).
MAX_ITEM = 45

# What the mark of a task means: it is asked for in words.
STATES = {
    "[ ]": "open task",
    "[x]": "task done",
    "[X]": "task done",
    "[/]": "task in progress",
    "[-]": "cancelled task",
}


REFERENCES = re.compile(
    r"(sources?|references?|bibliography|literature|(further|more) (reading|resources)|see also"
    r"|links|resources|going further|(where to )?(learn|read) more|further information)",
    re.I,
)
SEE = re.compile(r"[Ss]ee (?:also\b|[A-Z“\"])")


@dataclass(frozen=True)
class Part:
    """What of a unit can be shown by itself; `pieces` are in their order, without orders.

    `above` is the item that it is nested in, which is shown with it: an advantage is of something.
    """

    kind: Kind
    pieces: tuple[Piece, ...]
    above: tuple[Piece, ...] = ()

    @property
    def slices(self) -> Iterator[Slice]:
        """The stretches of blocks that it is made of."""
        return slices_of(self.pieces)

    @cached_property
    def said(self) -> str:
        """What it says, a line a block; of a row each value with the name of its column."""
        return _said(self.pieces)

    @property
    def in_list(self) -> str:
        """What it says below the item that it is nested in."""
        return _said((*self.above, *self.pieces))

    @property
    def first_block(self) -> Block:
        """The block that it begins with, as it is shown."""
        return (*self.above, *self.pieces)[0].block

    @property
    def text(self) -> str:
        """What a person sees of it, on one line."""
        return " ".join(one.text for one in self.slices)

    @cached_property
    def words(self) -> int:
        """How many it has."""
        return len(self.said.split())


@dataclass(frozen=True, slots=True)
class Slice:
    """`block.text[first:last]`: neighbouring pieces of one block."""

    hit: Hit
    block: Block
    first: int
    last: int

    @property
    def text(self) -> str:
        """What a person sees of it."""
        return self.block.text[self.first : self.last]

    @property
    def cells(self) -> list[tuple[str, str]]:
        """Column and value of each cell; none where the block is no row whose columns are known."""
        columns, values = self.block.columns, self.text.split(BETWEEN_CELLS)
        if len(columns) != len(values) or len(values) < 2 or any(map(is_instruction, columns)):
            return []
        names = ("" if name == EMPTY_CELL else name for name in columns)
        return list(zip(names, values, strict=True))

    @property
    def said(self) -> str:
        """The text; of a row each value with the name of its column."""
        pairs = (f"{name}: {value}" if name else value for name, value in self.cells)
        return "; ".join(pairs) or self.text


@dataclass(frozen=True)
class Unit:
    """Parts with what introduces them; `place` is the hit's among the hits.

    `orders` are sentences that give orders to whoever reads them: they were cut out.
    """

    place: int
    hit: Hit
    lead: tuple[Piece, ...]
    parts: tuple[Part, ...]
    orders: tuple[Piece, ...] = ()

    @property
    def start(self) -> int:
        """Where it begins in its document."""
        return (self.lead[0].block if self.lead else self.parts[0].first_block).start

    @property
    def headings(self) -> tuple[str, ...]:
        """Those above it."""
        return self.parts[0].pieces[0].block.headings

    def is_below_same_heading(self, other: Unit) -> bool:
        """Whether both stand in one section of one document."""
        return (self.hit.path, self.headings) == (other.hit.path, other.headings)

    @property
    def is_table(self) -> bool:
        """Whether its parts are rows."""
        return self.parts[0].kind == "row"

    @property
    def is_of_properties(self) -> bool:
        """Whether its parts are properties of a note."""
        return self.parts[0].pieces[0].block.kind == "property"

    @property
    def is_list(self) -> bool:
        """Whether its parts are items."""
        return self.parts[0].kind == "item"

    @property
    def only_refers(self) -> bool:
        """Whether it names sources, or says where to read on."""
        heading = self.headings[-1].strip(" :") if self.headings else ""
        sees = len(self.parts) == 1 and SEE.match(self.said)
        return bool(sees or REFERENCES.fullmatch(heading))

    @cached_property
    def context(self) -> str:
        """Title and headings above it, and what introduces it."""
        lead = " ".join(one.said for one in slices_of(self.lead))
        return " > ".join(dict.fromkeys(names_above(self.hit, self.headings))) + "\n" + lead

    @cached_property
    def said(self) -> str:
        """All that it says."""
        return _said(shown_pieces(self.parts))


def shown_pieces(parts: Iterable[Part]) -> list[Piece]:
    """The pieces that are shown of some parts of a unit, each once."""
    pieces = [piece for part in parts for piece in (*part.above, *part.pieces)]
    return list({id(piece): piece for piece in pieces}.values())


def _said(pieces: Iterable[Piece]) -> str:
    """What they say, a line a block; of a task its state as well."""
    return "\n".join(
        f"{STATES[one.block.mark]}: {one.said}"
        if one.block.mark in STATES and one.first == 0
        else one.said
        for one in slices_of(pieces)
    )


def names_above(hit: Hit, headings: Sequence[str]) -> list[str]:
    """Title and headings, and other names that the question has; a file's name with a number."""
    stem = Path(hit.path).stem
    dated = any(map(str.isdigit, stem)) and not hit.is_given and stem != hit.document_title
    return [name for name in (stem * dated, hit.document_title, *hit.called, *headings) if name]


def units_of(sources: Sequence[Source]) -> list[Unit]:
    """The units of the sources, in their order; those without a part that can be shown left out."""
    units = []
    for place, source in enumerate(sources):
        for _, group in groupby(source.blocks, key=lambda pair: pair[0].unit or id(pair[0])):
            unit = _unit(place, source.hit, list(group))
            if unit:
                units.append(unit)
    return units


def _unit(place: int, hit: Hit, blocks: Sequence[tuple[Block, list[Piece]]]) -> Unit | None:
    """The unit of some blocks with their pieces; None where there is nothing to show."""
    shown = [pieces for block, pieces in blocks if block.kind not in SILENT]
    leading = _count_leading([pieces[0].block for pieces in shown])
    leads = (piece for pieces in shown[:leading] for piece in pieces)
    lead = [piece for piece in leads if _says(piece) and not piece.is_order]
    orders = [piece for _, pieces in blocks for piece in pieces if piece.is_order]
    parts = _without_open_end(list(_parts(shown[leading:])))
    return Unit(place, hit, tuple(lead), tuple(parts), tuple(orders)) if parts else None


def _without_open_end(parts: Sequence[Part]) -> Sequence[Part]:
    """The parts without a last sentence that leads to what is not of the unit: a picture, or more
    units below headings of their own.
    """
    is_open = bool(parts) and parts[-1].kind == "text" and parts[-1].said.endswith(COLONS)
    return parts[:-1] if is_open else parts


def _count_leading(blocks: Sequence[Block]) -> int:
    """How many of the first blocks introduce the others."""
    count = 0
    for block, following in pairwise(blocks):
        if block.level or not _leads(block, following):
            break
        count += 1
    return count


def _leads(block: Block, following: Block) -> bool:
    """Whether a block of a unit says what the next one is; a long text says more than that."""
    if block.kind not in LEADS:
        return False
    if block.kind in ("term", "caption") or introduces(block, following):
        return True
    return following.kind not in TEXT and len(block.text.split()) <= MAX_INTRODUCTION


def _parts(blocks: Sequence[Sequence[Piece]]) -> Iterator[Part]:
    """The parts of blocks, each given by its pieces."""
    base = min((pieces[0].block.level for pieces in blocks if pieces[0].block.level), default=0)
    items: list[list[Piece]] = []
    for pieces in blocks:
        block = pieces[0].block
        is_text = block.kind in TEXT and not block.level
        telling = [one for one in pieces if _says(one)]
        told = [
            one
            for one in (telling if is_text else pieces)
            if telling and not one.is_order and OWN_MARKER.sub("", one.text).strip()
        ]
        if block.level or block.kind == "list_item":
            if not items or (block.level <= base and block.mark) or not block.level:
                items.append([])
            items[-1] += told
            continue
        yield from _items(items)
        items = []
        yield from _simple(block, told)
    yield from _items(items)


def _items(items: Iterable[Sequence[Piece]]) -> Iterator[Part]:
    for item in items:
        if item:
            whole = Part("item", tuple(item))
            yield from [whole] if whole.words <= MAX_ITEM else _nested(whole)


def _nested(item: Part) -> list[Part]:
    """The items that are nested in a long one, each below what it begins with; else the item."""
    own = item.pieces[0].block.level
    level = min((one.block.level for one in item.pieces if one.block.level > own), default=0)
    nested: list[list[Piece]] = []
    for piece in item.pieces:
        block = piece.block
        begins = block.level == level and block.mark and piece.first == 0
        if (level and begins) or not nested:
            nested.append([])
        nested[-1].append(piece)
    above, *others = map(tuple, nested)
    return [Part("item", one, above) for one in others] or [item]


def _simple(block: Block, pieces: Sequence[Piece]) -> Iterator[Part]:
    """The parts of a block outside of lists."""
    if block.kind in (*ROWS, "property", "code"):
        if pieces:
            yield Part("code" if block.kind == "code" else "row", tuple(pieces))
    else:
        for piece in pieces:
            yield Part("text", (piece,))


def _says(piece: Piece) -> bool:
    """Whether it is more than signs, or the number of one of the document's own sources."""
    return piece.block.kind == "code" or any(map(str.isalnum, OWN_MARKER.sub("", piece.text)))


def slices_of(pieces: Iterable[Piece]) -> Iterator[Slice]:
    """Neighbouring pieces of a block as one; an order between them parts them."""
    current: Slice | None = None
    for piece in pieces:
        if current and current.block is piece.block and _adjoins(current, piece):
            current = Slice(current.hit, current.block, current.first, piece.last)
            continue
        if current:
            yield current
        current = Slice(piece.hit, piece.block, piece.first, piece.last)
    if current:
        yield current


def _adjoins(earlier: Slice, piece: Piece) -> bool:
    """Whether nothing but white space stands between the two."""
    between = piece.block.text[earlier.last : piece.first]
    return not between.strip() or piece.block.kind == "code"
