"""Whether the documents answer a question at all."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ragqa.refusal import LOOKED_AT, THRESHOLD, evidence_score, is_answerable
from tests.hits import hits_of

NOTE = "# Metals\n\n## Heat\n\nGold melts at high heat.\n"
WEIGHTS = st.floats(0.01, 10)
SIMILARITIES = st.floats(0, 1)


def _score(similarity: float, weights: dict[str, float], text: str = NOTE) -> float:
    return evidence_score(hits_of(text, similarity=similarity), weights)


def test_without_hits_nothing_is_answerable() -> None:
    assert evidence_score([], {"gold": 1.0}) == 0.0
    assert not is_answerable([], {"gold": 1.0})


@given(SIMILARITIES, SIMILARITIES)
def test_a_nearer_passage_never_lowers_the_score(one: float, other: float) -> None:
    weights = {"gold": 1.0, "silver": 2.0}
    further, nearer = sorted((one, other))
    assert _score(further, weights) <= _score(nearer, weights)
    assert _score(nearer, weights) - _score(further, weights) == pytest.approx(nearer - further)


@given(st.dictionaries(st.sampled_from(["gold", "melts", "heat", "silver", "zinc"]), WEIGHTS))
def test_a_word_more_that_the_passage_has_never_lowers_the_score(weights: dict[str, float]) -> None:
    more = {**weights, "high": 1.0}
    assert _score(0.5, more) >= _score(0.5, weights)


@given(st.dictionaries(st.sampled_from(["gold", "melts", "heat"]), WEIGHTS), WEIGHTS)
def test_a_word_that_is_missing_lowers_the_score(weights: dict[str, float], missing: float) -> None:
    lower, upper = _score(0.5, {**weights, "silver": missing}), _score(0.5, weights)
    assert lower < upper or (not weights and lower == upper)


def test_a_missing_rare_word_matters_more_than_a_missing_frequent_one() -> None:
    rare_found = _score(0.5, {"gold": 5.0, "silver": 0.5})
    rare_missing = _score(0.5, {"gold": 0.5, "silver": 5.0})
    assert rare_found > rare_missing


def test_title_and_headings_count_as_the_passage() -> None:
    assert _score(0.5, {"metals": 1.0, "heat": 1.0}) == _score(0.5, {"gold": 1.0})


def test_only_the_best_passages_are_looked_at_for_words() -> None:
    other = hits_of("# Bread\n\nYeast.\n", similarity=0.5)
    named = hits_of(NOTE, similarity=0.5)
    weights = {"gold": 1.0}
    seen = evidence_score(other * (LOOKED_AT - 1) + named, weights)
    assert seen > evidence_score(other * LOOKED_AT + named, weights)


def test_the_threshold_decides() -> None:
    [hit] = hits_of(NOTE)
    assert is_answerable([replace(hit, similarity=THRESHOLD)], {"zinc": 1.0})
    assert not is_answerable([replace(hit, similarity=THRESHOLD - 1e-6)], {"zinc": 1.0})


def test_a_question_without_words_is_judged_by_similarity_alone() -> None:
    assert _score(0.5, {}) == 0.5
