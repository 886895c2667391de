"""Question + Hits -> the sentences of the passages that answer it best, verbatim.

Pure but for the embedder that is passed in. With a very small generator this is the better
answer: see `benchmarks/answers.py` for the comparison. Knows nothing of generators or citations.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from ragqa.embedding import Embedder
from ragqa.records import Block, Hit
from ragqa.sentences import sentence_spans, stems_of

# A sentence scores by its cosine to the question, plus this times the share of common words.
WORDS_WEIGHT = 0.5
# A text that comes with the question is what "here" and "this" in it mean.
GIVEN_BONUS = 0.6
MIN_WORDS, MAX_WORDS = 4, 80
MARGIN = 0.12  # a further sentence may score this much below the best one
# Where a note names its sources: of no use as an answer.
REFERENCE_HEADING = re.compile(
    r"(sources?|references?|bibliography|further reading|see also)", re.I
)
NO_ANSWER = re.compile(r"^see (also )?|[?:]$", re.I)
PRONOUN_START = re.compile(
    r"(it|its|they|their|them|this|these|that|those|he|she|his|her|such|both|here|there)\b", re.I
)


class Evidence(NamedTuple):
    """A sentence of a passage, and how well it answers the question."""

    text: str
    score: float
    hit: Hit


class _Candidate(NamedTuple):
    hit: Hit
    block: Block
    first: int
    last: int
    shown_from: int  # where the sentence before begins, when this one leans on it
    shown_to: int  # where the sentence after ends, when that one leans on this

    @property
    def text(self) -> str:
        return self.block.text[self.first : self.last]

    @property
    def shown(self) -> str:
        return self.block.text[self.shown_from : self.shown_to]


def best_sentences(
    question: str, hits: Sequence[Hit], embedder: Embedder, count: int = 2
) -> list[Evidence]:
    """At most `count` sentences, best first; none when the hits hold no whole sentence."""
    # Notes without a whole sentence ("Port: 8080") answer with what they have.
    candidates = _candidates(hits, MIN_WORDS) or _candidates(hits, 1)
    if not candidates:
        return []
    vector = embedder.encode_question(question).vector
    texts = [candidate.text for candidate in candidates]
    cosines = embedder.embed(texts) @ vector
    shared = _shared_words(question, texts)
    scores = [
        float(cosines[i]) + WORDS_WEIGHT * shared[i] + GIVEN_BONUS * candidate.hit.is_given
        for i, candidate in enumerate(candidates)
    ]
    order = sorted(range(len(texts)), key=lambda i: (-scores[i], i))
    chosen: list[Evidence] = []
    for i in order:
        repeated = any(candidates[i].text in evidence.text for evidence in chosen)
        if scores[i] < scores[order[0]] - MARGIN or len(chosen) == count:
            break
        if not repeated:
            chosen.append(Evidence(candidates[i].shown, scores[i], candidates[i].hit))
    return chosen


def _candidates(hits: Sequence[Hit], min_words: int) -> list[_Candidate]:
    """The sentences that can stand as an answer; questions and reference lists cannot."""
    found: list[_Candidate] = []
    for hit in hits:
        if hit.passage.headings and REFERENCE_HEADING.fullmatch(hit.passage.headings[-1]):
            continue
        for block in hit.passage.blocks:
            if block.kind in ("code", "heading"):
                continue
            found += _candidates_of(hit, block, min_words)
    return found


def _candidates_of(hit: Hit, block: Block, min_words: int) -> Iterator[_Candidate]:
    spans = sentence_spans(block.text)
    leaning = [bool(PRONOUN_START.match(block.text, first)) for first, _ in spans]
    for i, (first, last) in enumerate(spans):
        text = block.text[first:last]
        if not min_words <= len(text.split()) <= MAX_WORDS or NO_ANSWER.search(text):
            continue
        before, after = first, last
        if leaning[i]:
            if i == 0:
                continue  # what "it" is stands in no quote that could be shown with it
            before = spans[i - 1][0]
        if i + 1 < len(spans) and leaning[i + 1] and block.text[spans[i + 1][1] - 1] != ":":
            after = spans[i + 1][1]
        if len(block.text[before:after].split()) > MAX_WORDS:
            if leaning[i]:
                continue
            before, after = first, last
        yield _Candidate(hit, block, first, last, before, after)


def _shared_words(question: str, texts: Sequence[str]) -> list[float]:
    """For each text the share of the question's words that it has, rare words weighing more."""
    stems = [set(stems_of(text)) for text in texts]
    frequency = Counter(stem for found in stems for stem in found)
    wanted = {
        stem: math.log(1 + len(texts) / (frequency[stem] or 0.5))
        for stem in set(stems_of(question))
    }
    # fsum is exact, so that the order in which a set is read changes nothing.
    total = math.fsum(wanted.values()) or 1.0
    return [math.fsum(wanted[stem] for stem in wanted.keys() & found) / total for found in stems]
