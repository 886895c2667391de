"""Query + Sources -> the sentences of the passages that answer it best, verbatim.

Pure but for the embedder that is passed in. Knows nothing of generators or citations.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from ragqa.answering.pieces import IN_LISTS, Piece, Source
from ragqa.answering.shortlist import SHORTLIST, Place, likely_cosines
from ragqa.embedding.base import Embedder, Vectors
from ragqa.query import Query
from ragqa.records import BETWEEN_CELLS, EMPTY_CELL, Block, Hit
from ragqa.text.injection import is_instruction
from ragqa.text.sentences import stems_of

# A sentence scores by its cosine to the question, plus this times the share of common words.
WORDS_WEIGHT = 0.5
# A sentence that says what the thing is that is asked for: "LoRA (low-rank adaptation) is ...".
DEFINITION_BONUS = 0.2
ASKS_FOR_DEFINITION = re.compile(
    r"(?:what(?:['’]s|\s+(?:is|are|was|were|does|do))|define|explain)\s+(?:an?\s+|the\s+)?"
    r"(?P<term>\S+(?:\s+\S+){0,3}?)(?:\s+(?:mean|stand\s+for))?",
    re.I,
)
DEFINES = (
    r"(?:an?\s+|the\s+)?(?:{0}s?(?:\s*\(|\s+(?:is|are|was|were|means?|stands?\s+for|refers?\s+to)\b)"
    r"|[^.;:]{{1,60}}\({0}s?\))"
)
AROUND_TERM = " \t\n\"'`“”‘’«».,:;!?*_"
# A text that comes with the question is what "here" and "this" in it mean.
GIVEN_BONUS = 0.6
MIN_WORDS, MAX_WORDS = 4, 80
MAX_ITEMS = 24  # of a list
LEAST_NAMED = 0.5  # of the words of a question, by the headings above a list
MARGIN = 0.12  # a further sentence may score this much below the best one
# Where a note names its sources: of no use as an answer.
REFERENCE_HEADING = re.compile(
    r"(sources?|references?|bibliography|further reading|see also)", re.I
)
# Blocks that say nothing by themselves.
NO_SENTENCES = ("code", "heading", "table_header", "column_names")
NO_ANSWER = re.compile(r"^see (also )?|[?:]$", re.I)
PRONOUN_START = re.compile(
    r"(it|its|they|their|them|this|these|that|those|he|she|his|her|such|both|here|there)\b", re.I
)


class Ranked(NamedTuple):
    """A sentence of a passage, and how well it fits the question.

    `place` is its hit's among the hits. `shown_from` and `shown_to` take in the neighbours that it
    leans on, or that lean on it. Not every sentence `stands_alone` as an answer. `columns` are the
    names above a row of a table. `vector` is the embedding of what it says, None where its score is
    estimated.
    """

    place: int
    piece: Piece
    shown_from: int
    shown_to: int
    stands_alone: bool
    columns: tuple[str, ...] = ()
    score: float = 0.0
    vector: Vectors | None = None

    @property
    def hit(self) -> Hit:
        """The hit that it is of."""
        return self.piece.hit

    @property
    def block(self) -> Block:
        """The block that it is of."""
        return self.piece.block

    @property
    def first(self) -> int:
        """Where it begins in the block's text."""
        return self.piece.first

    @property
    def text(self) -> str:
        """What a person sees of it."""
        return self.piece.text

    @property
    def said(self) -> str:
        """What it says: of a row of a table each value with the name of its column."""
        if not self.columns or self.text != self.block.text:
            return self.text
        pairs = zip(self.columns, self.text.split(BETWEEN_CELLS), strict=True)
        return "; ".join(cell if name == EMPTY_CELL else f"{name}: {cell}" for name, cell in pairs)

    @property
    def in_passage(self) -> Place:
        """Where it stands in the text of its passage, whose blocks have a line break between."""
        blocks = self.hit.passage.blocks
        before = sum(len(block.text) + 1 for block in blocks[: blocks.index(self.block)])
        return Place(self.hit, before + self.piece.first, before + self.piece.last)

    @property
    def in_context(self) -> str:
        """The sentence below the titles and headings that say what it is about."""
        return " ".join((self.hit.document_title, *self.hit.passage.headings, self.said))

    @property
    def shown(self) -> str:
        """The sentence with what is needed to understand it."""
        if self.said != self.text:
            return self.said
        return self.block.text[self.shown_from : self.shown_to]


