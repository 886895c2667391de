"""Excerpts -> the sentences of an answer, as the document has them, with their citations.

Lists keep their marks and nesting, rows the names of their columns, code its lines. Neighbouring
parts of a unit have one source. Knows nothing of how excerpts were chosen, or of terminals.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import pairwise

from ragqa.answering.citations import Citer, marked
from ragqa.answering.pieces import Piece
from ragqa.answering.selection import Excerpt
from ragqa.answering.units import Slice, Unit, shown_pieces, slices_of
from ragqa.documents.units import TEXT
from ragqa.records import Sentence, SentenceKind
from ragqa.text.folding import without_invisible
from ragqa.text.sentences import OWN_MARKER, split_sentences

KINDS: dict[str, SentenceKind] = {"item": "item", "row": "row", "code": "code"}


def sentences_of(excerpt: Excerpt, citer: Citer, gap: str = "") -> list[Sentence]:
    """The sentences of an excerpt; `gap` is what parts it from what is before it."""
    sentences = [
        sentence
        for run in _runs(excerpt)
        for sentence in _cited(list(_told(excerpt, run)), citer.cite(run))
    ]
    if excerpt.heading:
        colon = "" if excerpt.heading.endswith(("?", "!", ":")) else ":"
        title = Sentence(excerpt.heading + colon, "supported", sentences[0].citations)
        sentences.insert(0, replace(title, kind="heading"))
    if excerpt.left:
        sentences.append(_more(excerpt, sentences[-1].citations))
    return _spaced(sentences, gap)


def _runs(excerpt: Excerpt) -> Iterator[list[Slice]]:
    """The slices that are shown, those together that stand one after the other in the unit."""
    unit = excerpt.unit
    pieces = _pieces(unit)
    shown = {id(piece) for piece in [*unit.lead, *shown_pieces(excerpt.parts)]}
    run: list[Piece] = []
    for piece in pieces:
        if id(piece) in shown:
            run.append(piece)
        elif run:
            yield list(slices_of(run))
            run = []
    if run:
        yield list(slices_of(run))


def _pieces(unit: Unit) -> list[Piece]:
    """All pieces of a unit in their order, orders among them: they part what stands around them."""
    pieces = [*unit.lead, *shown_pieces(unit.parts), *unit.orders]
    return sorted(pieces, key=lambda piece: (piece.block.start, piece.first))


def _told(excerpt: Excerpt, run: Sequence[Slice]) -> Iterator[Sentence]:
    """The sentences, items, rows and code of some slices."""
    kinds = {
        id(piece.block): KINDS.get(part.kind, "text")
        for part in excerpt.parts
        for piece in shown_pieces([part])
    }
    for one in run:
        kind: SentenceKind = kinds.get(id(one.block), "lead")
        if kind == "text":
            yield from (_sentence(text, kind) for text in split_sentences(one.text))
        elif kind == "lead" and one.block.kind in TEXT:
            first, *others = (_sentence(text, kind) for text in split_sentences(one.text))
            yield from (replace(first, gap="\n"), *others)
        elif one.block.kind == "code":
            yield Sentence(without_invisible(one.text), "supported", kind="code")
        else:
            begins = one.first == 0
            told = _sentence(one.said, kind)
            yield replace(
                told,
                gap="\n",
                mark=one.block.mark if begins and kind == "item" else "",
                level=one.block.level,
                cells=tuple(one.cells) if kind == "row" else (),
            )


def _sentence(text: str, kind: SentenceKind) -> Sentence:
    return Sentence(OWN_MARKER.sub("", without_invisible(text)).strip(), "supported", kind=kind)


def _cited(sentences: Sequence[Sentence], numbers: tuple[int, ...]) -> list[Sentence]:
    """The sentences with their citations: in the text the last one bears the numbers."""
    cited = [replace(one, citations=numbers) for one in sentences]
    last = cited[-1]
    is_code = last.kind == "code"  # it is no text: nothing is put into its last line
    text = f"{last.text}\n{marked('', numbers).strip()}" if is_code else marked(last.text, numbers)
    return [*cited[:-1], replace(last, text=text)]


def _more(excerpt: Excerpt, numbers: tuple[int, ...]) -> Sentence:
    """How much of a long list is not shown, and where it stands."""
    first = excerpt.left[0].pieces[0].block.line
    last = excerpt.left[-1].pieces[-1].block.end_line
    lines = f"line {first}" if first == last else f"lines {first} to {last}"
    return Sentence(f"... {len(excerpt.left)} more, {lines}", "supported", numbers, "more")


def _spaced(sentences: Sequence[Sentence], gap: str) -> list[Sentence]:
    """The sentences with what stands between them."""
    spaced = [replace(sentences[0], gap=gap)]
    for before, one in pairwise(sentences):
        flows = one.kind in ("text", "lead") and before.kind in (one.kind, "heading")
        spaced.append(replace(one, gap=one.gap if flows else "\n"))
    return spaced
