"""Sentences + Sources -> which sentence is supported by which quote.

Pure. A small model cites right in about 1 % of its answers, so sentences are matched to the
passages by their words; the model's own numbers break ties. Knows nothing of models or files.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from itertools import dropwhile, islice, pairwise, takewhile

from ragqa.answering.pieces import Source
from ragqa.records import Block, Hit, Support
from ragqa.text.sentences import (
    OWN_MARKER,
    is_negated,
    is_number,
    names_of,
    numbers_of,
    split_sentences,
    stems_of,
)

SUPPORTED, PARTLY = 0.8, 0.5  # share of a sentence's words (weighted) that a quote must have
OWN_NUMBER_BONUS = 0.03  # for the passage that the model itself named
SAME_ORDER = 0.6  # share of the common words that must stand in the quote's order
MAX_CITATIONS = 2  # for one sentence; the second from another file that says the same
MONTHS = frozenset(
    stems_of(
        "January February March April May June July August September October November December"
    )
)


@dataclass(frozen=True, slots=True)
class Quote:
    """One or two neighbouring sentences of a block, as evidence."""

    hit_index: int
    hit: Hit
    block: Block
    first: int
    last: int
    own: frozenset[str]  # stems of its words
    stems: frozenset[str]  # these and those of title and headings
    numbers: frozenset[str]

    @property
    def text(self) -> str:
        """What a person sees of it."""
        return self.block.text[self.first : self.last]

    @property
    def words(self) -> str:
        """The text without the document's own citation numbers: they are no facts."""
        return OWN_MARKER.sub("", self.text)


def quotes_of(sources: Sequence[Source]) -> list[Quote]:
    """Every sentence of the sources, and every two neighbouring ones of a block.

    Orders to whoever reads them are no evidence.
    """
    quotes = []
    for index, source in enumerate(sources):
        hit = source.hit
        context = " ".join((hit.document_title, *hit.passage.headings))
        for block, pieces in source.blocks:
            kept = [None if one.is_order else (one.first, one.last) for one in pieces]
            pairs = [(one[0], two[1]) for one, two in pairwise(kept) if one and two]
            for first, last in [*filter(None, kept), *pairs]:
                quotes.append(quote_at(index, hit, block, first, last, context))
    return quotes


def quote_at(index: int, hit: Hit, block: Block, first: int, last: int, context: str) -> Quote:
    """The quote `block.text[first:last]` below the titles and headings of `context`."""
    # Title and headings say what "it" is: a sentence may take its subject from them.
    words = OWN_MARKER.sub("", block.text[first:last])
    own, above = frozenset(stems_of(words)), stems_of(context)
    numbers = frozenset(numbers_of(words) | numbers_of(context))
    return Quote(index, hit, block, first, last, own, own.union(above), numbers)


