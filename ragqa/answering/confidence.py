"""Hits -> do the documents answer this question at all? Decided before anything is shown.

Several signals, put together by logistic regression, give the `confidence`: the probability that
they do. Its weights (`data/confidence.json`) are fitted by `training/fit_confidence.py` on
questions that the span reader was not trained on. Pure. Knows nothing of how answers are made.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any, NamedTuple

from ragqa.query import Query
from ragqa.records import Hit
from ragqa.system.files import data_file
from ragqa.text.sentences import numbers_of, stems_of

LOOKED_AT = 3  # passages, best first
WEIGHTS = "confidence.json"
SMALLEST = 1e-4  # probabilities are kept so far from 0 and 1
PLACES = 4  # of a confidence


class Calibration(NamedTuple):
    """What makes a probability of a confidence for one index, and below which to refuse.

    `ragqa.answering.calibration` fits and keeps it (Platt 1999).
    """

    intercept: float
    slope: float
    threshold: float

    def probability(self, confidence: float) -> float:
        """The probability that the documents answer a question of this (raw) confidence."""
        return sigmoid(self.intercept + self.slope * logit(confidence))

    def refuses(self, confidence: float) -> bool:
        """True when a question of this (raw) confidence is to be refused."""
        return self.probability(confidence) < self.threshold


class Signals(NamedTuple):
    """What speaks for an answer being in the documents."""

    nearest: float  # greatest cosine of a passage to the question
    sentence: float  # score of the best unit
    named: bool  # the part that answers has the question's names and numbers
    searched: bool  # in an index: passages that come with the question are another matter
    coverage: float  # share of the question's words (by weight) in one of the best passages
    refused: float | None = None  # the span reader's own doubt, a probability, not calibrated

    @property
    def features(self) -> tuple[float, ...]:
        """The numbers that are weighed: one more where the span reader has read.

        Only an index knows which words are rare: elsewhere coverage says nothing.
        """
        known = self.coverage * self.searched
        retrieved = (self.nearest, self.sentence, float(self.named), float(self.searched), known)
        return retrieved if self.refused is None else (*retrieved, logit(self.refused))


def confidence(signals: Signals) -> float:
    """The probability, 0 to 1 and to four places, that the documents answer the question."""
    fitted = _fitted()["retrieval" if signals.refused is None else "reading"]
    pairs = zip(fitted["weights"], signals.features, strict=True)
    total = fitted["bias"] + math.fsum(weight * value for weight, value in pairs)
    return shown(sigmoid(total))


def weights_version() -> str:
    """Changes when the weights of the confidence do."""
    return hashlib.sha256(data_file(WEIGHTS).read_bytes()).hexdigest()[:8]


def nearest(hits: Sequence[Hit]) -> float:
    """The greatest cosine of a passage to the question."""
    return max((hit.similarity for hit in hits), default=0.0)


def has_names(query: Query, sentence: str) -> bool:
    """Whether a sentence (with its titles) has all names and numbers of the question.

    A question that was made to look answerable often differs in these alone.
    """
    wanted = query.names | query.numbers
    return wanted <= set(stems_of(sentence)) | numbers_of(sentence)


def coverage(hits: Sequence[Hit], query: Query) -> float:
    """The share of the question's words that one of the best passages names, 0 to 1.

    The rarer a word is in the index, the more it counts.
    """
    return max((_coverage(hit, query.weights) for hit in hits[:LOOKED_AT]), default=0.0)


def _coverage(hit: Hit, word_weights: Mapping[str, float]) -> float:
    """The share of the question's words, by weight, that stand in the passage or above it."""
    parts = (hit.document_title, *hit.called, *hit.passage.headings, hit.passage.text)
    found = set(stems_of(" ".join(parts)))
    total = sum(word_weights.values()) or 1.0
    return sum(w for word, w in word_weights.items() if set(stems_of(word)) <= found) / total


def sigmoid(value: float) -> float:
    """The probability of which `value` is the logit; exact for large values of either sign."""
    return 1 / (1 + math.exp(-value)) if value >= 0 else 1 - 1 / (1 + math.exp(value))


def logit(probability: float) -> float:
    """The logarithm of the odds; probabilities of 0 and 1 count as nearly so."""
    kept = _inside(probability)
    return math.log(kept / (1 - kept))


def shown(probability: float) -> float:
    """A probability as it is shown: to four places, and never as a certainty."""
    return round(_inside(probability), PLACES)


def _inside(probability: float) -> float:
    return min(max(probability, SMALLEST), 1 - SMALLEST)


@cache
def _fitted() -> dict[str, Any]:
    fitted: dict[str, Any] = json.loads(data_file(WEIGHTS).read_text(encoding="utf-8"))
    return fitted
