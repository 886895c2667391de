"""A calibration and the questions that it was fitted to and tried on -> table, JSON and HTML.

Knows nothing of how questions were asked or where a calibration is kept.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from random import Random
from typing import Any

import numpy as np

from ragqa.answering.calibration import fit
from ragqa.answering.confidence import Calibration
from ragqa.errors import RagqaError
from ragqa.evaluation.html import Plot, Table, page
from ragqa.evaluation.metrics import (
    Better,
    Metric,
    bootstrapped,
    calibration_bins,
    confidences,
    curves,
    mean,
    proportion,
)
from ragqa.evaluation.report import columns, confidence_plots, figure, metric_json
from ragqa.evaluation.run import Outcome
from ragqa.text.clean import clean_line
from ragqa.text.surrogates import encodable

MEANINGS = {
    "refusal_precision": "refused: not answerable indeed",
    "refusal_recall": "not answerable: refused",
    "wrongly_refused": "answerable: refused",
    "coverage": "questions that are answered",
    "risk": "answered: not answerable",
    "brier": "squared error of the confidence as a probability",
}
ENOUGH = 200  # questions
NOTABLE = 0.02  # of a share
HEADER = ("", "expected", "measured", "95 % interval", "before", "n", "")


@dataclass(frozen=True, slots=True)
class CalibrationReport:
    """What was fitted on one half of the questions, and how it does on the other."""

    calibration: Calibration
    fitted: Sequence[Outcome]
    held_out: Sequence[Outcome]
    target_precision: float
    source: str
    warnings: Sequence[str] = ()

    @property
    def expected(self) -> list[Metric]:
        """What the probabilities of the fitted half promise, whatever was found there."""
        return _expected(self.calibration, self.fitted)

    @property
    def measured(self) -> list[Metric]:
        """The same on the other half."""
        return _figures(self.calibration, self.held_out)

    @property
    def before(self) -> list[Metric]:
        """Those of the other half as it was answered."""
        return _figures(None, self.held_out)


def halves(outcomes: Sequence[Outcome], seed: int = 0) -> tuple[list[Outcome], list[Outcome]]:
    """Two halves at random, with as many of each kind of question."""
    mixed = list(outcomes)
    Random(seed).shuffle(mixed)
    mixed.sort(key=lambda one: (one.question.answerable, one.question.split, one.question.kind))
    return mixed[::2], mixed[1::2]


def calibrated(
    outcomes: Sequence[Outcome], target_precision: float, source: str, warnings: Sequence[str]
) -> CalibrationReport:
    """Fit on one half. Raises RagqaError when the outcomes do not allow that."""
    known = [outcome for outcome in outcomes if outcome.answer.confidence is not None]
    if not known:
        raise RagqaError("the answers have no confidence to calibrate", "use another model")
    fitted, held_out = halves(known)
    values, answerable = confidences(fitted)
    calibration = fit(list(map(float, values)), list(map(bool, answerable)), target_precision)
    report = CalibrationReport(calibration, fitted, held_out, target_precision, source)
    return replace(report, warnings=(*warnings, *_cautions(report)))


def _cautions(report: CalibrationReport) -> list[str]:
    """What a user may not see in the figures: that they are few, or that it now answers more."""
    found, count = [], len(report.fitted) + len(report.held_out)
    if count < ENOUGH:
        found.append(f"{count} questions are few for a threshold; {ENOUGH} or more are better")
    now, before = (
        {metric.name: metric.value for metric in metrics}["refusal_recall"]
        for metrics in (report.measured, report.before)
    )
    if now is not None and before is not None and now < before - NOTABLE:
        found.append(
            f"{now:.0%} of the unanswerable questions are refused now, {before:.0%} were before;"
            " a lower --target-precision refuses more"
        )
    return found


def _figures(calibration: Calibration | None, outcomes: Sequence[Outcome]) -> list[Metric]:
    """At the calibration's threshold, or, without one, as they were answered."""
    cases = []
    for outcome in outcomes:
        confidence = outcome.answer.confidence or 0.0
        probability = calibration.probability(confidence) if calibration else confidence
        refused = calibration.refuses(confidence) if calibration else outcome.refused
        cases.append((outcome.question.answerable, refused, probability))
    errors = [(probability - answerable) ** 2 for answerable, _, probability in cases]
    return [
        proportion("refusal_precision", [not yes for yes, refused, _ in cases if refused]),
        proportion("refusal_recall", [refused for yes, refused, _ in cases if not yes]),
        proportion("wrongly_refused", [refused for yes, refused, _ in cases if yes], "lower"),
        proportion("coverage", [not refused for _, refused, _ in cases]),
        proportion("risk", [not yes for yes, refused, _ in cases if not refused], "lower"),
        bootstrapped("brier", errors, mean, "lower"),
    ]


