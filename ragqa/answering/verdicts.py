"""Sentences + Sources -> which sentence is supported by which quote.

Pure. A small model cites right in about 1 % of its answers, so sentences are matched to the
passages by their words; the model's own numbers break ties. Knows nothing of models or files.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from functools import cached_property
from itertools import dropwhile, islice, pairwise, takewhile

from ragqa.answering.pieces import Source, lead_in_of
from ragqa.records import Block, Hit, Support
from ragqa.text.folding import folded
from ragqa.text.lemmas import compounds_of, lemmas_of, named_lemmas, spelled_as
from ragqa.text.senses import agree, senses_about, senses_of
from ragqa.text.sentences import (
    OWN_MARKER,
    is_number,
    numbers_of,
    split_sentences,
)

# Share of a sentence's words (weighted) that a quote must have. On 2,149 labelled claims (of BEGIN,
# HaluEval, ExpertQA and WiCE) 89 % and 80 % of the "supported" are right at .8, on the one half and
# the other, and 77 % at .7.
SUPPORTED, PARTLY = 0.8, 0.5
OWN_NUMBER_BONUS = 0.03  # for the passage that the model itself named
SAME_ORDER = 0.6  # share of the common words that must stand in the quote's order
MAX_CITATIONS = 2  # for one sentence; the second from another file that says the same
MONTHS = frozenset(
    "january february march april may june july august september october november december".split()
)


@dataclass(frozen=True)
class Quote:
    """One or two neighbouring sentences of a block, as evidence: `block.text[first:last]`.

    `lead_in` leads to the list that the block is an item of.
    """

    hit_index: int
    hit: Hit
    block: Block
    first: int
    last: int
    lead_in: str = ""

    @property
    def text(self) -> str:
        """What a person sees of it."""
        return self.block.text[self.first : self.last]

    @cached_property
    def words(self) -> str:
        """The text without the document's own citation numbers: they are no facts."""
        return folded(OWN_MARKER.sub("", self.text))

    @cached_property
    def above(self) -> str:
        """Title, headings and lead-in say what "it" is: a sentence may take its subject there."""
        names = (self.hit.document_title, *self.hit.passage.headings, self.lead_in)
        return folded(" ".join(names))

    @cached_property
    def lemmas(self) -> list[str]:
        """Those of its own words."""
        return lemmas_of(self.words)

    @cached_property
    def own(self) -> frozenset[str]:
        """The lemmas, for look-ups."""
        return frozenset(self.lemmas)

    @cached_property
    def all(self) -> frozenset[str]:
        """Its own lemmas and those of what stands above it."""
        return self.own.union(lemmas_of(self.above))

    @cached_property
    def numbers(self) -> frozenset[str]:
        """The numbers in it and above it."""
        return frozenset(numbers_of(self.words) | numbers_of(self.above))


def quotes_of(sources: Sequence[Source]) -> list[Quote]:
    """Every sentence of the sources, and every two neighbouring ones of a block.

    Orders to whoever reads them are no evidence.
    """
    quotes = []
    for index, source in enumerate(sources):
        for block, pieces in source.blocks:
            lead_in = lead_in_of(block, source.hit.passage.blocks)
            kept = [None if one.is_order else (one.first, one.last) for one in pieces]
            pairs = [(one[0], two[1]) for one, two in pairwise(kept) if one and two]
            for first, last in [*filter(None, kept), *pairs]:
                quotes.append(Quote(index, source.hit, block, first, last, lead_in))
    return quotes


@dataclass(frozen=True)
class Claim:
    """A sentence that is to be judged: its lemmas, compounds spelled as in the quotes.

    `lead_in` leads to the list that it is an item of.
    """

    text: str
    lead_in: str
    lemmas: list[str]
    names: frozenset[str]

    @cached_property
    def all(self) -> frozenset[str]:
        """The lemmas, for look-ups."""
        return frozenset(self.lemmas)

    @cached_property
    def numbers(self) -> set[str]:
        """The numbers in it."""
        return numbers_of(self.text)


