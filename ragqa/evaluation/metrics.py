"""Outcomes of many questions -> figures with their 95 % intervals, and curves. Pure.

A figure without anything to count is None, not 0. Proportions have Wilson's interval (Wilson
1927), all others the percentile bootstrap (Efron & Tibshirani 1993) with a fixed seed. What is
counted within answers (citations, sentences) is taken as independent: its intervals are somewhat
too narrow.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from ragqa.evaluation.run import Outcome

RESAMPLES = 1000
BINS = 10  # of the calibration plot, at most

Values = npt.NDArray[np.float64]
Statistic = Callable[[Values], float]
Better = Literal["higher", "lower"]


@dataclass(frozen=True, slots=True)
class Metric:
    """A figure, of how many cases, with its 95 % interval; `value` None: there were none."""

    name: str
    value: float | None
    n: int
    low: float | None
    high: float | None
    better: Better


@dataclass(frozen=True, slots=True)
class Bin:
    """Questions of about one confidence: their mean, and how many of them are answerable."""

    confidence: float
    share: float
    n: int
    low: float
    high: float


Curve = list[tuple[float, float]]

# What each figure is, and which way is better; the order is that of the report.
MEANINGS: dict[str, tuple[Better, str]] = {
    "retrieval_hit": ("higher", "answerable: a right file among the k passages"),
    "complete_answers": ("higher", "answerable: all nuggets stand in the answer"),
    "nugget_recall": ("higher", "answerable: share of the nuggets in the answer"),
    "no_nugget": ("lower", "answerable: answered without any nugget"),
    "answer_words": ("lower", "words of an answer"),
    "best_passage_complete": (
        "higher",
        "answerable: the best passage has all nuggets",
    ),
    "best_passage_words": ("lower", "words of the best passage of the search"),
    "answer_f1": ("higher", "answerable: F1 of the words of the answer (SQuAD)"),
    "answer_contains": ("higher", "answerable: an accepted answer stands in the answer"),
    "short_f1": ("higher", "answerable: F1 of the words that answer exactly"),
    "short_contains": ("higher", "answerable: an accepted answer stands in these"),
    "citation_precision": ("higher", "citations: they name a right source"),
    "cited_nugget": ("higher", "citations: a nugget stands in the quote"),
    "citation_recall": ("higher", "answerable, answered: a citation is right"),
    "correct_and_cited": ("higher", "answerable: an accepted answer, a right citation"),
    "refusal_precision": ("higher", "refused: not answerable indeed"),
    "refusal_recall": ("higher", "not answerable: refused"),
    "wrongly_refused": ("lower", "answerable: refused"),
    "confidence_auc": ("higher", "pairs: the answerable question has more of it"),
    "unsupported_sentences": ("lower", "sentences of answers: no document supports them"),
    "contradictions_told": (
        "higher",
        "the documents disagree: all values are told",
    ),
    "false_contradictions": ("lower", "the documents do not disagree: the answer says so"),
    "injected_instructions": ("lower", "questions with an attack: the answer obeys it"),
    "latency_p50_ms": ("lower", "median time of an answer"),
    "latency_p95_ms": ("lower", "time within which 95 % of the answers are there"),
}


def measure(outcomes: Sequence[Outcome]) -> list[Metric]:
    """All figures, in the order of `MEANINGS`."""
    yes = [outcome for outcome in outcomes if outcome.question.answerable]
    return [
        proportion("retrieval_hit", [o.found for o in yes if o.found is not None]),
        *_of_nuggets(outcomes),
        *_of_accepted_answers(yes),
        *_of_citations(yes),
        *_of_refusals(outcomes),
        _auc_metric(outcomes),
        *_of_harm(outcomes),
        *_of_time(outcomes),
    ]


def _of_nuggets(outcomes: Sequence[Outcome]) -> list[Metric]:
    """How complete and how long: the answers, and the best passages shown in their place."""
    judged = [(outcome, outcome.nuggets) for outcome in outcomes if outcome.nuggets]
    answers = [verdicts.in_answer for _, verdicts in judged]
    useless = [not outcome.refused and not any(each.in_answer) for outcome, each in judged]
    lengths = [verdicts.passage_words for _, verdicts in judged]
    words = [outcome.words for outcome in outcomes if not outcome.refused]
    return [
        proportion("complete_answers", [all(each) for each in answers]),
        bootstrapped("nugget_recall", [share(each) for each in answers], mean),
        proportion("no_nugget", useless, "lower"),
        bootstrapped("answer_words", words, mean, "lower"),
        proportion("best_passage_complete", [all(each.in_passage) for _, each in judged]),
        bootstrapped("best_passage_words", lengths, mean, "lower"),
    ]


def _of_accepted_answers(yes: Sequence[Outcome]) -> list[Metric]:
    return [
        bootstrapped("answer_f1", [o.f1 for o in yes if o.f1 is not None], mean),
        proportion("answer_contains", [o.right for o in yes if o.right is not None]),
        bootstrapped("short_f1", [o.short_f1 for o in yes if o.short_f1 is not None], mean),
        proportion("short_contains", [o.short_right for o in yes if o.short_right is not None]),
    ]


def _of_citations(yes: Sequence[Outcome]) -> list[Metric]:
    cited = [o.right_citations for o in yes if o.right_citations is not None and not o.refused]
    verdicts = [o.nuggets for o in yes if o.nuggets and not o.refused]
    both = [o for o in yes if o.right is not None and o.right_citations is not None]
    return [
        proportion("citation_precision", [right for each in cited for right in each]),
        proportion("cited_nugget", [held for each in verdicts for held in each.in_citations]),
        proportion("citation_recall", [any(each) for each in cited]),
        proportion("correct_and_cited", [bool(o.right and any(_cited(o))) for o in both]),
    ]


def _cited(outcome: Outcome) -> tuple[bool, ...]:
    return outcome.right_citations or ()


def _of_refusals(outcomes: Sequence[Outcome]) -> list[Metric]:
    cases = [(outcome.question.answerable, outcome.refused) for outcome in outcomes]
    return [
        proportion("refusal_precision", [not yes for yes, refused in cases if refused]),
        proportion("refusal_recall", [refused for yes, refused in cases if not yes]),
        proportion("wrongly_refused", [refused for yes, refused in cases if yes], "lower"),
    ]


def _of_harm(outcomes: Sequence[Outcome]) -> list[Metric]:
    """What the documents do not say, or say only to mislead."""
    sentences = [sentence for outcome in outcomes for sentence in outcome.answer.sentences]
    unsupported = [sentence.support == "unsupported" for sentence in sentences]
    claims = [(o.question.disagreeing, o.told) for o in outcomes if o.told is not None]
    made_up = [told for disagree, told in claims if not disagree]
    injected = [o.injected for o in outcomes if o.injected is not None]
    return [
        proportion("unsupported_sentences", unsupported, "lower"),
        proportion("contradictions_told", [told for disagree, told in claims if disagree]),
        proportion("false_contradictions", made_up, "lower"),
        proportion("injected_instructions", injected, "lower"),
    ]


def _of_time(outcomes: Sequence[Outcome]) -> list[Metric]:
    milliseconds = [outcome.milliseconds for outcome in outcomes]
    return [
        bootstrapped("latency_p50_ms", milliseconds, _percentile(50), "lower"),
        bootstrapped("latency_p95_ms", milliseconds, _percentile(95), "lower"),
    ]


def share(verdicts: Sequence[bool]) -> float:
    """How many of them are true, of one or more."""
    return sum(verdicts) / len(verdicts)


# Intervals ----------------------------------------------------------------------------------


def proportion(name: str, cases: Sequence[bool], better: Better = "higher") -> Metric:
    """The share of the cases that are true."""
    n = len(cases)
    if not n:
        return Metric(name, None, 0, None, None, better)
    return Metric(name, sum(cases) / n, n, *wilson(sum(cases), n), better)


def wilson(successes: int, n: int) -> tuple[float, float]:
    """The 95 % interval of a proportion, as Wilson 1927 has it."""
    from scipy.stats import binomtest

    found = binomtest(successes, n).proportion_ci(0.95, method="wilson")
    return float(found.low), float(found.high)


def bootstrapped(
    name: str, cases: Sequence[float], statistic: Statistic, better: Better = "higher"
) -> Metric:
    """A statistic of the cases, with the interval of its values in resamples of them."""
    if not cases:
        return Metric(name, None, 0, None, None, better)
    values = np.array(cases, dtype=np.float64)
    chosen = np.random.default_rng(0).integers(len(values), size=(RESAMPLES, len(values)))
    found = [statistic(values[rows]) for rows in chosen]
    low, high = np.percentile(found, [2.5, 97.5])
    return Metric(name, statistic(values), len(values), float(low), float(high), better)


def mean(values: Values) -> float:
    """The mean."""
    return float(values.mean())


def _percentile(percent: int) -> Statistic:
    return lambda values: float(np.percentile(values, percent))


# Confidence ---------------------------------------------------------------------------------


def confidences(outcomes: Sequence[Outcome]) -> tuple[Values, npt.NDArray[np.bool_]]:
    """Of the outcomes that have a confidence: that, and whether the question is answerable."""
    pairs = [
        (outcome.answer.confidence, outcome.question.answerable)
        for outcome in outcomes
        if outcome.answer.confidence is not None
    ]
    values = np.array([confidence for confidence, _ in pairs], dtype=np.float64)
    return values, np.array([answerable for _, answerable in pairs], dtype=np.bool_)


def auc(values: Values, positive: npt.NDArray[np.bool_]) -> float:
    """The share of pairs in which the positive one has more; ties count half (Mann & Whitney)."""
    above, below = values[positive], np.sort(values[~positive])
    less = np.searchsorted(below, above, side="left")
    not_more = np.searchsorted(below, above, side="right")
    return float((less + not_more).sum() / (2 * len(above) * len(below)))


def _auc_metric(outcomes: Sequence[Outcome]) -> Metric:
    name = "confidence_auc"
    values, positive = confidences(outcomes)
    n, both = len(values), positive.any() and not positive.all()
    if not both:
        return Metric(name, None, 0, None, None, "higher")
    places = [np.flatnonzero(positive), np.flatnonzero(~positive)]
    random = np.random.default_rng(0)
    found = []
    for _ in range(RESAMPLES):  # within both kinds: else a resample may have but one
        rows = np.concatenate([random.choice(kind, len(kind)) for kind in places])
        found.append(auc(values[rows], positive[rows]))
    low, high = np.percentile(found, [2.5, 97.5])
    return Metric(name, auc(values, positive), n, float(low), float(high), "higher")


def calibration_bins(values: Values, positive: npt.NDArray[np.bool_]) -> list[Bin]:
    """Questions in bins of as many each, by confidence: is it what the share of answerable is?"""
    if not len(values):
        return []
    order = np.argsort(values, kind="stable")
    bins = []
    for rows in np.array_split(order, min(BINS, max(1, len(values) // 5))):
        right = int(positive[rows].sum())
        confidence = float(values[rows].mean())
        bins.append(Bin(confidence, right / len(rows), len(rows), *wilson(right, len(rows))))
    return bins


def risk_coverage(values: Values, is_error: npt.NDArray[np.bool_], of: int) -> Curve:
    """For each threshold on the confidence: the share of `of` questions above it, and of errors
    among these (El-Yaniv & Wiener 2010). Questions of one confidence stand or fall together.
    """
    order = np.argsort(-values, kind="stable")
    errors = np.cumsum(is_error[order])
    lasts = [i for i in range(len(order)) if i + 1 == len(order) or _less(values, order, i)]
    return [((i + 1) / of, float(errors[i] / (i + 1))) for i in lasts]


def _less(values: Values, order: npt.NDArray[np.intp], place: int) -> bool:
    return bool(values[order[place + 1]] < values[order[place]])


def curves(outcomes: Sequence[Outcome]) -> dict[str, Curve]:
    """Risk against coverage: of answering what is not there, and of an answer that is wrong.

    The second goes as far as questions were answered; those of which it is not known count not.
    """
    values, answerable = confidences(outcomes)
    answered = [o for o in outcomes if not o.refused and o.is_wrong is not None]
    shown, _ = confidences(answered)
    wrong = [bool(o.is_wrong) for o in answered if o.answer.confidence is not None]
    found = {
        "not in the documents": risk_coverage(values, ~answerable, len(values)),
        "wrong answer": risk_coverage(shown, np.array(wrong, dtype=np.bool_), len(values)),
    }
    return {name: curve for name, curve in found.items() if curve}
