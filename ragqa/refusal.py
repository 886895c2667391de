"""Hits -> do the documents answer this question at all? Decided before anything is shown.

Several signals, put together by logistic regression, give the `confidence`: the probability that
they do. Its weights (`data/confidence.json`) are fitted by `training/fit_confidence.py` on
questions that the reader was not trained on. Pure: word weights are passed in. Knows nothing of
how answers are made.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from ragqa.records import Hit
from ragqa.sentences import stems_of

LOOKED_AT = 3  # passages, best first
WEIGHTS = Path(__file__).parent / "data" / "confidence.json"
SMALLEST = 1e-4  # probabilities are kept so far from 0 and 1


class Reliance(NamedTuple):
    """What the reader thought of its answer: probabilities, not calibrated."""

    refused: float  # that the passages do not say it
    passage: float
    span: float


class Signals(NamedTuple):
    """What speaks for an answer being in the documents."""

    nearest: float  # greatest cosine of a passage to the question
    coverage: float  # share of the question's words (by weight) in one of the best passages
    sentence: float  # score of the best sentence
    searched: bool  # in an index: passages that come with the question are another matter
    reading: Reliance | None = None

    @property
    def features(self) -> tuple[float, ...]:
        """The numbers that are weighed: three more where a reader has read."""
        retrieved = (self.nearest, self.coverage, self.sentence, float(self.searched))
        if self.reading is None:
            return retrieved
        return (*retrieved, *(_logit(probability) for probability in self.reading))


def confidence(signals: Signals) -> float:
    """The probability, 0 to 1, that the documents answer the question."""
    fitted = _fitted()["reading" if signals.reading else "retrieval"]
    pairs = zip(fitted["weights"], signals.features, strict=True)
    total = fitted["bias"] + math.fsum(weight * value for weight, value in pairs)
    return 1 / (1 + math.exp(-total))


def nearest(hits: Sequence[Hit]) -> float:
    """The greatest cosine of a passage to the question."""
    return max((hit.similarity for hit in hits), default=0.0)


def coverage(hits: Sequence[Hit], word_weights: Mapping[str, float]) -> float:
    """The share of the question's words that one of the best passages names, 0 to 1.

    `word_weights` gives each word of the question its weight: the rarer in the index, the more.
    """
    return max((_coverage(hit, word_weights) for hit in hits[:LOOKED_AT]), default=0.0)


def _coverage(hit: Hit, word_weights: Mapping[str, float]) -> float:
    """The share of the question's words, by weight, that stand in the passage or above it."""
    parts = (hit.document_title, *hit.passage.headings, hit.passage.text)
    found = set(stems_of(" ".join(parts)))
    total = sum(word_weights.values()) or 1.0
    return sum(w for word, w in word_weights.items() if set(stems_of(word)) <= found) / total


def _logit(probability: float) -> float:
    kept = min(max(probability, SMALLEST), 1 - SMALLEST)
    return math.log(kept / (1 - kept))


@cache
def _fitted() -> dict[str, Any]:
    fitted: dict[str, Any] = json.loads(WEIGHTS.read_text(encoding="utf-8"))
    return fitted
