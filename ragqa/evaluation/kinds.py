"""Outcomes -> how complete and how long the answers are for each kind of question. Pure.

Questions without nuggets count not: it is not known what a complete answer has. Knows nothing of
how the figures are shown.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ragqa.evaluation.metrics import share
from ragqa.evaluation.run import NuggetVerdicts, Outcome


@dataclass(frozen=True, slots=True)
class KindFigures:
    """Of `n` questions: the answers, and the best passages of the search in their place.

    `answer_words` is the mean of those that were given; None where none was.
    """

    n: int
    complete_answers: float
    nugget_recall: float
    answer_words: float | None
    best_passage_complete: float
    best_passage_recall: float
    best_passage_words: float


def by_kind(outcomes: Sequence[Outcome]) -> dict[str, KindFigures]:
    """The figures of each kind, in the order of the file; none where no question has a kind."""
    groups: defaultdict[str, list[Outcome]] = defaultdict(list)
    for outcome in outcomes:
        if outcome.nuggets:
            groups[outcome.question.kind].append(outcome)
    return {kind: figures_of(group) for kind, group in groups.items()} if any(groups) else {}


def figures_of(outcomes: Sequence[Outcome]) -> KindFigures:
    """The figures of some outcomes, of which one at least has nuggets."""
    judged = [(outcome, outcome.nuggets) for outcome in outcomes if outcome.nuggets]

    def average(value: Callable[[NuggetVerdicts], float]) -> float:
        return sum(value(verdicts) for _, verdicts in judged) / len(judged)

    return KindFigures(
        n=len(judged),
        complete_answers=average(lambda each: all(each.in_answer)),
        nugget_recall=average(lambda each: share(each.in_answer)),
        answer_words=_mean([outcome.words for outcome, _ in judged if not outcome.refused]),
        best_passage_complete=average(lambda each: all(each.in_passage)),
        best_passage_recall=average(lambda each: share(each.in_passage)),
        best_passage_words=average(lambda each: each.passage_words),
    )


def _mean(lengths: Sequence[int]) -> float | None:
    return sum(lengths) / len(lengths) if lengths else None