def rank_sentences(query: Query, sources: Sequence[Source], embedder: Embedder) -> list[Ranked]:
    """All sentences of the sources, best first, but for headings, code and lists of references."""
    sentences = [
        sentence for place, source in enumerate(sources) for sentence in _sentences(place, source)
    ]
    if not sentences:
        return []
    texts = [sentence.said for sentence in sentences]
    shared = _shared_words(query.stems, texts)
    definition = _definition_asked_for(query.text)
    scored = [
        sentence._replace(
            score=cosine
            + WORDS_WEIGHT * shared[i]
            + DEFINITION_BONUS * bool(definition and definition.match(sentence.said))
            + GIVEN_BONUS * sentence.hit.is_given,
            vector=vector,
        )
        for i, (sentence, (cosine, vector)) in enumerate(
            zip(sentences, _compared(query, sentences, shared, embedder), strict=True)
        )
    ]
    return sorted(scored, key=lambda sentence: -sentence.score)


def _compared(
    query: Query, sentences: Sequence[Ranked], shared: Sequence[float], embedder: Embedder
) -> list[tuple[float, Vectors | None]]:
    """Cosine to the question and vector of each sentence.

    Of many sentences the less likely have no vector, and a cosine that is estimated.
    """
    numbers: Sequence[int] = range(len(sentences))
    found: list[tuple[float, Vectors | None]] = [(0.0, None) for _ in numbers]
    if len(sentences) > SHORTLIST:
        places = [one.in_passage for one in sentences]
        likely = likely_cosines(query.word_vectors, places, shared, embedder)
        found = [(cosine, None) for cosine in likely] or found
        best = sorted(numbers, key=lambda i: -found[i][0] - WORDS_WEIGHT * shared[i])
        numbers = sorted(best[:SHORTLIST]) if likely else numbers
    vectors = embedder.embed([sentences[i].said for i in numbers])
    for i, vector in zip(numbers, vectors, strict=True):
        found[i] = float(vector @ query.vector), vector
    return found


def best_sentences(ranked: Sequence[Ranked], count: int = 2) -> list[Ranked]:
    """Of ranked sentences at most `count` that can stand as an answer, best first."""
    alone = [sentence for sentence in ranked if sentence.stands_alone]
    # Notes without a whole sentence ("Port: 8080") answer with what they have.
    whole = [sentence for sentence in alone if len(sentence.said.split()) >= MIN_WORDS] or alone
    chosen: list[Ranked] = []
    for sentence in whole:
        if sentence.score < whole[0].score - MARGIN or len(chosen) == count:
            break
        if not any(sentence.said in earlier.shown for earlier in chosen):
            chosen.append(sentence)
    return chosen


def list_around(sentence: Ranked, ranked: Sequence[Ranked]) -> list[Ranked]:
    """The items of the list that a sentence is an item of, in their order; else itself alone.

    So too where the list is very long. Code may stand between items. Of an item with several
    sentences only the first is taken.
    """
    blocks = sentence.hit.passage.blocks
    first = last = blocks.index(sentence.block)
    while first > 0 and blocks[first - 1].kind in IN_LISTS:
        first -= 1
    while last + 1 < len(blocks) and blocks[last + 1].kind in IN_LISTS:
        last += 1
    items = {
        blocks.index(one.block): one
        for one in sorted(ranked, key=lambda one: -one.first)
        if one.place == sentence.place
        and one.block in blocks[first : last + 1]
        and one.stands_alone
    }
    if sentence.block.kind != "list_item" or len(items) > MAX_ITEMS:
        return [sentence]
    return [items[number] for number in sorted(items)]


