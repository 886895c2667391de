"""The commands that measure: `eval` and `calibrate`. Parse, construct, call, render.

Everything heavy is imported inside the commands.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ragqa.cli.arguments import docs_folder
from ragqa.cli.caller import Caller
from ragqa.cli.options import (
    INDEX,
    AnswerModeOption,
    DocsOption,
    IndexOptions,
    JsonOption,
    KOption,
    ModelOption,
)
from ragqa.errors import UsageError
from ragqa.text.clean import clean_line

if TYPE_CHECKING:
    from ragqa.api import Collection
    from ragqa.evaluation.questions import Question

EXIT_LIMIT = 1
MADE, MADE_TO_FIT = 100, 300  # questions that are made, where there is no --limit
QuestionsArgument = Annotated[
    str | None,
    typer.Argument(metavar="[QUESTIONS]", help="JSON Lines; - : stdin; none: made of the index."),
]
HtmlOption = Annotated[
    Path | None, typer.Option("--html", metavar="FILE", help="Write a page with plots, too.")
]


@dataclass(frozen=True, slots=True)
class AskedOptions:
    """What is asked by what, beside the index."""

    docs: DocsOption = None
    k: KOption = None
    model: ModelOption = None
    answer: AnswerModeOption = None
    split: Annotated[
        str | None, typer.Option("--split", metavar="NAME", help="Only questions of this split.")
    ] = None
    limit: Annotated[
        int | None, typer.Option("--limit", metavar="N", min=1, help="At most N questions.")
    ] = None


ASKED = AskedOptions()


def evaluate(
    caller: Caller,
    questions: QuestionsArgument = None,
    where: IndexOptions = INDEX,
    by: AskedOptions = ASKED,
    fail_under: Annotated[
        list[str] | None,
        typer.Option("--fail-under", metavar="METRIC=VALUE", help="Exit 1 when below; repeat."),
    ] = None,
    fail_over: Annotated[
        list[str] | None,
        typer.Option("--fail-over", metavar="METRIC=VALUE", help="Exit 1 when above; repeat."),
    ] = None,
    html: HtmlOption = None,
    json: JsonOption = False,
) -> int:
    """Measure how good retrieval, answers, citations and refusals are.

    Without QUESTIONS, about 100 (or N of --limit) are made of the documents themselves: easier
    than real ones, so take the figures as an upper bound, and for comparing.

    Exit codes: 0 measured, 1 a figure is beyond its limit, 2 usage, 3 cannot work.
    """
    from ragqa.evaluation import html as page
    from ragqa.evaluation import metrics, report
    from ragqa.evaluation.run import ask_all

    terminal = caller.terminal
    limits = report.parse_limits(fail_under or [], fail_over or [])
    if html:
        page.require_place(html)
    collection = _collection(caller, where, by)
    asked = _questions(questions, by, collection, MADE, caller)
    with terminal.progress() as observe:
        outcomes, warnings = ask_all(asked, collection, observe)
    source = questions or "the documents"
    found = report.Evaluation(outcomes, metrics.measure(outcomes), source, warnings)
    failed = report.failures(found.metrics, limits)
    for line in (*(f"warning: {text}" for text in warnings), *failed):
        terminal.say(clean_line(line))
    code = EXIT_LIMIT if failed else 0
    if json:
        terminal.write_json(report.as_json(found, failed))
    else:
        terminal.write(report.as_text(found))
    if html:
        page.write_page(html, report.as_html(found))
    return code


def calibrate(
    caller: Caller,
    questions: QuestionsArgument = None,
    where: IndexOptions = INDEX,
    by: AskedOptions = ASKED,
    target_precision: Annotated[
        float,
        typer.Option(
            "--target-precision",
            min=0.5,
            max=1.0,
            metavar="P",
            help="Refuse as much as keeps this share of refusals right.",
        ),
    ] = 0.9,
    html: HtmlOption = None,
    json: JsonOption = False,
) -> int:
    """Fit to an index when `ask` says that the documents do not answer a question.

    Without QUESTIONS, about 300 are made of the documents. Half of them fit, half measure. What is
    found is kept with the index, for the embedder and the model that were asked.
    """
    from ragqa.answering import calibration
    from ragqa.evaluation import calibration_report
    from ragqa.evaluation import html as page
    from ragqa.evaluation.run import ask_all

    terminal = caller.terminal
    if html:
        page.require_place(html)
    collection = _collection(caller, where, by)
    with collection.session(calibrated=False) as session:
        models = calibration.model_names(session.embedder, session.model, session.reranker)
    calibration.require_writable(collection.directory)
    asked = _questions(questions, by, collection, MADE_TO_FIT, caller)
    _require_fit(asked)
    with terminal.progress() as observe:
        outcomes, warnings = ask_all(asked, collection, observe, calibrated=False)
    source = questions or "the documents"
    report = calibration_report.calibrated(outcomes, target_precision, source, warnings)
    facts = {"target_precision": target_precision, "questions": len(asked), "source": source}
    file = calibration.save_calibration(collection.directory, report.calibration, models, facts)
    for warning in report.warnings:
        terminal.say(clean_line(f"warning: {warning}"))
    if json:
        document = {**calibration_report.as_json(report), "models": models, "file": str(file)}
        terminal.write_json(document)
    else:
        kept = f"kept: {clean_line(str(file))}\n"
        terminal.write(f"{calibration_report.as_text(report)}{kept}")
    if html:
        page.write_page(html, calibration_report.as_html(report))
    return 0


def _require_fit(asked: list[Question]) -> None:
    """UsageError for questions to which the threshold of an index cannot be fitted."""
    from ragqa.answering.calibration import FEWEST

    if any(question.given for question in asked):
        raise UsageError(
            "questions that bring their passages say nothing of the index",
            "give questions without passages",
        )
    if len(asked) < FEWEST:
        raise UsageError(f"{len(asked)} questions are too few", f"give at least {FEWEST}")


def _questions(
    source: str | None, by: AskedOptions, collection: Collection, made: int, caller: Caller
) -> list[Question]:
    """Those of a file, else made of the documents of the index."""
    from ragqa.evaluation.questions import read_questions, spread
    from ragqa.evaluation.synthetic_questions import make_questions

    if source is not None:
        return spread(read_questions(source, caller.terminal, by.split), by.limit)
    if by.split is not None:
        raise UsageError("--split is for a file of questions", "name one, or leave it out")
    with collection.session() as session:
        assert session.snapshot is not None
        return make_questions(session.snapshot, by.limit or made)


def _collection(caller: Caller, where: IndexOptions, by: AskedOptions) -> Collection:
    """What is asked, as `ask` would with these options."""
    flags = {**where.flags, "k": by.k, "model": by.model, "answer": by.answer}
    docs = docs_folder(by.docs, where, caller.terminal)
    return caller.collection(caller.settings(flags), docs)
