"""Query + ranked units -> what is shown of them: the units that answer, whole or in parts.

An answer is one unit or several, in the order of their document, the best document first. A list
is shown whole where most of it is of the question, of a table the rows that are; a long paragraph
is cut to its best sentences.
Pure. Knows nothing of citations, or of how an answer is set.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import NamedTuple

from ragqa.answering.span_reader import Reading
from ragqa.answering.unit_ranking import RankedPart, RankedUnit
from ragqa.answering.units import Part, Unit, shown_pieces, slices_of
from ragqa.documents.units import mark_kind
from ragqa.query import Query
from ragqa.text.sentences import numbers_of, stems_of

# By how much less than the best a further unit, a sentence of one, an item, a row may score; the
# share of a list's items from which on all of it is shown; the words of an answer, of one with the
# list of its section, of a paragraph that is shown whole, and of a list or table. Read off a grid
# on 401 questions on four folders: with ten words more, one answer in a hundred more is complete.
MARGIN, OF_TEXT, OF_LIST, OF_TABLE = 0.25, 0.3, 0.3, 0.1
MOST_OF_LIST = 0.5
MAX_WORDS, MAX_WITH_LIST, MAX_WHOLE, MAX_LIST = 90, 150, 45, 200
# What the unit gains in which the reader finds the words that answer: on the same questions 1.5 %
# more complete answers, in two words less.
READ_BONUS = 0.05
# What numbered items gain where it is asked what is to be done: on the same questions one answer in
# two hundred more is complete, and as many with any bonus from .15 to .25.
STEPS_BONUS = 0.15
PRONOUN_START = re.compile(
    r"(it|its|they|their|them|this|these|that|those|he|she|his|her|such|both|here|there)\b", re.I
)


class Excerpt(NamedTuple):
    """What is shown of a unit, below a heading where that says more than the question.

    `left` are the items or rows of it that are too many to be shown.
    """

    unit: Unit
    parts: tuple[Part, ...]
    heading: str = ""
    left: tuple[Part, ...] = ()

    @property
    def words(self) -> int:
        """How many are shown below the heading."""
        return _words(self.parts)


def select(
    query: Query, ranked: Sequence[RankedUnit], reading: Reading | None = None
) -> list[Excerpt]:
    """What answers best, in the order of the documents; nothing where there are no units."""
    scored = _preferred(query, ranked, reading)
    sides = _sides(query, scored)
    chosen = [_excerpt(query, one, scored[0].score, is_side=True) for one in sides]
    for one in sorted(scored, key=lambda one: not _is_its_list(one.unit, scored[0].unit)):
        best = scored[0]
        excerpt = _excerpt(query, one, best.score)
        if _is_said(excerpt, chosen):
            continue
        if one is best or _adds(query, one, best, excerpt, chosen):
            chosen.append(excerpt)
    # The document with the best unit first, each in its order.
    documents = list(dict.fromkeys(excerpt.unit.hit.path for excerpt in chosen))
    ordered = sorted(chosen, key=lambda one: (documents.index(one.unit.hit.path), one.unit.start))
    return [*ordered[:1], *(_below_heading(one, before) for before, one in pairwise(ordered))]


def _sides(query: Query, ranked: Sequence[RankedUnit]) -> list[RankedUnit]:
    """What is compared: the first units of neighbouring sections that the question names.

    "What is the difference between A and B?" is told by what "A" and "B" begin with, if that has
    room in an answer. The best unit must stand there, or beside them.
    """
    best = ranked[0].unit if ranked else None
    sections: dict[tuple[str, ...], dict[str, RankedUnit]] = {}
    for one in sorted(ranked, key=lambda one: one.unit.start):
        *above, name = one.unit.headings or ("",)
        is_near = best and one.unit.hit.path == best.hit.path and _starts(best.headings, above)
        if is_near and (stems := set(stems_of(name))) and stems <= set(query.stems):
            sections.setdefault(tuple(above), {}).setdefault(name, one)
    for firsts in sections.values():
        parts = [part for one in firsts.values() for part in one.unit.parts]
        if len(firsts) > 1 and _words(parts) <= MAX_WITH_LIST:
            return list(firsts.values())
    return []


def _starts(headings: Sequence[str], above: Sequence[str]) -> bool:
    """Whether the headings are below those `above`."""
    return list(headings[: len(above)]) == list(above)


def _below_heading(excerpt: Excerpt, before: Excerpt) -> Excerpt:
    """The excerpt, without its heading where the one before it stands below the same."""
    again = excerpt.unit.is_below_same_heading(before.unit)
    return excerpt._replace(heading="") if again else excerpt


def _adds(
    query: Query, one: RankedUnit, best: RankedUnit, excerpt: Excerpt, chosen: Sequence[Excerpt]
) -> bool:
    """Whether a further unit is to be shown: nearly as good as the best, and of the same number.

    A whole list leaves less to be said; one below the same heading as the best is of its subject,
    and may take more room. "DEC-0045" answers no question for "DEC-0054".
    """
    is_told = len(chosen[0].parts) > 1 and best.unit.is_list
    is_its_list = _is_its_list(one.unit, best.unit)
    margin = MARGIN / 2 if is_told and not is_its_list else MARGIN
    words = sum(earlier.words for earlier in chosen) + excerpt.words
    room = MAX_WITH_LIST if is_its_list else MAX_WORDS
    if one.score < best.score - margin or words > room:
        return False
    of_best = query.numbers & numbers_of(best.unit.context + best.unit.said)
    is_other = not query.numbers <= numbers_of(one.unit.context + one.unit.said)
    return not (query.numbers and of_best == query.numbers and is_other)


def _is_its_list(unit: Unit, best: Unit) -> bool:
    """Whether it is the best unit, or a list in its section."""
    return unit is best or (unit.is_list and unit.is_below_same_heading(best))


def _preferred(
    query: Query, ranked: Sequence[RankedUnit], reading: Reading | None
) -> list[RankedUnit]:
    """The units, best first, with what the reader makes of them, and steps where they are asked."""
    read = reading.part.unit if reading else None
    scored = [
        one._replace(
            score=one.score
            + READ_BONUS * (one.unit is read)
            + STEPS_BONUS * (query.asks_for_steps and is_numbered(one.unit))
        )
        for one in ranked
    ]
    return sorted(scored, key=lambda one: -one.score)


def _excerpt(query: Query, one: RankedUnit, best: float, *, is_side: bool = False) -> Excerpt:
    """What is to be shown of a unit; what is compared goes by its heading."""
    unit = one.unit
    parts = _parts(one, best)
    shown = _first_words(parts, MAX_LIST) if unit.is_list or unit.is_table else parts
    is_named = is_side and not parts[0].said.startswith(unit.headings[-1])
    heading = unit.headings[-1] if is_named else _heading(query, unit)
    return Excerpt(unit, shown, heading, tuple(parts[len(shown) :]))


def _parts(one: RankedUnit, best: float) -> tuple[Part, ...]:
    """The parts that are of the question, in their order."""
    unit = one.unit
    if len(one.parts) < 2:
        return tuple(part.part for part in one.parts) or unit.parts
    top = max(part.score for part in one.parts)
    if unit.is_table:
        least = max(top - OF_TABLE, best - MARGIN)
        return tuple(row.part for row in one.parts if row.score >= min(least, top))
    near = [
        part for part in one.parts if part.score >= top - (OF_LIST if unit.is_list else OF_TEXT)
    ]
    if unit.is_list:
        is_whole = len(near) >= MOST_OF_LIST * len(unit.parts)
        whole = is_whole or (is_numbered(unit) and _words(unit.parts) <= MAX_WORDS)
        return unit.parts if whole else tuple(part.part for part in near)
    if _words(unit.parts) <= MAX_WHOLE:
        return unit.parts
    return _sentences(unit, near)


def _sentences(unit: Unit, near: Sequence[RankedPart]) -> tuple[Part, ...]:
    """The best sentences of a long paragraph, each with the one that its "it" is in."""
    places = {id(part): place for place, part in enumerate(unit.parts)}
    taken: set[int] = set()
    for part in sorted(near, key=lambda one: -one.score):
        place = places[id(part.part)]
        wanted = {place, place - 1} if _leans(unit, place) else {place}
        words = sum(unit.parts[number].words for number in taken | wanted)
        if not taken or words <= MAX_WORDS:
            taken |= wanted
    return tuple(unit.parts[place] for place in sorted(taken))


def _leans(unit: Unit, place: int) -> bool:
    """Whether a sentence begins with a pronoun, and the one before stands in the same block."""
    if place == 0 or not PRONOUN_START.match(unit.parts[place].said):
        return False
    before, own = unit.parts[place - 1].pieces[-1], unit.parts[place].pieces[0]
    return before.block is own.block


def is_numbered(unit: Unit) -> bool:
    """Whether it is a list of steps."""
    mark = unit.parts[0].first_block.mark
    return unit.is_list and bool(mark) and mark_kind(mark) == "number"


def _words(parts: Iterable[Part]) -> int:
    return sum(len(one.said.split()) for one in slices_of(shown_pieces(parts)))


def _first_words(parts: Sequence[Part], most: int) -> tuple[Part, ...]:
    """As many of the first parts as have at most so many words, and one at least."""
    words = 0
    for count, part in enumerate(parts):
        words += part.words
        if count and words > most:
            return tuple(parts[:count])
    return tuple(parts)


def _heading(query: Query, unit: Unit) -> str:
    """The heading above a unit, where it is not the title and says what the question does not."""
    heading = unit.headings[-1] if unit.headings else ""
    asked = set(query.stems)
    says_more = not set(stems_of(heading)) <= asked
    return heading if says_more and heading != unit.hit.document_title else ""


def _is_said(excerpt: Excerpt, chosen: Iterable[Excerpt]) -> bool:
    """Whether the words of an excerpt are shown already."""
    said = {part.said for earlier in chosen for part in earlier.parts}
    return all(part.said in said for part in excerpt.parts)
