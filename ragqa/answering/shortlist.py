"""Which of many sentences to embed: those that are likely nearest to the question.

Embedding the sentences of six passages takes a third as long as reading the prompt. The index knows
the words of the passages already (`embedding.late_interaction`); how well a question's words match
those of a sentence tells most of its cosine to the question. Knows nothing of how sentences are
ranked.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from typing import NamedTuple

from ragqa.embedding import late_interaction
from ragqa.embedding.base import Embedder, Vectors
from ragqa.records import Hit

SHORTLIST = 16  # sentences: the best of all is among them in 99 of 100 questions
# The cosine of a sentence from the match of its words, its share of the question's words and the
# cosine of its passage: least squares on 12,300 sentences, for questions on the development half of
# `tests/eval/questions.jsonl` and of MLQuestions.
OF_WORDS, OF_SHARE, OF_PASSAGE, CONSTANT = 0.62, 0.32, 0.30, -0.08


class Place(NamedTuple):
    """A sentence: its hit, and where it stands in the text of the hit's passage."""

    hit: Hit
    first: int
    last: int


def likely_cosines(
    question: Vectors, places: Sequence[Place], shares: Sequence[float], embedder: Embedder
) -> list[float]:
    """About the cosine of each sentence to the question; nothing where words are not known.

    `question` has the question's words [words, bits], `shares` each sentence's share of them.
    """
    if not len(question) or any(place.hit.words is None for place in places):
        return []
    starts: dict[int, list[int]] = {}
    codes = []
    for hit, first, last in places:
        if id(hit) not in starts:
            starts[id(hit)] = _starts(hit, embedder)
        begins = starts[id(hit)]
        assert hit.words is not None
        codes.append(hit.words[bisect_left(begins, first) : bisect_left(begins, last)])
    matches = late_interaction.scores(question, codes).tolist()
    return [
        OF_WORDS * match + OF_SHARE * share + OF_PASSAGE * place.hit.similarity + CONSTANT
        for match, share, place in zip(matches, shares, places, strict=True)
    ]


def _starts(hit: Hit, embedder: Embedder) -> list[int]:
    """Where the words begin in the text of a passage; those of its titles before it."""
    embedded = hit.passage.embedded_text
    before = len(embedded) - len(hit.passage.text)
    return [start - before for start in embedder.word_starts(embedded)]
