"""Whether the documents answer a question at all."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ragqa.refusal import LOOKED_AT, WEIGHTS, Reliance, Signals, confidence, coverage, nearest
from tests.hits import hits_of

NOTE = "# Metals\n\n## Heat\n\nGold melts at high heat.\n"
WORD_WEIGHTS = st.floats(0.01, 10)
SHARES = st.floats(0, 1)
RELIANCES = st.builds(Reliance, SHARES, SHARES, SHARES)
SIGNALS = st.builds(Signals, SHARES, SHARES, st.floats(0, 2), st.booleans(), st.none() | RELIANCES)


def _coverage(weights: dict[str, float], text: str = NOTE) -> float:
    return coverage(hits_of(text), weights)


def test_without_hits_nothing_is_near_or_covered() -> None:
    assert nearest([]) == 0.0
    assert coverage([], {"gold": 1.0}) == 0.0


def test_the_nearest_of_the_hits_counts() -> None:
    [hit] = hits_of(NOTE)
    assert nearest([replace(hit, similarity=0.2), replace(hit, similarity=0.7)]) == 0.7


@given(st.dictionaries(st.sampled_from(["gold", "melts", "heat"]), WORD_WEIGHTS), WORD_WEIGHTS)
def test_a_word_that_is_missing_lowers_the_coverage(
    weights: dict[str, float], missing: float
) -> None:
    lower, upper = _coverage({**weights, "silver": missing}), _coverage(weights)
    assert lower < upper or (not weights and lower == upper)


def test_a_missing_rare_word_matters_more_than_a_missing_frequent_one() -> None:
    rare_found = _coverage({"gold": 5.0, "silver": 0.5})
    rare_missing = _coverage({"gold": 0.5, "silver": 5.0})
    assert rare_found > rare_missing


def test_title_and_headings_count_as_the_passage() -> None:
    assert _coverage({"metals": 1.0, "heat": 1.0}) == _coverage({"gold": 1.0})


def test_only_the_best_passages_are_looked_at_for_words() -> None:
    other, named = hits_of("# Bread\n\nYeast.\n"), hits_of(NOTE)
    weights = {"gold": 1.0}
    assert coverage(other * (LOOKED_AT - 1) + named, weights) == 1.0
    assert coverage(other * LOOKED_AT + named, weights) == 0.0


@given(SIGNALS)
def test_confidence_is_a_probability(signals: Signals) -> None:
    assert 0 < confidence(signals) < 1


@given(SIGNALS.filter(lambda signals: signals.reading), SHARES, SHARES)
def test_a_reader_that_would_rather_refuse_lowers_the_confidence(
    signals: Signals, one: float, other: float
) -> None:
    assert signals.reading
    surer, less_sure = sorted((one, other))

    def with_refusal(probability: float) -> float:
        assert signals.reading
        return confidence(signals._replace(reading=signals.reading._replace(refused=probability)))

    assert with_refusal(less_sure) <= with_refusal(surer)


@given(SIGNALS, SHARES, SHARES)
def test_a_better_sentence_never_lowers_the_confidence(
    signals: Signals, one: float, other: float
) -> None:
    worse, better = sorted((one, other))
    lower = confidence(signals._replace(sentence=worse))
    assert lower <= confidence(signals._replace(sentence=better))


@pytest.mark.parametrize("name", ["retrieval", "reading"])
def test_the_fitted_weights_fit_the_features(name: str) -> None:
    reading = Reliance(0.5, 0.5, 0.5) if name == "reading" else None
    fitted = json.loads(WEIGHTS.read_text())[name]
    assert len(fitted["weights"]) == len(Signals(0.5, 0.5, 0.5, True, reading).features)
