"""Hits -> does the index answer this question at all? Decided before anything is shown.

A simple rule: how near the nearest passage is, plus how much of the question one passage names.
Pure: word weights are passed in. Knows nothing of generators.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ragqa.records import Hit
from ragqa.sentences import stems_of

WORDS_WEIGHT = 0.7
LOOKED_AT = 3  # passages, best first
# Chosen on the dev split of tests/eval/questions.jsonl; `benchmarks/answers.py` measures it.
THRESHOLD = 0.72


def evidence_score(hits: Sequence[Hit], word_weights: Mapping[str, float]) -> float:
    """How well the hits fit the question, 0 to 1.7.

    `word_weights` gives each word of the question its weight: the rarer in the index, the more.
    """
    if not hits:
        return 0.0
    nearest = max(hit.similarity for hit in hits)
    return nearest + WORDS_WEIGHT * max(_coverage(hit, word_weights) for hit in hits[:LOOKED_AT])


def is_answerable(hits: Sequence[Hit], word_weights: Mapping[str, float]) -> bool:
    """False when the documents do not say it."""
    return evidence_score(hits, word_weights) >= THRESHOLD


def _coverage(hit: Hit, word_weights: Mapping[str, float]) -> float:
    """The share of the question's words, by weight, that stand in the passage or above it."""
    parts = (hit.document_title, *hit.passage.headings, hit.passage.text)
    found = set(stems_of(" ".join(parts)))
    total = sum(word_weights.values()) or 1.0
    return sum(w for word, w in word_weights.items() if set(stems_of(word)) <= found) / total
