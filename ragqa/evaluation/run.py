"""Questions -> what was answered, and whether that was right.

Asks by `pipeline.ask`, as the command does, and judges each answer by what is known of the
question. Knows nothing of figures over many questions (`metrics`) or of how they are shown.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np

from ragqa import pipeline
from ragqa.answering.compose import DISAGREES
from ragqa.api import Collection
from ragqa.evaluation.comparing import best_f1, contains_any, nuggets_in, word_count
from ragqa.evaluation.questions import Question
from ragqa.pipeline import Session
from ragqa.records import Answer, Citation, Hit, contextual_text
from ragqa.retrieval.given import hits_of_texts
from ragqa.store.base import PassageIds, Snapshot
from ragqa.store.filters import Filter


@dataclass(frozen=True, slots=True)
class NuggetVerdicts:
    """Where the nuggets of a question stand.

    in_answer: for each nugget, whether it stands in the answer
    in_passage: the same of the best passage of the search, which anybody could show instead, with
        title and headings
    passage_words: how long that is
    in_citations: for each citation, whether it names a right source, as far as these are known,
        and a nugget stands in its quote or in the headings above
    """

    in_answer: tuple[bool, ...]
    in_passage: tuple[bool, ...]
    passage_words: int
    in_citations: tuple[bool, ...] = ()


@dataclass(frozen=True, slots=True)
class Outcome:
    """A question, its answer, and the verdicts on it; None where nothing is known to judge by.

    found: a right file is among the passages of the search
    right: an accepted answer stands in the answer
    f1: the best F1 of the answer's words and those of an accepted answer
    short_right, short_f1: the same of the words that answer exactly; nothing where there are none
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
    short_right: bool | None = None
    short_f1: float | None = None
    right_citations: tuple[bool, ...] | None = None
    nuggets: NuggetVerdicts | None = None
    told: bool | None = None
    injected: bool | None = None

    @property
    def refused(self) -> bool:
        """True when the answer is that the documents do not say it."""
        return self.answer.state == "not_in_documents"

    @property
    def words(self) -> int:
        """How long the answer is."""
        return word_count(self.answer.text)

    @property
    def is_complete(self) -> bool | None:
        """Whether the answer has all nuggets; None where none are known."""
        return None if self.nuggets is None else all(self.nuggets.in_answer)

    @property
    def is_wrong(self) -> bool | None:
        """Whether the answer, or the refusal, is a mistake; None where that is not known.

        An answer that has some of the nuggets is incomplete, not wrong.
        """
        if not self.question.answerable:
            return not self.refused
        if self.refused:
            return True
        if self.right is not None:
            return not self.right
        return None if self.nuggets is None else not any(self.nuggets.in_answer)


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
            left = without_files(question.without, self._passages, session.snapshot)
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
    return _with_nuggets(_with_sources(_with_accepted(outcome), session), session)


def _with_accepted(outcome: Outcome) -> Outcome:
    """Judged by the accepted answers, where there are some."""
    accepted, answer = outcome.question.answers, outcome.answer
    if not accepted:
        return outcome
    short = answer.short or ""
    return replace(
        outcome,
        right=contains_any(answer.text, accepted),
        f1=best_f1(answer.text, accepted),
        short_right=contains_any(short, accepted),
        short_f1=best_f1(short, accepted),
    )


def _with_sources(outcome: Outcome, session: Session) -> Outcome:
    """Judged by the right sources, where some are known."""
    sources = source_paths(outcome.question, session.snapshot)
    if not sources:
        return outcome
    return replace(
        outcome,
        found=_is_found(outcome.question, sources, session),
        right_citations=_right_citations(outcome.answer.citations, sources),
    )


def _with_nuggets(outcome: Outcome, session: Session) -> Outcome:
    """Judged by the nuggets, where there are some; the best passage of the search, too."""
    nuggets, citations = outcome.question.nuggets, outcome.answer.citations
    if not nuggets:
        return outcome
    hit = _best_passage(outcome.question, session)
    passage = hit.passage.embedded_text if hit else ""
    right = outcome.right_citations or (True,) * len(citations)
    cited = [contextual_text(None, one.headings, one.quote_text) for one in citations]
    verdicts = NuggetVerdicts(
        in_answer=nuggets_in(outcome.answer.text, nuggets),
        in_passage=nuggets_in(passage, nuggets),
        passage_words=word_count(passage),
        in_citations=tuple(
            is_right and any(nuggets_in(text, nuggets))
            for text, is_right in zip(cited, right, strict=True)
        ),
    )
    return replace(outcome, nuggets=verdicts)


def _best_passage(question: Question, session: Session) -> Hit | None:
    """What is most like the question of the texts that come with it, else of the index."""
    query = session.query(question.text)
    if question.given is None:
        return next(iter(session.search(query)), None)
    hits = hits_of_texts(query, question.given, session.embedder)
    return max(hits, key=lambda hit: hit.score, default=None)


def without_files(files: Iterable[str], passages: PassageIds, snapshot: Snapshot) -> PassageIds:
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
