"""Sentences + Hits -> which sentence is supported by which quote, and where that stands.

Pure: the files' present text is passed in. A small model cites right in about 1 % of its answers,
so sentences are matched to the passages by their words; the model's own numbers break ties.
Knows nothing of models or files.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from difflib import SequenceMatcher
from itertools import pairwise

from ragqa.records import Block, Citation, Hit, Sentence, Support
from ragqa.sentences import is_negated, numbers_of, sentence_spans, stems_of

SUPPORTED, PARTLY = 0.8, 0.5  # share of a sentence's words (weighted) that a quote must have
OWN_NUMBER_BONUS = 0.03  # for the passage that the model itself named
SAME_ORDER = 0.6  # share of the common words that must stand in the quote's order
NUMBER_REACH = 4  # words within which a number's unit follows it
MAX_CITATIONS = 2  # for one sentence; the second from another file that says the same
MARKER = re.compile(r"\s*[\[【](?:\w+ )?(\d{1,3}(?:\s*[,;–-]\s*\d{1,3})*)[\]】](?!\()")
LAST_PUNCTUATION = re.compile(r"[.!?…:;]+[\"')\]”’]*$")


@dataclass(frozen=True, slots=True)
class SourceText:
    """The present text of a cited file; None when it is gone. `changed` since it was indexed."""

    text: str | None
    changed: bool


@dataclass(frozen=True, slots=True)
class Quote:
    """One or two neighbouring sentences of a block, as evidence."""

    hit_index: int
    hit: Hit
    block: Block
    first: int
    last: int
    stems: frozenset[str]
    numbers: frozenset[str]
    negated: bool

    @property
    def text(self) -> str:
        """What a reader sees of it."""
        return self.block.text[self.first : self.last]


def quotes_of(hits: Sequence[Hit]) -> list[Quote]:
    """Every sentence of the hits, and every two neighbouring ones of a block."""
    quotes = []
    for index, hit in enumerate(hits):
        context = " ".join((hit.document_title, *hit.passage.headings))
        for block in hit.passage.blocks:
            spans = sentence_spans(block.text)
            pairs = [(one[0], two[1]) for one, two in pairwise(spans)]
            for first, last in spans + pairs:
                quotes.append(_quote(index, hit, block, first, last, context))
    return quotes


def _quote(index: int, hit: Hit, block: Block, first: int, last: int, context: str) -> Quote:
    text = block.text[first:last]
    # Title and headings say what "it" is: a sentence may take its subject from them.
    stems = frozenset(stems_of(text) + stems_of(context))
    numbers = frozenset(numbers_of(text) | numbers_of(context))
    return Quote(index, hit, block, first, last, stems, numbers, is_negated(text))


class Judge:
    """Decides for sentences what supports them, among the quotes of some hits."""

    def __init__(self, hits: Sequence[Hit]) -> None:
        self.quotes = quotes_of(hits)
        self._frequency = Counter(stem for quote in self.quotes for stem in quote.stems)

    def judge(self, sentence: str, named: Iterable[int] = ()) -> tuple[Support, list[Quote]]:
        """The verdict on a sentence and the quotes for it, best first.

        `named` are the indexes of hits that the model cited in it.
        """
        stems = set(stems_of(sentence))
        if not stems:
            return "unsupported", []
        total = sum(map(self._weight, stems))
        named = set(named)
        scored = []
        for number, quote in enumerate(self.quotes):
            share = sum(self._weight(stem) for stem in stems & quote.stems) / total
            bonus = OWN_NUMBER_BONUS if quote.hit_index in named else 0.0
            # Of equal quotes the shorter one says it more plainly, then the better passage.
            scored.append((share + bonus, -len(quote.text), -number, share, quote))
        scored.sort(key=lambda entry: entry[:3], reverse=True)
        if not scored:
            return "unsupported", []
        share, best = scored[0][3:]
        verdict = _verdict(share, sentence, best)
        if verdict == "unsupported":
            return verdict, []
        return verdict, [best, *_seconds(best, share, scored)][:MAX_CITATIONS]

    def _weight(self, stem: str) -> float:
        """Rare words say more; a word in no quote weighs most."""
        return math.log(1 + (len(self.quotes) + 1) / (self._frequency[stem] + 0.5))


def _verdict(share: float, sentence: str, quote: Quote) -> Support:
    """Supported, when words, numbers and negation of the sentence are those of the quote."""
    if share < PARTLY:
        return "unsupported"
    if not numbers_of(sentence) <= quote.numbers:
        return "unsupported"
    same_sense = is_negated(sentence) == quote.negated and _same_order(sentence, quote.text)
    return "supported" if share >= SUPPORTED and same_sense else "partly"


def _same_order(sentence: str, quote: str) -> bool:
    """True when most words that both have stand in the same order, and each number is followed
    by the same word: "bought in February" is not said by "founded in February, bought in April".
    """
    ours, theirs = stems_of(sentence), stems_of(quote)
    common = [stem for stem in ours if stem in theirs]
    matcher = SequenceMatcher(None, common, theirs, autojunk=False)
    kept = sum(block.size for block in matcher.get_matching_blocks())
    for word, following in pairwise(ours):
        if word[0].isdigit() and word in theirs and following in theirs:
            after = theirs[theirs.index(word) : theirs.index(word) + NUMBER_REACH]
            if following not in after and theirs.count(word) == 1:
                return False
    return kept >= SAME_ORDER * len(common)


def _seconds(
    best: Quote, share: float, scored: Sequence[tuple[float, int, int, float, Quote]]
) -> list[Quote]:
    """Quotes of other files that say as much."""
    return [
        quote
        for _, _, _, other, quote in scored
        if other >= max(share, SUPPORTED) and quote.hit.path != best.hit.path
    ]


class Citer:
    """Takes the sentences of an answer one by one and collects their citations.

    `model_wrote` is False for sentences taken from the documents: what looks like a citation
    number in them is the document's own, neither a signal nor an invention.
    """

    def __init__(
        self, hits: Sequence[Hit], sources: Mapping[str, SourceText], model_wrote: bool = True
    ) -> None:
        self.citations: list[Citation] = []
        self.removed = 0  # citation numbers that the model invented
        self.repeated = 0  # sentences that it said before
        self._judge = Judge(hits)
        self._hit_count = len(hits)
        self._sources = sources
        self._model_wrote = model_wrote
        self._seen: set[str] = set()

    def add(self, raw: str) -> Sentence | None:
        """The sentence with its verdict and markers; None for a repeated or empty one."""
        named, invented = own_numbers(raw, self._hit_count) if self._model_wrote else (set(), 0)
        plain = MARKER.sub("", raw).strip()
        key = " ".join(stems_of(plain))
        if not plain or not any(char.isalnum() for char in plain):
            return None
        if key and key in self._seen:
            self.repeated += 1
            return None
        self._seen.add(key)
        verdict, quotes = self._judge.judge(plain, named)
        self.removed += invented + len(named - {quote.hit_index for quote in quotes})
        numbers = tuple(_number(quote, self._sources, self.citations) for quote in quotes)
        return Sentence(_marked(plain, numbers), verdict, numbers)


def own_numbers(sentence: str, count: int) -> tuple[set[int], int]:
    """Indexes of the hits that the model named in `[n]`, and how many numbers name none."""
    numbers = [
        int(number)
        for match in MARKER.finditer(sentence)
        for number in re.findall(r"\d+", match[1])
    ]
    return {n - 1 for n in numbers if 1 <= n <= count}, sum(not 1 <= n <= count for n in numbers)


def _marked(sentence: str, numbers: Sequence[int]) -> str:
    """The sentence with its citation markers before the final punctuation."""
    if not numbers:
        return sentence
    marks = " " + "".join(f"[{number}]" for number in numbers)
    end = LAST_PUNCTUATION.search(sentence)
    at = end.start() if end else len(sentence)
    return sentence[:at] + marks + sentence[at:]


def _number(quote: Quote, sources: Mapping[str, SourceText], citations: list[Citation]) -> int:
    """The number of the citation for a quote, a new one where needed."""
    made = citation_of(quote, sources.get(quote.hit.path, SourceText(None, True)))
    for citation in citations:
        if replace(citation, number=0) == made:
            return citation.number
    citations.append(replace(made, number=len(citations) + 1))
    return len(citations)


def citation_of(quote: Quote, source: SourceText) -> Citation:
    """The citation for a quote, found again in the file's present text."""
    block = quote.block
    begin, end = block.source_span(quote.first, quote.last)
    slice_ = block.source[begin:end]
    start = _locate(slice_, block.start + begin, source.text)
    line = block.line + block.source.count("\n", 0, begin)
    if start != block.start + begin and source.text is not None:
        line = source.text.count("\n", 0, start) + 1
    return Citation(
        number=0,
        path=quote.hit.path,
        title=quote.hit.document_title,
        headings=quote.hit.passage.headings,
        start_line=line,
        end_line=line + slice_.count("\n"),
        start_char=start,
        end_char=start + len(slice_),
        page=quote.hit.passage.page,
        quote=slice_,
        quote_text=quote.text,
        stale=source.changed,
        also_in=quote.hit.also_in,
    )


def _locate(quote: str, expected: int, text: str | None) -> int:
    """Where the quote stands now: at the expected place, or at the nearest other one."""
    if text is None or text.startswith(quote, expected):
        return expected
    places = [match.start() for match in re.finditer(re.escape(quote), text)]
    return min(places, key=lambda place: abs(place - expected), default=expected)
