"""The commands that ask an index: `ask`, `search`, `why`. Parse, construct, call, render.

Everything heavy is imported inside the commands.
"""

from __future__ import annotations

from typing import Annotated

import typer

from ragqa.cli.arguments import context_from, docs_folder, question_from
from ragqa.cli.caller import Caller
from ragqa.cli.options import (
    ANSWER,
    FILTER,
    INDEX,
    MODELS,
    OUTPUT,
    AnswerModeOption,
    AnswerOptions,
    DocsOption,
    EmbedderOption,
    FilterOptions,
    IndexOptions,
    JsonOption,
    KOption,
    ModelOption,
    ModelOptions,
    OutputOptions,
)
from ragqa.errors import UsageError

QuestionArgument = Annotated[
    str | None, typer.Argument(help="The question; - or nothing: read it from stdin.")
]


def ask(
    caller: Caller,
    question: QuestionArgument = None,
    where: IndexOptions = INDEX,
    docs: DocsOption = None,
    context: Annotated[
        str | None, typer.Option("--context", metavar="FILE|-", help="One more text to use.")
    ] = None,
    batch: Annotated[
        str | None,
        typer.Option(
            "--batch", metavar="FILE|-", help="Questions as JSON Lines, answers likewise."
        ),
    ] = None,
    resume: Annotated[
        str | None,
        typer.Option("--resume", metavar="OUT", help="With --batch: append what OUT lacks."),
    ] = None,
    k: KOption = None,
    model: ModelOption = None,
    answer: AnswerModeOption = None,
    threshold: Annotated[
        float | None,
        typer.Option("--threshold", metavar="P", help="Refuse below this confidence; 0: never."),
    ] = None,
    max_tokens: Annotated[
        int | None, typer.Option("--max-tokens", metavar="N", help="Longest answer, in tokens.")
    ] = None,
    only: FilterOptions = FILTER,
    models: ModelOptions = MODELS,
    strict: Annotated[bool, typer.Option("--strict", help="Drop unsupported sentences.")] = False,
    receipt: Annotated[
        str | None,
        typer.Option("--receipt", metavar="FILE", help="Keep the answer and what made it: verify."),
    ] = None,
    no_cache: Annotated[
        bool, typer.Option("--no-cache", help="Do not give an answer that was given before.")
    ] = False,
    shown: OutputOptions = OUTPUT,
    how: AnswerOptions = ANSWER,
    stream: Annotated[
        bool | None, typer.Option("--stream/--no-stream", help="Default: on a terminal.")
    ] = None,
) -> int:
    """Answer a question from the indexed documents, with citations.

    Exit codes: 0 answered, 1 not in the documents or unsupported, 2 usage, 3 cannot work,
    4 --strict removed something.
    """
    terminal = caller.terminal
    if resume is not None and batch is None:
        raise UsageError("--resume goes with --batch", "see: ragqa ask --help")
    how.check(shown)
    own = {"k": k, "model": model, "answer": answer, "threshold": threshold}
    flags = {**where.flags, **models.flags, **own, "max_tokens": max_tokens}
    settings, wanted = caller.settings(flags), only.parse(terminal.directory)
    collection = caller.collection(settings, docs_folder(docs, where, terminal))
    if batch is not None:
        if question is not None or context is not None:
            raise UsageError("--batch brings its own questions and texts", "leave the others out")
        if how.short or how.format:
            raise UsageError("--batch writes JSON", "leave out --short and --format: it has all")
        if receipt is not None:
            raise UsageError("--receipt is for one answer", "leave it out: a batch's output is one")
        from ragqa.cli.batch import Batch

        return Batch(collection, terminal, wanted, strict, not no_cache).run(batch, resume)
    from ragqa.cli.output import AnswerForm, show_answer
    from ragqa.receipts import keeping

    asked = question_from(question, context, terminal)
    given = [context_from(context, terminal)] if context is not None else []
    form = AnswerForm(
        json=shown.json,
        plain=shown.plain or how.format == "plain",
        markdown=how.format == "markdown",
        short=how.short,
        quotes=how.quotes,
        sources=not how.no_sources,
        stream=stream,
        strict=strict,
        timings=shown.timings,
    )
    with (
        keeping(receipt, terminal.directory, given, strict) as keep,
        collection.session(None if given else True, only=wanted, remembers=not no_cache) as session,
    ):
        return show_answer(asked, session, given, form, terminal, keep)


def search(
    caller: Caller,
    query: Annotated[str | None, typer.Argument(help="What to look for; - : read stdin.")] = None,
    where: IndexOptions = INDEX,
    docs: DocsOption = None,
    k: KOption = None,
    only: FilterOptions = FILTER,
    links: Annotated[
        bool, typer.Option("--links", help="Show what links to each passage's document.")
    ] = False,
    models: ModelOptions = MODELS,
    explain: Annotated[
        bool,
        typer.Option("--explain", help="Show the parts of each score, and the place in each list."),
    ] = False,
    shown: OutputOptions = OUTPUT,
) -> int:
    """Show the passages that fit a query, best first, without an answer."""
    terminal = caller.terminal
    settings = caller.settings({**where.flags, **models.flags, "k": k})
    wanted = only.parse(terminal.directory)
    collection = caller.collection(settings, docs_folder(docs, where, terminal))
    from ragqa.cli.output import HitsForm, show_hits

    form = HitsForm(shown.json, shown.plain, links, explain, shown.timings)
    sought = question_from(query, None, terminal)
    with collection.session(only=wanted, writes=False) as session:
        return show_hits(sought, session, form, terminal)


def why(
    caller: Caller,
    file: Annotated[
        str, typer.Argument(metavar="FILE", help="Path, or a file name or title in the index.")
    ],
    question: QuestionArgument = None,
    where: IndexOptions = INDEX,
    docs: DocsOption = None,
    k: KOption = None,
    model: Annotated[
        str | None,
        typer.Option("--model", metavar="MODEL", help="As in `ask`: what it has room for."),
    ] = None,
    embedder: EmbedderOption = None,
    json: JsonOption = False,
) -> int:
    """Say why a document is found for a question, or at which stage it is lost.

    Exit codes: 0 found, 1 lost, 2 usage, 3 cannot work.
    """
    terminal = caller.terminal
    settings = caller.settings({**where.flags, "k": k, "model": model, "embedder": embedder})
    collection = caller.collection(settings, docs_folder(docs, where, terminal))
    from ragqa.cli.output import show_trace

    asked = question_from(question, None, terminal)
    with collection.session() as session:
        return show_trace(file, asked, session, terminal, json=json)
