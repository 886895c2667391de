"""Query + units -> which of them, and which of their parts, fit the question, and how well.

A text is judged below what stands above it: title, headings, and what introduces it. Its score is
what retrieval gave its passage, and its cosine to the question, and how well its words match
those of the question (see `embedding.late_interaction`), of which rare ones count more; nothing
of it is trained. Pure but for the embedder that is passed in. Knows nothing of how answers are
made.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import inf
from typing import NamedTuple

from ragqa.answering.units import Part, Unit
from ragqa.embedding import late_interaction
from ragqa.embedding.base import Embedder, Vectors
from ragqa.query import Query
from ragqa.records import Hit
from ragqa.text.sentences import stems_of

# What the cosine and the match of words count beside the score of the passage. Of nine sums, and of
# MaxSim with all words alike, without stop words, and with real numbers in place of bits, the one
# that puts a right unit first for most of 401 questions on four folders (76 %; all alike: 72 %).
# Fitted weights, with 18 features, are no better on a folder that was left out of the fit.
OF_COSINE, OF_WORDS = 0.5, 1.5
# A text that comes with the question is what "here" and "this" in it mean.
GIVEN_BONUS = 0.6
# Units whose parts are looked at: those that score at most so much less than the best.
WITHIN = 0.35
# Texts that are embedded for a question, in each of two steps: with 28 as many of 176 answers were
# complete as with 64.
MOST_TEXTS = 32


class RankedPart(NamedTuple):
    """A part of a unit with its score; `vector` is that of what it says below its headings."""

    unit: Unit
    part: Part
    score: float
    vector: Vectors

    @property
    def hit(self) -> Hit:
        """The hit that it is of."""
        return self.unit.hit

    @property
    def place(self) -> int:
        """That of its hit among the hits."""
        return self.unit.place

    @property
    def order(self) -> tuple[int, int]:
        """Sorts parts as they stand in the documents."""
        first = self.part.pieces[0]
        return first.block.start, first.first

    @property
    def in_context(self) -> str:
        """What it says, below what says what it is about."""
        return f"{self.unit.context}\n{self.part.in_list}"


class RankedUnit(NamedTuple):
    """A unit with its score, that of its best part where that is better; parts in their order."""

    unit: Unit
    score: float
    parts: tuple[RankedPart, ...]


def rank_units(query: Query, units: Sequence[Unit], embedder: Embedder) -> list[RankedUnit]:
    """The units that fit the question best, best first, with the scores of their parts.

    A table is as good as its best row: together the rows are of everything.
    """
    likely = _likeliest(query, _asked(query, units))
    whole = [unit for unit in likely if len(unit.parts) > 1 and not unit.is_table]
    of_others = _pairs(query, [unit for unit in likely if unit not in whole])
    fits = _fits(query, [*map(_text_of_pair, of_others), *map(_text_of, whole)], embedder)
    parts = _ranked_parts(of_others, fits[: len(of_others)])
    scores = {
        id(unit): base_score(unit.hit) + fit
        for unit, (fit, _) in zip(whole, fits[len(of_others) :], strict=True)
    }
    best = max([*scores.values(), *(part.score for part in parts)], default=0.0)
    near = _pairs(query, [unit for unit in whole if scores[id(unit)] >= best - WITHIN])
    parts += _ranked_parts(near, _fits(query, list(map(_text_of_pair, near)), embedder))
    ranked = [
        RankedUnit(unit, max(scores.get(id(unit), -inf), *(part.score for part in own)), own)
        for unit in likely
        if (own := tuple(part for part in parts if part.unit is unit))
    ]
    return sorted(ranked, key=lambda one: (-one.score, one.unit.place, one.unit.start))


def base_score(hit: Hit) -> float:
    """What is known of a unit from where it stands."""
    return hit.score + GIVEN_BONUS * hit.is_given


def _asked(query: Query, units: Sequence[Unit]) -> Sequence[Unit]:
    """The units that can answer; where there are none, properties of the note that is named."""
    asked = [unit for unit in units if _is_asked(query, unit)]
    return asked or [unit for unit in units if not unit.only_refers]


def _is_asked(query: Query, unit: Unit) -> bool:
    """Whether a unit may answer: not so sources and properties of notes, of which the question
    names neither the heading, nor a key or value.
    """
    names = unit.headings[-1:] if unit.only_refers else ()
    if unit.is_of_properties:
        names = (unit.said,)
    elif not unit.only_refers:
        return True
    return bool(set(query.stems) & set(stems_of(" ".join(names))))


def _pairs(query: Query, units: Sequence[Unit]) -> list[tuple[Unit, Part]]:
    """The parts of some units, in their order; of very many those with most of the question."""
    pairs = [(unit, part) for unit in units for part in unit.parts]
    if len(pairs) <= MOST_TEXTS:
        return pairs
    shared = [_shared(query, part.in_list) for _, part in pairs]
    order = sorted(range(len(pairs)), key=lambda i: -shared[i])
    return [pairs[i] for i in sorted(order[:MOST_TEXTS])]


def _ranked_parts(
    pairs: Sequence[tuple[Unit, Part]], fits: Sequence[tuple[float, Vectors]]
) -> list[RankedPart]:
    return [
        RankedPart(unit, part, base_score(unit.hit) + fit, vector)
        for (unit, part), (fit, vector) in zip(pairs, fits, strict=True)
    ]


def _text_of(unit: Unit) -> str:
    """What is compared with the question: a unit below what stands above it."""
    return f"{unit.context}\n{unit.said}"


def _text_of_pair(pair: tuple[Unit, Part]) -> str:
    """A part of it, likewise."""
    unit, part = pair
    return f"{unit.context}\n{part.in_list}"


def _likeliest(query: Query, units: Sequence[Unit]) -> Sequence[Unit]:
    """Of very many units those with most of the question's words, by their hits' scores."""
    if len(units) <= MOST_TEXTS:
        return units
    likely = [base_score(unit.hit) + _shared(query, unit.context + unit.said) for unit in units]
    order = sorted(range(len(units)), key=lambda i: -likely[i])
    return [units[i] for i in sorted(order[:MOST_TEXTS])]


def _shared(query: Query, text: str) -> float:
    """The share of the question's words that a text has."""
    wanted = set(query.stems)
    return len(wanted & set(stems_of(text))) / max(len(wanted), 1)


def _fits(query: Query, texts: Sequence[str], embedder: Embedder) -> list[tuple[float, Vectors]]:
    """How well each text fits the question, about 0 to 2, and its vector.

    Where the embedder gives no words, the cosine counts for both.
    """
    if not texts:
        return []
    encodings = embedder.encode(texts)
    matches = late_interaction.scores(query.telling_vectors, [one.words for one in encodings])
    cosines = [float(one.vector @ query.vector) for one in encodings]
    has_words = len(query.word_vectors) > 0
    return [
        (OF_COSINE * cosine + OF_WORDS * (float(match) if has_words else cosine), one.vector)
        for cosine, match, one in zip(cosines, matches, encodings, strict=True)
    ]