def _expected(calibration: Calibration, outcomes: Sequence[Outcome]) -> list[Metric]:
    """The same figures, were each question answerable with its probability."""
    p = np.array([calibration.probability(one.answer.confidence or 0.0) for one in outcomes])
    refused = p < calibration.threshold
    shares: list[tuple[str, float, float, Better]] = [
        ("refusal_precision", (1 - p)[refused].sum(), refused.sum(), "higher"),
        ("refusal_recall", (1 - p)[refused].sum(), (1 - p).sum(), "higher"),
        ("wrongly_refused", p[refused].sum(), p.sum(), "lower"),
        ("coverage", (~refused).sum(), len(p), "higher"),
        ("risk", (1 - p)[~refused].sum(), (~refused).sum(), "lower"),
        ("brier", (p * (1 - p)).sum(), len(p), "lower"),
    ]
    return [
        Metric(name, float(part / of) if of else None, len(p), None, None, better)
        for name, part, of, better in shares
    ]


# Text ---------------------------------------------------------------------------------------


def facts(report: CalibrationReport) -> list[tuple[str, str]]:
    """What was fitted, on what."""
    found, n = report.calibration, (len(report.fitted), len(report.held_out))
    return [
        ("questions", f"{sum(n)} from {report.source}: {n[0]} to fit, {n[1]} to measure"),
        ("refused", f"below a probability of {found.threshold:.3f}"),
        ("aim", f"{report.target_precision:.0%} of what is refused is not answerable"),
        ("probability", f"1 / (1 + exp(-({found.intercept:.3f} + {found.slope:.3f} * logit)))"),
    ]


def rows(report: CalibrationReport) -> list[tuple[str, ...]]:
    """A row for each figure: expected, measured with its interval, before, count, meaning."""
    return [
        (
            now.name,
            figure(now.name, expected.value),
            figure(now.name, now.value),
            "-" if now.low is None else f"{figure('', now.low)} to {figure('', now.high)}",
            figure(now.name, before.value),
            str(now.n),
            MEANINGS[now.name],
        )
        for expected, now, before in zip(
            report.expected, report.measured, report.before, strict=True
        )
    ]


def as_text(report: CalibrationReport) -> str:
    """Facts and figures in columns."""
    head = "".join(f"{name}: {clean_line(text)}\n" for name, text in facts(report))
    return f"{head}\n{columns([HEADER, *rows(report)])}"


# JSON and HTML ------------------------------------------------------------------------------


def as_json(report: CalibrationReport) -> dict[str, Any]:
    """Everything that the other forms show."""

    def figures(metrics: Sequence[Metric]) -> Mapping[str, Any]:
        return {metric.name: metric_json(metric) for metric in metrics}

    risk = curves(report.held_out)
    return {
        "calibration": report.calibration._asdict(),
        "target_precision": report.target_precision,
        "source": report.source,
        "fitted_on": len(report.fitted),
        "measured_on": len(report.held_out),
        "expected": figures(report.expected),
        "measured": figures(report.measured),
        "before": figures(report.before),
        "curves": {name: [list(point) for point in curve] for name, curve in risk.items()},
        "warnings": list(report.warnings),
    }


def as_html(report: CalibrationReport) -> str:
    """The page: figures, risk and coverage, confidence before and after."""
    table = Table("On the half that was held out", HEADER, rows(report))
    after = [_recalibrated(outcome, report.calibration) for outcome in report.held_out]
    plots = [*confidence_plots(report.held_out), _plot_after(after, report.calibration)]
    return encodable(page("ragqa: calibration", facts(report), [table], plots))


def _plot_after(outcomes: Sequence[Outcome], calibration: Calibration) -> Plot:
    return Plot(
        "The same after the calibration; the vertical line is the threshold.",
        "probability",
        "answerable",
        dots=calibration_bins(*confidences(outcomes)),
        marks=(calibration.threshold,),
        diagonal=True,
    )


def _recalibrated(outcome: Outcome, calibration: Calibration) -> Outcome:
    probability = calibration.probability(outcome.answer.confidence or 0.0)
    return replace(outcome, answer=replace(outcome.answer, confidence=probability))
