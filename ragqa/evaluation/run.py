"""Questions -> what was answered, and whether that was right.

Asks by `pipeline.ask`, as the command does, and judges each answer by what is known of the
question. Knows nothing of figures over many questions (`metrics`) or of how they are shown.
"""

from __future__ import annotations

import os
import re
import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np

from ragqa import pipeline
from ragqa.answering.compose import DISAGREES
from ragqa.api import Collection
from ragqa.evaluation.questions import Question
from ragqa.pipeline import Session
from ragqa.records import Answer, Citation
from ragqa.store.base import PassageIds, Snapshot
from ragqa.store.filters import Filter

MARKER = re.compile(r"\s*\[\d+\]")  # of a citation
ARTICLE = re.compile(r"\b(a|an|the)\b")
PUNCTUATION = re.compile(r"[^\w\s]|_")


@dataclass(frozen=True, slots=True)
class Outcome:
    """A question, its answer, and the verdicts on it; None where nothing is known to judge by.

    found: a right file is among the passages of the search
    right: an accepted answer stands in the answer
    f1: the best F1 of the answer's words and those of an accepted answer
    right_citations: for each citation, whether it names a right source
    told: the answer says that the documents disagree, and names all values where they do
    injected: the answer says what only a hidden instruction asks for
    milliseconds: from the question to the whole answer
    """

    question: Question
    answer: Answer
    milliseconds: float
    found: bool | None = None
    right: bool | None = None
    f1: float | None = None
    right_citations: tuple[bool, ...] | None = None
    told: bool | None = None
    injected: bool | None = None

    @property
    def refused(self) -> bool:
        """True when the answer is that the documents do not say it."""
        return self.answer.state == "not_in_documents"

    @property
    def is_wrong(self) -> bool | None:
        """Whether the answer, or the refusal, is a mistake; None where that is not known."""
        if not self.question.answerable:
            return not self.refused
        if self.refused:
            return True
        return None if self.right is None else not self.right


def ask_all(
    questions: Sequence[Question],
    collection: Collection,
    observe: Callable[[str, int, int], None],
    calibrated: bool = True,
) -> tuple[list[Outcome], list[str]]:
    """Ask one question after another, each of an index or of its texts; outcomes and warnings.

    `calibrated` False leaves the calibration of the index out. Raises what `pipeline.ask` raises.
    """
    outcomes: list[Outcome] = []
    warnings: list[str] = []
    with ExitStack() as stack:
        askers: dict[bool, Asker] = {}
        for number, question in enumerate(questions, 1):
            needs_index = question.given is None
            if needs_index not in askers:
                session = stack.enter_context(
                    collection.session(needs_index, calibrated=calibrated)
                )
                askers[needs_index] = Asker(session)
                warnings += session.warnings + _source_warnings(questions, session.snapshot)
            outcomes.append(askers[needs_index].ask(question))
            observe("asking", number, len(questions))
    return outcomes, warnings


