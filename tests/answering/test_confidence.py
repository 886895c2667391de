"""Whether the documents answer a question at all."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ragqa.answering.confidence import (
    LOOKED_AT,
    WEIGHTS,
    Signals,
    confidence,
    coverage,
    has_names,
    nearest,
)
from ragqa.system.files import data_file
from tests.hits import hits_of, query_of

NOTE = "# Metals\n\n## Heat\n\nGold melts at high heat.\n"
WORD_WEIGHTS = st.floats(0.01, 10)
SHARES = st.floats(0, 1)
SIGNALS = st.builds(
    Signals, SHARES, st.floats(0, 2), st.booleans(), st.booleans(), SHARES, st.none() | SHARES
)


def _coverage(weights: dict[str, float], text: str = NOTE) -> float:
    return coverage(hits_of(text), query_of("", weights=weights))


def test_without_hits_nothing_is_near_or_covered() -> None:
    assert nearest([]) == 0.0
    assert coverage([], query_of("gold")) == 0.0


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
    query = query_of("gold")
    assert coverage(other * (LOOKED_AT - 1) + named, query) == 1.0
    assert coverage(other * LOOKED_AT + named, query) == 0.0


@pytest.mark.parametrize(
    ("question", "sentence", "found"),
    [
        ("When was Ada Lovelace born?", "Ada Lovelace was born in 1815.", True),
        ("When was Ada Lovelace born?", "Ada Byron was born in 1815.", False),
        ("What happened in 1815?", "Ada was born in 1815.", True),
        ("What happened in 1816?", "Ada was born in 1815.", False),
        ("what does it do?", "It rains.", True),
    ],
)
def test_names_and_numbers_of_the_question_are_looked_for(
    question: str, sentence: str, found: bool
) -> None:
    assert has_names(query_of(question), sentence) is found


@given(SIGNALS)
def test_confidence_is_a_probability(signals: Signals) -> None:
    assert 0 <= confidence(signals) <= 1


@given(SIGNALS, SHARES, SHARES)
def test_a_reader_that_would_rather_refuse_lowers_the_confidence(
    signals: Signals, one: float, other: float
) -> None:
    surer, less_sure = sorted((one, other))
    lower = confidence(signals._replace(refused=less_sure))
    assert lower <= confidence(signals._replace(refused=surer))


@given(SIGNALS)
def test_a_missing_name_never_raises_the_confidence(signals: Signals) -> None:
    missing = confidence(signals._replace(named=False))
    assert missing <= confidence(signals._replace(named=True))


@given(SIGNALS, SHARES)
def test_coverage_counts_in_an_index_only(signals: Signals, other: float) -> None:
    given_texts = signals._replace(searched=False)
    assert confidence(given_texts) == confidence(given_texts._replace(coverage=other))


@given(SIGNALS, SHARES, SHARES)
def test_a_better_sentence_never_lowers_the_confidence(
    signals: Signals, one: float, other: float
) -> None:
    worse, better = sorted((one, other))
    lower = confidence(signals._replace(sentence=worse))
    assert lower <= confidence(signals._replace(sentence=better))


@pytest.mark.parametrize("name", ["retrieval", "reading"])
def test_the_fitted_weights_fit_the_features(name: str) -> None:
    refused = 0.5 if name == "reading" else None
    fitted = json.loads(data_file(WEIGHTS).read_text())[name]
    assert len(fitted["weights"]) == len(Signals(0.5, 0.5, True, True, 0.5, refused).features)
