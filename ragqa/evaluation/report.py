"""Figures and outcomes -> table, JSON and HTML; and what limits on figures make of them.

Knows nothing of how questions were asked.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from ragqa.errors import UsageError
from ragqa.evaluation.html import Case, Plot, Table, page
from ragqa.evaluation.kinds import KindFigures, by_kind, figures_of
from ragqa.evaluation.metrics import MEANINGS, Metric, calibration_bins, confidences, curves
from ragqa.evaluation.run import Outcome
from ragqa.render import place
from ragqa.text.clean import clean_line
from ragqa.text.surrogates import encodable

HEADER = ("metric", "value", "95 % interval", "n", "")
KIND_HEADER = (
    "kind", "n", "complete", "recall", "words", "passage: complete", "recall", "words", "",
)  # fmt: skip
VERDICTS = {
    (True, True): "refused, but the documents say it",
    (True, False): "no accepted answer in it",
    (False, False): "answered, but the documents do not say it",
}


@dataclass(frozen=True, slots=True)
class Evaluation:
    """All that was found out: outcomes, figures, and what was asked by what."""

    outcomes: Sequence[Outcome]
    metrics: Sequence[Metric]
    source: str
    warnings: Sequence[str] = ()

    @property
    def models(self) -> Mapping[str, str | None]:
        """What retrieved and what wrote the answers."""
        return self.outcomes[0].answer.models

    @property
    def index(self) -> Mapping[str, Any] | None:
        """The index that was asked; None where all questions brought their texts."""
        indexes = [outcome.answer.index for outcome in self.outcomes]
        return next((index for index in indexes if index), None)


# Text ---------------------------------------------------------------------------------------


def facts(found: Evaluation) -> list[tuple[str, str]]:
    """What was asked, by what, of what."""
    answerable = sum(outcome.question.answerable for outcome in found.outcomes)
    others = len(found.outcomes) - answerable
    asked = f"{len(found.outcomes)} from {found.source}: {answerable} answerable, {others} not"
    writer = found.models["generator"] or "sentences of the documents"
    rows = [("questions", asked), ("answers", writer)]
    if found.index:
        rows.append(("index", f"{found.index['path']} (generation {found.index['generation']})"))
    return rows


def metric_rows(metrics: Sequence[Metric]) -> list[tuple[str, str, str, str, str]]:
    """A row for each figure, its meaning last; "-" where there is none."""
    return [
        (
            metric.name,
            figure(metric.name, metric.value),
            "-"
            if metric.low is None
            else f"{figure(metric.name, metric.low)} to {figure(metric.name, metric.high)}",
            str(metric.n),
            MEANINGS[metric.name][1],
        )
        for metric in metrics
    ]


def figure(name: str, value: float | None) -> str:
    """A figure as text; times are whole milliseconds, words have one decimal."""
    if value is None:
        return "-"
    digits = 0 if name.endswith("_ms") else 1 if name.endswith("_words") else 3
    return f"{value:.{digits}f}"


def kind_rows(outcomes: Sequence[Outcome]) -> list[tuple[str, ...]]:
    """A row for each kind of question, and one for all; none where questions have no kind."""
    kinds = by_kind(outcomes)
    rows = [_kind_row(clean_line(kind) or "-", figures) for kind, figures in kinds.items()]
    return [*rows, _kind_row("all of them", figures_of(outcomes))] if rows else []


def _kind_row(kind: str, figures: KindFigures) -> tuple[str, ...]:
    """The last cell is for words, as in all tables; there are none."""
    values = asdict(figures)
    n = values.pop("n")
    return (kind, str(n), *(figure(name, value) for name, value in values.items()), "")


def columns(rows: Sequence[Sequence[str]]) -> str:
    """Rows as text in columns; all but the first and the last stand to the right."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = []
    for row in rows:
        cells = [text.rjust(width) for text, width in zip(row, widths, strict=True)]
        cells[0], cells[-1] = row[0].ljust(widths[0]), row[-1]
        lines.append("  ".join(cells).rstrip() + "\n")
    return "".join(lines)


def as_text(found: Evaluation) -> str:
    """Facts and figures in columns."""
    head = "".join(f"{name}: {clean_line(text)}\n" for name, text in facts(found))
    kinds = kind_rows(found.outcomes)
    table = f"\n{columns([KIND_HEADER, *kinds])}" if kinds else ""
    return f"{head}\n{columns([HEADER, *metric_rows(found.metrics)])}{table}"


# JSON ---------------------------------------------------------------------------------------


def as_json(found: Evaluation, failed: Sequence[str]) -> dict[str, Any]:
    """All figures, and one record for each question."""
    return {
        "questions": len(found.outcomes),
        "source": found.source,
        "metrics": {metric.name: metric_json(metric) for metric in found.metrics},
        "kinds": {
            kind: {name: _rounded(value) for name, value in asdict(figures).items()}
            for kind, figures in by_kind(found.outcomes).items()
        },
        "failed": list(failed),
        "curves": {
            name: [list(p) for p in points] for name, points in curves(found.outcomes).items()
        },
        "models": dict(found.models),
        "index": found.index,
        "results": [_outcome_json(outcome) for outcome in found.outcomes],
        "warnings": list(found.warnings),
    }


