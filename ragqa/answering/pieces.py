"""Hits -> Sources: passages with their sentences, each judged once whether it is evidence at all.

Ranking, reading, prompt and citations work on these. Knows nothing of the question.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import groupby

from ragqa.records import BETWEEN_CELLS, Block, Hit
from ragqa.text.folding import without_invisible
from ragqa.text.injection import closes_passages, is_instruction
from ragqa.text.sentences import sentence_spans, split_sentences

IN_LISTS = ("list_item", "code")


@dataclass(frozen=True, slots=True)
class Piece:
    """A sentence of a passage: `block.text[first:last]`.

    `closes` is True where it poses as the end of the passages, `is_order` where it, or what follows
    such a false end, is addressed to the model that reads it: that is no evidence of anything.
    """

    hit: Hit
    block: Block
    first: int
    last: int
    closes: bool = False
    is_order: bool = False

    @property
    def text(self) -> str:
        """What a person sees of it."""
        return self.block.text[self.first : self.last]


@dataclass(frozen=True, slots=True)
class Source:
    """A passage that was found, with its pieces in their order."""

    hit: Hit
    pieces: tuple[Piece, ...]

    @property
    def blocks(self) -> Iterator[tuple[Block, list[Piece]]]:
        """Each block of it with its pieces."""
        for _, group in groupby(self.pieces, key=lambda piece: id(piece.block)):
            pieces = list(group)
            yield pieces[0].block, pieces

    @property
    def evidence(self) -> str:
        """Its text, a line a block, without orders and hidden characters."""
        lines = []
        for block, pieces in self.blocks:
            text = block.text
            orders = [piece for piece in pieces if piece.is_order]
            for piece in reversed(orders):
                text = text[: piece.first] + text[piece.last :]
            lines.append(text.strip() if orders else text)
        return without_invisible("\n".join(line for line in lines if line))


def sources_of(hits: Sequence[Hit]) -> list[Source]:
    """A source for each hit."""
    return [Source(hit, tuple(_judged(_pieces(hit)))) for hit in hits]


def joined(best: Hit, run: Sequence[Source]) -> Source:
    """Neighbouring passages as one, in the place of the best hit."""
    blocks = tuple(block for source in run for block in source.hit.passage.blocks)
    hit = replace(best, passage=replace(best.passage, blocks=blocks))
    return Source(hit, tuple(_judged(piece for source in run for piece in source.pieces)))


def lead_in_of(block: Block, blocks: Sequence[Block]) -> str:
    """What leads to the list, or the code, that a block of a passage is of; empty without one.

    That is the nearest text that ends in a colon with only items and code between, else the heading
    right above them. A heading that asks leads to answers, which mean what they say.
    """
    if block.kind not in IN_LISTS:
        return ""
    for earlier in reversed(blocks[: blocks.index(block)]):
        if earlier.text.endswith(":"):
            return split_sentences(earlier.text)[-1]
        if earlier.kind not in IN_LISTS:
            return ""
    heading = block.headings[-1] if block.headings else ""
    return "" if heading.endswith("?") else heading


def _pieces(hit: Hit) -> Iterator[Piece]:
    """The sentences of a hit. Code is no order: notes on language models quote templates."""
    for block in hit.passage.blocks:
        if block.kind == "code":
            yield Piece(hit, block, 0, len(block.text))
            continue
        for first, last in sentence_spans(block.text):
            text = block.text[first:last]
            order = any(map(is_instruction, text.split(BETWEEN_CELLS)))
            yield Piece(hit, block, first, last, closes_passages(text), order)


def _judged(pieces: Iterable[Piece]) -> Iterator[Piece]:
    """The pieces; after a false end all are orders."""
    closed = False
    for piece in pieces:
        closed = closed or piece.closes
        yield replace(piece, is_order=True) if closed and not piece.is_order else piece