def list_below_heading(query: Query, ranked: Sequence[Ranked]) -> list[Ranked]:
    """The list below a heading that names what is asked for: its items need not say it again."""
    wanted = set(query.stems)
    for one in sorted(ranked, key=lambda one: (one.place, one.block.start)):
        headings = one.block.headings
        if one.block.kind == "list_item" and headings and _named(wanted, headings[-1]):
            named = _named(wanted, " ".join((one.hit.document_title, *headings)))
            if len(named) > LEAST_NAMED * len(wanted):
                return list_around(one, ranked)
    return []


def _named(stems: Iterable[str], text: str) -> set[str]:
    """Those that a word of a text begins with: "top up" is named by "Topping up"."""
    there = stems_of(text)
    return {stem for stem in stems if any(word.startswith(stem) for word in there)}


def _sentences(place: int, source: Source) -> Iterator[Ranked]:
    """The sentences of a source; none of a list of references."""
    headings = source.hit.passage.headings
    if headings and REFERENCE_HEADING.fullmatch(headings[-1]):
        return
    header: Block | None = None
    for block, pieces in source.blocks:
        if block.kind not in ("table_row", "sparse_row"):
            header = block if block.kind == "column_names" else None
        if block.kind not in NO_SENTENCES:
            columns = _columns(header, block) if header and block.kind == "table_row" else ()
            for sentence in _sentences_of(place, pieces):
                if any(map(str.isalnum, sentence.text)):
                    yield sentence._replace(columns=columns)


def _columns(header: Block, row: Block) -> tuple[str, ...]:
    """The name of each cell's column; none where there are not as many, as with bars in a cell."""
    names = header.text.split(BETWEEN_CELLS)
    cells = row.text.split(BETWEEN_CELLS)
    fit = len(names) == len(cells) > 1 and not any(map(is_instruction, names))
    return tuple(names) if fit else ()


def _sentences_of(place: int, pieces: Sequence[Piece]) -> Iterator[Ranked]:
    """The sentences of a block but for orders, with what each has to be shown with."""
    leaning = [bool(PRONOUN_START.match(piece.text)) for piece in pieces]
    for i, piece in enumerate(pieces):
        if piece.is_order:
            continue
        alone = len(piece.text.split()) <= MAX_WORDS and not NO_ANSWER.search(piece.text)
        before, after = piece.first, piece.last
        if leaning[i]:
            if i == 0 or pieces[i - 1].is_order:
                alone = False  # what "it" is stands in no quote that could be shown with it
            else:
                before = pieces[i - 1].first
        if _is_leant_on(i, pieces, leaning):
            after = pieces[i + 1].last
        if len(piece.block.text[before:after].split()) > MAX_WORDS:
            alone = alone and not leaning[i]
            before, after = piece.first, piece.last
        yield Ranked(place, piece, before, after, alone)


def _is_leant_on(i: int, pieces: Sequence[Piece], leaning: Sequence[bool]) -> bool:
    """Whether the sentence after number `i` begins with a pronoun, and goes on to its end."""
    if i + 1 == len(pieces) or not leaning[i + 1]:
        return False
    return not pieces[i + 1].is_order and not pieces[i + 1].text.endswith(":")


def _definition_asked_for(question: str) -> re.Pattern[str] | None:
    """What a sentence looks like that defines what is asked for; None for other questions."""
    found = ASKS_FOR_DEFINITION.fullmatch(question.strip(AROUND_TERM))
    words = found["term"].strip(AROUND_TERM).split() if found else []
    term = r"\s+".join(map(re.escape, words))
    return re.compile(DEFINES.format(term), re.I) if term else None


def _shared_words(asked: Iterable[str], texts: Sequence[str]) -> list[float]:
    """For each text the share of the question's stems that it has, rare ones weighing more."""
    stems = [set(stems_of(text)) for text in texts]
    frequency = Counter(stem for found in stems for stem in found)
    wanted = {stem: math.log(1 + len(texts) / (frequency[stem] or 0.5)) for stem in set(asked)}
    # fsum is exact, so that the order in which a set is read changes nothing.
    total = math.fsum(wanted.values()) or 1.0
    return [math.fsum(wanted[stem] for stem in wanted.keys() & found) / total for found in stems]