def metric_json(metric: Metric) -> dict[str, Any]:
    """A figure with its interval, count, and which way is better."""
    return {
        "value": _rounded(metric.value),
        "low": _rounded(metric.low),
        "high": _rounded(metric.high),
        "n": metric.n,
        "better": metric.better,
    }


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 4)


def _outcome_json(outcome: Outcome) -> dict[str, Any]:
    answer, nuggets = outcome.answer, outcome.nuggets
    return {
        "question": outcome.question.text,
        "kind": outcome.question.kind,
        "split": outcome.question.split,
        "answerable": outcome.question.answerable,
        "expected": list(outcome.question.answers),
        "sources": list(outcome.question.sources),
        "state": answer.state,
        "confidence": answer.confidence,
        "answer": answer.text,
        "short": answer.short,
        "cited": [f"{item.path}:{place(item)}" for item in answer.citations],
        "found": outcome.found,
        "right": outcome.right,
        "f1": _rounded(outcome.f1),
        "right_citations": outcome.right_citations,
        "nuggets": asdict(nuggets) if nuggets else None,
        "injected": outcome.injected,
        "wrong": outcome.is_wrong,
        "milliseconds": round(outcome.milliseconds, 1),
    }


# HTML ---------------------------------------------------------------------------------------


def as_html(found: Evaluation) -> str:
    """The page: figures, plots of the confidence, answers that are wrong or incomplete."""
    tables = [Table("Figures", HEADER, metric_rows(found.metrics))]
    if kinds := kind_rows(found.outcomes):
        tables.append(Table("Kinds of questions", KIND_HEADER, kinds))
    bad = [one for one in found.outcomes if one.is_wrong or one.is_complete is False]
    wrong = [_case(outcome) for outcome in bad]
    return encodable(
        page("ragqa: evaluation", facts(found), tables, confidence_plots(found.outcomes), wrong)
    )


def confidence_plots(outcomes: Sequence[Outcome]) -> list[Plot]:
    """Risk against coverage, and calibration; none where answers have no confidence."""
    values, answerable = confidences(outcomes)
    if not len(values):
        return []
    risk = Plot(
        "Risk and coverage: for each threshold on the confidence, how many questions are above it, "
        "and how many of these are mistakes.",
        "coverage",
        "risk",
        lines=curves(outcomes),
    )
    calibration = Plot(
        "Calibration: of the questions with about one confidence, how many are answerable "
        "(with 95 % intervals). On the diagonal the confidence is what it says.",
        "confidence",
        "answerable",
        dots=calibration_bins(values, answerable),
        diagonal=True,
    )
    return [risk, calibration]


def _case(outcome: Outcome) -> Case:
    answer, question = outcome.answer, outcome.question
    right = outcome.right_citations or (False,) * len(answer.citations)
    known = outcome.right_citations is not None
    return Case(
        question=question.text,
        verdict=_verdict(outcome),
        answer=answer.text,
        confidence=answer.confidence,
        expected=question.answers,
        sources=question.sources,
        cited=[
            f"[{item.number}] {item.path}:{place(item)}" + " (right)" * (known and is_right)
            for item, is_right in zip(answer.citations, right, strict=True)
        ],
    )


def _verdict(outcome: Outcome) -> str:
    """What is wrong; which nuggets an answer lacks, where they are known."""
    if outcome.refused or not outcome.nuggets:
        return VERDICTS[outcome.question.answerable, outcome.refused]
    pairs = zip(outcome.question.nuggets, outcome.nuggets.in_answer, strict=True)
    missing = [nugget.pattern for nugget, is_there in pairs if not is_there]
    if not missing:
        return VERDICTS[True, False]
    return f"{'wrong' if outcome.is_wrong else 'incomplete'}, it lacks: {', '.join(missing)}"


# Limits -------------------------------------------------------------------------------------


def parse_limits(under: Sequence[str], over: Sequence[str]) -> list[tuple[str, float]]:
    """`metric=value` of --fail-under and --fail-over. Raises UsageError for what is no limit."""
    return [
        *(_limit("--fail-under", text, "higher") for text in under),
        *(_limit("--fail-over", text, "lower") for text in over),
    ]


def _limit(option: str, text: str, better: str) -> tuple[str, float]:
    name, _, value = text.partition("=")
    known = [metric for metric, (way, _) in MEANINGS.items() if way == better]
    if name in MEANINGS and name not in known:
        worse, other = ("better", "over") if better == "higher" else ("worse", "under")
        raise UsageError(
            f"{option} {text}: less of {name} is {worse}", f"write --fail-{other} {text}"
        )
    if name not in known:
        raise UsageError(f"{option} {text}: no such metric", f"known: {', '.join(known)}")
    try:
        limit = float(value)
    except ValueError:
        limit = math.nan
    if not math.isfinite(limit):
        raise UsageError(f"{option} {text}: not a number", f"write {option} {name}=0.8")
    return name, limit


def failures(metrics: Sequence[Metric], limits: Sequence[tuple[str, float]]) -> list[str]:
    """A line for each limit that is not kept; without a figure none is."""
    by_name = {metric.name: metric for metric in metrics}
    found = []
    for name, limit in limits:
        metric = by_name[name]
        if metric.value is None:
            found.append(f"{name} could not be measured: no question is of that kind")
        elif (metric.value < limit) if metric.better == "higher" else (metric.value > limit):
            word = "under" if metric.better == "higher" else "over"
            found.append(f"{name} is {figure(name, metric.value)}, {word} {limit:g}")
    return found
