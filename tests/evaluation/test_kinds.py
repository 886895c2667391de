"""Figures by kind of question, against values worked out by hand."""

from __future__ import annotations

from ragqa.evaluation.kinds import KindFigures, by_kind, figures_of
from ragqa.evaluation.questions import Question
from ragqa.evaluation.run import NuggetVerdicts, Outcome
from ragqa.records import Answer, Sentence


def outcome(kind: str, text: str = "", nuggets: NuggetVerdicts | None = None) -> Outcome:
    answer = Answer("answered" if text else "not_in_documents", "q", (Sentence(text, "supported"),))
    return Outcome(Question("q", kind=kind), answer, 1.0, nuggets=nuggets)


HALF = NuggetVerdicts((True, False), (True, True), 9)
NONE = NuggetVerdicts((False, False), (True, False), 5)
OUTCOMES = [
    outcome("why", "one two [1]", HALF),
    outcome("", "one", NONE),
    outcome("why", "", NONE),
    outcome("why", "not counted"),
    outcome("who", "", NONE),
]


def test_each_kind_has_its_figures() -> None:
    assert by_kind(OUTCOMES) == {
        "why": KindFigures(2, 0.0, 0.25, 2.0, 0.5, 0.75, 7.0),
        "": KindFigures(1, 0.0, 0.0, 1.0, 0.0, 0.5, 5.0),
        "who": KindFigures(1, 0.0, 0.0, None, 0.0, 0.5, 5.0),
    }
    assert figures_of(OUTCOMES) == KindFigures(4, 0.0, 0.125, 1.5, 0.25, 0.625, 6.0)


def test_without_kinds_or_nuggets_there_is_nothing_to_tell() -> None:
    assert by_kind([outcome("", "one", NONE)]) == {}
    assert by_kind([outcome("why", "one")]) == {}
    assert by_kind([]) == {}