class Asker:
    """Asks questions in one session, each of the documents that it may use."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def ask(self, question: Question) -> Outcome:
        """Ask one question and judge the answer."""
        session = self._session
        if session.snapshot and question.without:
            left = _without(question.without, self._passages, session.snapshot)
            session = replace(session, allowed=left)
        return _judged_answer(question, session)

    @cached_property
    def _passages(self) -> PassageIds:
        """All that the session may use."""
        assert self._session.snapshot is not None
        allowed = self._session.allowed
        return self._session.snapshot.allowed(Filter()) if allowed is None else allowed


def _judged_answer(question: Question, session: Session) -> Outcome:
    started = time.perf_counter()
    answer = pipeline.ask(question.text, session, question.given or ())
    milliseconds = (time.perf_counter() - started) * 1000
    outcome = Outcome(
        question,
        answer,
        milliseconds,
        told=_is_told(question, answer),
        injected=_is_injected(question, answer),
    )
    if not question.answerable:
        return outcome
    sources = source_paths(question, session.snapshot)
    return replace(
        outcome,
        found=_is_found(question, sources, session),
        right=contains_any(answer.text, question.answers) if question.answers else None,
        f1=best_f1(answer.text, question.answers) if question.answers else None,
        right_citations=_right_citations(answer.citations, sources) if sources else None,
    )


def _without(files: Iterable[str], passages: PassageIds, snapshot: Snapshot) -> PassageIds:
    """The passages but for those of these files."""
    documents = [document for file in files if (document := snapshot.document(file))]
    left_out = [number for item in documents for number in snapshot.passages_of(item.id)]
    return np.setdiff1d(passages, np.array(left_out, dtype=np.int64))


def source_paths(question: Question, snapshot: Snapshot | None) -> frozenset[str]:
    """The right sources by the names that citations have: a path is from some indexed folder on."""
    if snapshot is None or question.given is not None:
        return frozenset(question.sources)
    folders = snapshot.folders()
    return frozenset(
        os.path.normpath(Path(folder) / Path(source).expanduser())
        for source in question.sources
        for folder in folders
    )


def _source_warnings(questions: Sequence[Question], snapshot: Snapshot | None) -> list[str]:
    """A warning when questions name files of which none is in the index: they cannot be found."""
    if snapshot is None:
        return []
    unknown = [
        question.sources[0]
        for question in questions
        if question.given is None
        and question.sources
        and not any(snapshot.document(path) for path in source_paths(question, snapshot))
    ]
    told = f"the right files of {len(unknown)} questions are not in the index, such as"
    return [f"{told} {unknown[0]}"] if unknown else []


def _is_found(question: Question, sources: frozenset[str], session: Session) -> bool | None:
    """Whether the passages that an answer is made from have one of a right file."""
    if session.snapshot is None or not sources:
        return None
    return any(
        sources & {hit.path, *hit.also_in} for hit in session.search(session.query(question.text))
    )


def _right_citations(citations: Sequence[Citation], sources: frozenset[str]) -> tuple[bool, ...]:
    return tuple(bool(sources & {item.path, *item.also_in}) for item in citations)


def _is_told(question: Question, answer: Answer) -> bool | None:
    if question.disagreeing is None:
        return None
    all_named = all(contains_any(answer.text, [value]) for value in question.disagreeing)
    return DISAGREES in answer.text and all_named


def _is_injected(question: Question, answer: Answer) -> bool | None:
    if not question.attacks:
        return None
    text = " ".join(answer.text.split())
    return any(attack.search(text) for attack in question.attacks)


# Comparing texts ----------------------------------------------------------------------------


def contains_any(text: str, accepted: Iterable[str]) -> bool:
    """True when one of the strings stands in the text, from the start of a word on.

    A number must stand there whole: "20" is not in "2,048" or "20.5".
    """
    plain = _plain(text)
    return any(
        re.search(
            r"(?<!\w)(?<!\d[.,])" + re.escape(wanted) + r"(?![.,]?\d)" * wanted[-1:].isdigit(),
            plain,
        )
        for wanted in map(_plain, accepted)
    )


def best_f1(text: str, accepted: Iterable[str]) -> float:
    """The best F1 of the words of a text and those of an accepted answer.

    As the official script of SQuAD has it (Rajpurkar et al. 2016, arXiv:1606.05250): lower case,
    without punctuation and articles. Citation markers are no part of the answer.
    """
    words = Counter(_squad_words(text))
    return max((_f1(words, Counter(_squad_words(wanted))) for wanted in accepted), default=0.0)


def _f1(found: Counter[str], wanted: Counter[str]) -> float:
    common = (found & wanted).total()
    return 2 * common / (found.total() + wanted.total()) if common else 0.0


def _squad_words(text: str) -> list[str]:
    text = PUNCTUATION.sub("", MARKER.sub("", text).lower())
    return ARTICLE.sub(" ", text).split()


def _plain(text: str) -> str:
    """Text in lower case on one line, without citation markers."""
    return " ".join(MARKER.sub("", text).lower().split())
