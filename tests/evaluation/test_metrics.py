"""Figures, intervals and curves, against values worked out by hand or by known tables."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ragqa.evaluation.metrics import (
    MEANINGS,
    Metric,
    auc,
    bootstrapped,
    calibration_bins,
    curves,
    mean,
    measure,
    proportion,
    risk_coverage,
    wilson,
)
from ragqa.evaluation.questions import Question
from ragqa.evaluation.run import NuggetVerdicts, Outcome
from ragqa.records import Answer, Sentence, Support


def outcome(
    *,
    answerable: bool = True,
    disagreeing: tuple[str, ...] | None = None,
    refused: bool = False,
    confidence: float | None = None,
    support: Support = "supported",
    **verdicts: Any,
) -> Outcome:
    answer = Answer(
        state="not_in_documents" if refused else "answered",
        question="q",
        sentences=() if refused else (Sentence("s", support),),
        confidence=confidence,
    )
    question = Question("q", answerable, disagreeing=disagreeing)
    return Outcome(question, answer, verdicts.pop("ms", 10.0), **verdicts)


def values(*outcomes: Outcome) -> dict[str, tuple[float | None, int]]:
    return {metric.name: (metric.value, metric.n) for metric in measure(outcomes)}


def test_what_has_no_data_has_no_value() -> None:
    metrics = measure([])
    assert [metric.name for metric in metrics] == list(MEANINGS)
    assert all((m.value, m.n, m.low, m.high) == (None, 0, None, None) for m in metrics)


def test_contradictions_are_told_or_made_up() -> None:
    found = values(
        outcome(disagreeing=("1", "2"), told=True),
        outcome(disagreeing=("1", "2"), told=False),
        outcome(disagreeing=(), told=False),
        outcome(),
    )
    assert found["contradictions_told"] == (0.5, 2)
    assert found["false_contradictions"] == (0.0, 1)


def test_each_figure_counts_what_it_says() -> None:
    found = values(
        outcome(found=True, right=True, f1=1.0, right_citations=(True, False), ms=10,
                short_right=True, short_f1=0.5),
        outcome(found=False, right=True, f1=0.5, right_citations=(False,), ms=20,
                short_right=False, short_f1=0.0),
        outcome(found=True, right=False, f1=0.0, right_citations=(), refused=True, ms=30),
        outcome(answerable=False, support="unsupported", ms=40, injected=True),
        outcome(answerable=False, refused=True, ms=50, injected=False),
    )  # fmt: skip
    assert found == {
        "retrieval_hit": (pytest.approx(2 / 3), 3),
        "complete_answers": (None, 0),
        "nugget_recall": (None, 0),
        "no_nugget": (None, 0),
        "answer_words": (1, 3),
        "best_passage_complete": (None, 0),
        "best_passage_words": (None, 0),
        "answer_f1": (pytest.approx(0.5), 3),
        "answer_contains": (pytest.approx(2 / 3), 3),
        "short_f1": (pytest.approx(0.25), 2),
        "short_contains": (0.5, 2),
        "citation_precision": (pytest.approx(1 / 3), 3),
        "cited_nugget": (None, 0),
        "citation_recall": (0.5, 2),
        "correct_and_cited": (pytest.approx(1 / 3), 3),
        "refusal_precision": (0.5, 2),
        "refusal_recall": (0.5, 2),
        "wrongly_refused": (pytest.approx(1 / 3), 3),
        "confidence_auc": (None, 0),
        "unsupported_sentences": (pytest.approx(1 / 3), 3),
        "contradictions_told": (None, 0),
        "false_contradictions": (None, 0),
        "injected_instructions": (0.5, 2),
        "latency_p50_ms": (30, 5),
        "latency_p95_ms": (48, 5),
    }


def test_how_complete_the_answers_are() -> None:
    found = values(
        outcome(nuggets=NuggetVerdicts((True, True), (True, True), 10, (True, False))),
        outcome(nuggets=NuggetVerdicts((True, False), (False, False), 20, (True,))),
        outcome(nuggets=NuggetVerdicts((False,), (True,), 30)),
        outcome(nuggets=NuggetVerdicts((False,), (True,), 40), refused=True),
        outcome(answerable=False),
    )
    assert {name: found[name] for name in found if "nugget" in name or "complete" in name} == {
        "complete_answers": (0.25, 4),
        "nugget_recall": (0.375, 4),
        "no_nugget": (0.25, 4),
        "best_passage_complete": (0.75, 4),
        "cited_nugget": (pytest.approx(2 / 3), 3),
    }
    assert (found["answer_words"], found["best_passage_words"]) == ((1, 4), (25, 4))


def test_wilson_as_in_newcombe_1998() -> None:
    # Newcombe 1998, "Two-sided confidence intervals for the single proportion", table I
    for successes, n, low, high in [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605),
                                    (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718)]:  # fmt: skip
        assert wilson(successes, n) == pytest.approx((low, high), abs=5e-5)


@given(st.integers(1, 200), st.data())
def test_wilson_holds_the_share(n: int, data: st.DataObject) -> None:
    successes = data.draw(st.integers(0, n))
    low, high = wilson(successes, n)
    assert 0 <= low <= successes / n + 1e-12
    assert successes / n - 1e-12 <= high <= 1


def test_the_bootstrap_of_a_mean_is_about_the_normal_interval() -> None:
    cases = np.random.default_rng(1).normal(3, 1, 400)
    metric = bootstrapped("answer_f1", list(cases), mean)
    half = 1.96 * cases.std() / math.sqrt(400)
    assert metric.value == pytest.approx(cases.mean())
    assert (metric.low, metric.high) == pytest.approx(
        (cases.mean() - half, cases.mean() + half), abs=0.02
    )
    assert metric == bootstrapped("answer_f1", list(cases), mean)


def test_a_proportion() -> None:
    low, high = wilson(1, 4)
    assert proportion("refusal_recall", [True, False, False, False]) == Metric(
        "refusal_recall", 0.25, 4, low, high, "higher"
    )


def test_auc_counts_pairs() -> None:
    confidence = np.array([0.9, 0.4, 0.4, 0.1])
    assert auc(confidence, np.array([True, True, False, False])) == 3.5 / 4
    assert auc(confidence, np.array([False, False, True, True])) == 0.5 / 4


def test_auc_of_outcomes() -> None:
    pairs = [(True, 0.9), (True, 0.4), (False, 0.4), (False, 0.1), (True, None)]
    metrics = measure([outcome(answerable=a, confidence=c) for a, c in pairs])
    (metric,) = (metric for metric in metrics if metric.name == "confidence_auc")
    assert (metric.value, metric.n) == (0.875, 4)
    assert metric.low is not None
    assert metric.low < 0.875


def test_risk_and_coverage_go_by_thresholds() -> None:
    confidence = np.array([0.2, 0.9, 0.5, 0.5])
    errors = np.array([True, False, True, False])
    assert risk_coverage(confidence, errors, 4) == [
        (0.25, 0),
        (0.75, pytest.approx(1 / 3)),
        (1, 0.5),
    ]


def test_curves_of_outcomes() -> None:
    found = curves(
        [
            outcome(confidence=0.9, right=True),
            outcome(confidence=0.7, right=False),
            outcome(confidence=0.6, right=None),
            outcome(confidence=0.5, answerable=False),
            outcome(confidence=0.1, answerable=False, refused=True),
        ]
    )
    assert found["not in the documents"] == [
        (0.2, 0), (0.4, 0), (pytest.approx(0.6), 0), (0.8, 0.25), (1, 0.4),
    ]  # fmt: skip
    assert found["wrong answer"] == [
        (0.2, 0),
        (0.4, 0.5),
        (pytest.approx(0.6), pytest.approx(2 / 3)),
    ]
    assert curves([outcome()]) == {}


def test_bins_of_calibration() -> None:
    confidence = np.arange(100) / 100
    positive = np.arange(100) % 2 == 0
    bins = calibration_bins(confidence, positive)
    assert [(each.n, each.share) for each in bins] == [(10, 0.5)] * 10
    assert [round(each.confidence, 3) for each in bins[:2]] == [0.045, 0.145]
    assert len(calibration_bins(confidence[:7], positive[:7])) == 1
    assert calibration_bins(confidence[:0], positive[:0]) == []
