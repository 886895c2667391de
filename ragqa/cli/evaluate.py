"""The commands that measure: `eval` and `calibrate`. Parse, construct, call, render, as in `cli`.

Everything heavy is imported inside the commands.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ragqa import runtime as sessions
from ragqa.cli import arguments
from ragqa.cli.options import (
    AnswerModeOption,
    CollectionOption,
    DocsOption,
    IndexOption,
    JsonOption,
    KOption,
    ModelOption,
)
from ragqa.errors import UsageError
from ragqa.settings import load_settings
from ragqa.system import terminal
from ragqa.text.clean import clean_line, to_json

if TYPE_CHECKING:
    from ragqa.evaluation.questions import Question

EXIT_LIMIT = 1
CALIBRATE_EXAMPLE = "Example: ragqa calibrate --html calibration.html"
EVALUATE_EXAMPLE = "Example: ragqa eval questions.jsonl --fail-under refusal_precision=0.8"
MADE, MADE_TO_FIT = 100, 300  # questions that are made, where there is no --limit
QuestionsArgument = Annotated[
    str | None,
    typer.Argument(metavar="[QUESTIONS]", help="JSON Lines; - : stdin; none: made of the index."),
]
SplitOption = Annotated[
    str | None, typer.Option("--split", metavar="NAME", help="Only questions of this split.")
]
LimitOption = Annotated[
    int | None, typer.Option("--limit", metavar="N", min=1, help="At most N questions.")
]
HtmlOption = Annotated[
    Path | None, typer.Option("--html", metavar="FILE", help="Write a page with plots, too.")
]


def evaluate(
    questions: QuestionsArgument = None,
    index_dir: IndexOption = None,
    collection: CollectionOption = None,
    docs: DocsOption = None,
    k: KOption = None,
    model: ModelOption = None,
    answer: AnswerModeOption = None,
    split: SplitOption = None,
    limit: LimitOption = None,
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
    from ragqa.evaluation import html as html_report
    from ragqa.evaluation import metrics
    from ragqa.evaluation import report as evaluation_report
    from ragqa.evaluation import run as evaluation

    limits = evaluation_report.parse_limits(fail_under or [], fail_over or [])
    if html:
        html_report.require_place(html)
    opener = _opener(index_dir, collection, docs, k, model, answer)
    asked = _questions(questions, split, limit, opener, MADE)
    with terminal.progress() as observe:
        outcomes, warnings = evaluation.ask_all(asked, opener, observe)
    source = questions or "the documents"
    found = evaluation_report.Evaluation(outcomes, metrics.measure(outcomes), source, warnings)
    failed = evaluation_report.failures(found.metrics, limits)
    for line in (*(f"warning: {text}" for text in warnings), *failed):
        terminal.say(clean_line(line))
    text = evaluation_report.as_text(found)
    if json:
        text = to_json(evaluation_report.as_json(found, failed)) + "\n"
    code = terminal.write(text, EXIT_LIMIT if failed else 0)
    if html:
        html_report.write_page(html, evaluation_report.as_html(found))
    return code


def calibrate(
    questions: QuestionsArgument = None,
    index_dir: IndexOption = None,
    collection: CollectionOption = None,
    docs: DocsOption = None,
    k: KOption = None,
    model: ModelOption = None,
    answer: AnswerModeOption = None,
    split: SplitOption = None,
    limit: LimitOption = None,
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
    from ragqa.evaluation import html as html_report
    from ragqa.evaluation import run as evaluation

    if html:
        html_report.require_place(html)
    opener = _opener(index_dir, collection, docs, k, model, answer, calibrated=False)
    with opener.open() as session:
        assert session.reader is not None
        directory = session.reader.directory
        models = calibration.model_names(session.embedder, session.model, session.reranker)
    calibration.require_writable(directory)
    asked = _questions(questions, split, limit, opener, MADE_TO_FIT)
    _require_fit(asked)
    with terminal.progress() as observe:
        outcomes, warnings = evaluation.ask_all(asked, opener, observe)
    source = questions or "the documents"
    report = calibration_report.calibrated(outcomes, target_precision, source, warnings)
    facts = {"target_precision": target_precision, "questions": len(asked), "source": source}
    file = calibration.save_calibration(directory, report.calibration, models, facts)
    for warning in report.warnings:
        terminal.say(clean_line(f"warning: {warning}"))
    text = f"{calibration_report.as_text(report)}kept: {clean_line(str(file))}\n"
    if json:
        document = {**calibration_report.as_json(report), "models": models, "file": str(file)}
        text = to_json(document) + "\n"
    code = terminal.write(text)
    if html:
        html_report.write_page(html, calibration_report.as_html(report))
    return code


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
    source: str | None, split: str | None, limit: int | None, opener: sessions.Opener, made: int
) -> list[Question]:
    """Those of a file, else made of the documents of the index."""
    from ragqa.evaluation.questions import read_questions, spread
    from ragqa.evaluation.synthetic_questions import make_questions

    if source is not None:
        return spread(read_questions(source, split), limit)
    if split is not None:
        raise UsageError("--split is for a file of questions", "name one, or leave it out")
    with opener.open() as session:
        assert session.reader is not None
        return make_questions(session.reader, limit or made)


def _opener(
    index_dir: str | None,
    collection: str | None,
    docs: str | None,
    k: int | None,
    model: str | None,
    answer: str | None,
    *,
    calibrated: bool = True,
) -> sessions.Opener:
    """What opens sessions as `ask` would with these options."""
    settings = load_settings(
        {
            "index": index_dir,
            "collection": collection,
            "k": k,
            "model": model,
            # A model that was named on the command line is meant to be used.
            "answer": "generate" if model and answer is None else answer,
        }
    )
    folder = arguments.docs_folder(docs, index_dir, collection)
    return sessions.Opener(settings, folder, calibrated=calibrated)