class Judge:
    """Decides for sentences what supports them, among the quotes of some sources."""

    def __init__(self, sources: Sequence[Source]) -> None:
        self.quotes = quotes_of(sources)
        self._frequency = Counter(lemma for quote in self.quotes for lemma in quote.all)
        self._names = frozenset(name for quote in self.quotes for name in named_lemmas(quote.words))
        self._compounds = dict(
            pair for quote in self.quotes for pair in compounds_of(quote.lemmas).items()
        )

    def judge(
        self, sentence: str, named: Iterable[int] = (), lead_in: str = ""
    ) -> tuple[Support, list[Quote]]:
        """The verdict on a sentence and the quotes for it, best first.

        `named` are the indexes of hits that the model cited in it, `lead_in` is what led to it.
        """
        claim = self._claim(folded(sentence), folded(lead_in))
        scored = self._scored(claim, set(named))
        if not scored:
            return "unsupported", []
        # Only the best quote of each block is asked: a wider one around it would be laxer.
        best_of_block: dict[int, tuple[float, Quote]] = {}
        for share, quote in scored:
            best_of_block.setdefault(id(quote.block), (share, quote))
        supporting = [
            (share, quote)
            for share, quote in best_of_block.values()
            if share >= SUPPORTED and _verdict(share, quote, claim) == "supported"
        ]
        if not supporting:
            verdict = _verdict(*scored[0], claim)
            return verdict, [] if verdict == "unsupported" else [scored[0][1]]
        share, best = supporting[0]
        seconds = (
            quote
            for other, quote in supporting
            if other >= share and quote.hit.path != best.hit.path
        )
        return "supported", [best, *islice(seconds, MAX_CITATIONS - 1)]

    def _claim(self, sentence: str, lead_in: str) -> Claim:
        """What is said; its first word is a name when the quotes use it as one."""
        lemmas = self._spelled(lemmas_of(sentence))
        first = self._names.intersection(lemmas[:1])
        names = first.union(self._spelled(named_lemmas(sentence)))
        return Claim(sentence, lead_in, lemmas, names)

    def _spelled(self, lemmas: Sequence[str]) -> list[str]:
        return spelled_as(lemmas, self._frequency, self._compounds)

    def _scored(self, claim: Claim, named: set[int]) -> list[tuple[float, Quote]]:
        """The quotes that have some of the words, with the share that they have, best first."""
        total = math.fsum(map(self._weight, claim.all))  # exact: the same in whatever order
        scored = []
        for number, quote in enumerate(self.quotes):
            if not (own := len(claim.all & quote.own)):
                continue
            share = math.fsum(map(self._weight, claim.all & quote.all)) / total
            bonus = OWN_NUMBER_BONUS if quote.hit_index in named else 0.0
            # Of equal quotes the one that leans less on its headings, then the shorter one, which
            # says it more plainly, then the better passage.
            scored.append(((share + bonus, own, -len(quote.text), -number), share, quote))
        scored.sort(key=lambda entry: entry[0], reverse=True)
        return [(share, quote) for _, share, quote in scored]

    def _weight(self, lemma: str) -> float:
        """Rare words say more; a word in no quote weighs most."""
        return math.log(1 + (len(self.quotes) + 1) / (self._frequency[lemma] + 0.5))


def _verdict(share: float, quote: Quote, claim: Claim) -> Support:
    """Supported, when words, names, numbers and sense of the sentence are those of the quote."""
    if share < PARTLY or not claim.numbers <= quote.numbers:
        return "unsupported"
    if share < SUPPORTED or not claim.names <= quote.all:
        return "partly"
    alike = _same_sense(claim, quote) and _same_order(claim, quote.lemmas)
    return "supported" if alike else "partly"


def _same_sense(claim: Claim, quote: Quote) -> bool:
    """Whether both state, deny, demand or suppose it, each with what leads to it."""
    nearest = _nearest_sentence(claim.all, quote.words)
    said = senses_about(nearest, lambda clause: not claim.all.isdisjoint(lemmas_of(clause)))
    ours = senses_of(f"{claim.lead_in} {claim.text}")
    return agree(ours, said | senses_of(folded(quote.lead_in)))


def _nearest_sentence(lemmas: frozenset[str], text: str) -> str:
    """The sentence of `text` that has most of the words."""
    return max(split_sentences(text), key=lambda one: len(lemmas.intersection(lemmas_of(one))))


def _same_order(claim: Claim, theirs: Sequence[str]) -> bool:
    """True when the words that both have stand in like order: most of them, all the names, all
    the numbers, and each number or month beside the same word.

    "Bought in February" is not said by "founded in February, bought in April".
    """
    common = [lemma for lemma in claim.lemmas if lemma in theirs]
    matcher = SequenceMatcher(None, common, theirs, autojunk=False)
    kept = sum(block.size for block in matcher.get_matching_blocks())
    return (
        kept >= SAME_ORDER * len(common)
        and _is_subsequence([lemma for lemma in common if lemma in claim.names], theirs)
        and _is_subsequence([lemma for lemma in common if is_number(lemma)], theirs)
        and all(_is_attached(one, two, theirs) for one, two in pairwise(claim.lemmas))
    )


def _is_subsequence(part: Iterable[str], whole: Iterable[str]) -> bool:
    rest = iter(whole)
    return all(item in rest for item in part)


def _is_attached(one: str, two: str, theirs: Sequence[str]) -> bool:
    """Of neighbours of which one is a value: whether the nearest value of the other is the same."""
    if _is_value(one) == _is_value(two) or one not in theirs or two not in theirs:
        return True
    value, word = (one, two) if _is_value(one) else (two, one)
    places = [place for place, lemma in enumerate(theirs) if lemma == word]
    before = {near for place in places for near in _next_values(theirs[place::-1])}
    after = {near for place in places for near in _next_values(theirs[place:])}
    same_side, other_side = (before, after) if value == one else (after, before)
    return value in same_side or (not same_side and value in other_side)


def _next_values(lemmas: Iterable[str]) -> Iterator[str]:
    """The first value and those that follow it at once, such as month and year."""
    return takewhile(_is_value, dropwhile(lambda lemma: not _is_value(lemma), lemmas))


def _is_value(lemma: str) -> bool:
    return is_number(lemma) or lemma in MONTHS