class Judge:
    """Decides for sentences what supports them, among the quotes of some sources."""

    def __init__(self, sources: Sequence[Source]) -> None:
        self.quotes = quotes_of(sources)
        self._frequency = Counter(stem for quote in self.quotes for stem in quote.stems)
        self._names = frozenset(name for quote in self.quotes for name in names_of(quote.words))

    def judge(self, sentence: str, named: Iterable[int] = ()) -> tuple[Support, list[Quote]]:
        """The verdict on a sentence and the quotes for it, best first.

        `named` are the indexes of hits that the model cited in it.
        """
        names = self._names_in(sentence)
        scored = self._scored(set(stems_of(sentence)), set(named))
        if not scored:
            return "unsupported", []
        # Only the best quote of each block is asked: a wider one around it would be laxer.
        best_of_block: dict[int, tuple[float, Quote]] = {}
        for share, quote in scored:
            best_of_block.setdefault(id(quote.block), (share, quote))
        supporting = [
            (share, quote)
            for share, quote in best_of_block.values()
            if share >= SUPPORTED and _verdict(share, quote, sentence, names) == "supported"
        ]
        if not supporting:
            verdict = _verdict(*scored[0], sentence, names)
            return verdict, [] if verdict == "unsupported" else [scored[0][1]]
        share, best = supporting[0]
        seconds = (
            quote
            for other, quote in supporting
            if other >= share and quote.hit.path != best.hit.path
        )
        return "supported", [best, *islice(seconds, MAX_CITATIONS - 1)]

    def _scored(self, stems: set[str], named: set[int]) -> list[tuple[float, Quote]]:
        """The quotes that have some of the words, with the share that they have, best first."""
        total = math.fsum(map(self._weight, stems))  # exact: the same in whatever order
        scored = []
        for number, quote in enumerate(self.quotes):
            if not (own := len(stems & quote.own)):
                continue
            share = math.fsum(self._weight(stem) for stem in stems & quote.stems) / total
            bonus = OWN_NUMBER_BONUS if quote.hit_index in named else 0.0
            # Of equal quotes the one that leans less on its headings, then the shorter one, which
            # says it more plainly, then the better passage.
            scored.append(((share + bonus, own, -len(quote.text), -number), share, quote))
        scored.sort(key=lambda entry: entry[0], reverse=True)
        return [(share, quote) for _, share, quote in scored]

    def _names_in(self, sentence: str) -> frozenset[str]:
        """The names in a sentence; its first word is one when the quotes use it as one."""
        first = frozenset(stems_of(sentence)[:1])
        return names_of(sentence) | (first & self._names)

    def _weight(self, stem: str) -> float:
        """Rare words say more; a word in no quote weighs most."""
        return math.log(1 + (len(self.quotes) + 1) / (self._frequency[stem] + 0.5))


def _verdict(share: float, quote: Quote, sentence: str, names: Collection[str]) -> Support:
    """Supported, when words, names, numbers and negation of the sentence are those of the quote."""
    if share < PARTLY or not numbers_of(sentence) <= quote.numbers:
        return "unsupported"
    if share < SUPPORTED or not quote.stems.issuperset(names):
        return "partly"
    ours, theirs = stems_of(sentence), stems_of(quote.words)
    same_sense = is_negated(sentence) == is_negated(_nearest_sentence(ours, quote.words))
    return "supported" if same_sense and _same_order(ours, theirs, names) else "partly"


def _nearest_sentence(stems: Sequence[str], text: str) -> str:
    """The sentence of `text` that has most of the words."""
    wanted = set(stems)
    return max(split_sentences(text), key=lambda one: len(wanted.intersection(stems_of(one))))


def _same_order(ours: Sequence[str], theirs: Sequence[str], names: Collection[str]) -> bool:
    """True when the words that both have stand in like order: most of them, all the names, all
    the numbers, and each number or month beside the same word.

    "Bought in February" is not said by "founded in February, bought in April".
    """
    common = [stem for stem in ours if stem in theirs]
    matcher = SequenceMatcher(None, common, theirs, autojunk=False)
    kept = sum(block.size for block in matcher.get_matching_blocks())
    return (
        kept >= SAME_ORDER * len(common)
        and _is_subsequence([stem for stem in common if stem in names], theirs)
        and _is_subsequence([stem for stem in common if is_number(stem)], theirs)
        and all(_is_attached(one, two, theirs) for one, two in pairwise(ours))
    )


def _is_subsequence(part: Iterable[str], whole: Iterable[str]) -> bool:
    rest = iter(whole)
    return all(item in rest for item in part)


def _is_attached(one: str, two: str, theirs: Sequence[str]) -> bool:
    """Of neighbours of which one is a value: whether the nearest value of the other is the same."""
    if _is_value(one) == _is_value(two) or one not in theirs or two not in theirs:
        return True
    value, word = (one, two) if _is_value(one) else (two, one)
    places = [place for place, stem in enumerate(theirs) if stem == word]
    before = {near for place in places for near in _next_values(theirs[place::-1])}
    after = {near for place in places for near in _next_values(theirs[place:])}
    same_side, other_side = (before, after) if value == one else (after, before)
    return value in same_side or (not same_side and value in other_side)


def _next_values(stems: Iterable[str]) -> Iterator[str]:
    """The first value and those that follow it at once, such as month and year."""
    return takewhile(_is_value, dropwhile(lambda stem: not _is_value(stem), stems))


def _is_value(stem: str) -> bool:
    return is_number(stem) or stem in MONTHS
