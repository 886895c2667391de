"""The commands: parse, construct, call, render. No logic of its own.

Knows which flags there are and which exit code belongs to which outcome; everything heavy is
imported inside the commands, so that `--help` is instant.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ragqa import __version__, render
from ragqa import runtime as sessions
from ragqa.cli import arguments
from ragqa.cli import evaluate as cli_quality
from ragqa.cli import verify as cli_receipts
from ragqa.cli.options import (
    AliasOption,
    AnswerModeOption,
    CollectionOption,
    DocsOption,
    EmbedderOption,
    IndexOption,
    JsonOption,
    KOption,
    ModelOption,
    PathOption,
    PlainOption,
    RerankerOption,
    SinceOption,
    TagOption,
    TimingsOption,
    TitleOption,
    UntilOption,
    WhereOption,
)
from ragqa.errors import UsageError
from ragqa.settings import NAMES, config_file, load_settings
from ragqa.store.filters import Filter
from ragqa.system import terminal
from ragqa.text.clean import clean_line, to_json

app = typer.Typer(
    name="ragqa",
    help="Answers questions from a folder of documents, on this machine, with citations.",
    epilog="Example: ragqa index notes/ && ragqa ask 'What does self-attention do?'",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,  # plain help: rich's would take three times as long to show
    context_settings={"help_option_names": ["-h", "--help"]},
)
models_app = typer.Typer(
    help="The models that ragqa knows.", no_args_is_help=True, rich_markup_mode=None
)
app.add_typer(models_app, name="models")


def _show_version(wanted: bool) -> None:
    if wanted:
        terminal.write(f"ragqa {__version__}\n")
        raise typer.Exit


@app.callback()
def root(
    version: Annotated[
        bool,
        typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version."),
    ] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")] = False,
) -> None:
    """Answers questions from a folder of documents, on this machine, with citations."""


@app.command(epilog="Example: ragqa index ~/notes   (later: ragqa index)")
def index(
    folders: Annotated[
        list[str] | None, typer.Argument(metavar="[FOLDER]...", help="Default: all known ones.")
    ] = None,
    index_dir: IndexOption = None,
    collection: CollectionOption = None,
    embedder: EmbedderOption = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only say what would be done.")
    ] = False,
    force: Annotated[
        bool, typer.Option("--force", help="Read every file anew, as if all had changed.")
    ] = False,
    max_file_mb: Annotated[
        int | None, typer.Option("--max-file-mb", metavar="MB", help="Largest file to read.")
    ] = None,
    workers: Annotated[
        int | None,
        typer.Option(
            "--workers", metavar="N", help="Threads that embed with MiniLM. Default: one a core."
        ),
    ] = None,
    json: JsonOption = False,
) -> int:
    """Index folders, or bring the index up to date with them."""
    settings = load_settings(
        {
            "index": index_dir,
            "collection": collection,
            "embedder": embedder,
            "max_file_mb": max_file_mb,
            "threads": workers,
        }
    )
    named = [arguments.existing_folder(folder) for folder in folders or []]
    directory = settings.index_directory
    report = sessions.update_index(settings, directory, named, dry_run=dry_run, force=force)
    for line in (*report.warnings, *render.failed_lines(report)):
        terminal.say(clean_line(line))
    if json:
        return terminal.write(to_json(render.report_json(report)) + "\n")
    return terminal.write(render.report_plain(report, dry_run))


@app.command(epilog="Example: ragqa ask 'What does a lower perplexity mean?'")
def ask(
    question: Annotated[
        str | None, typer.Argument(help="The question; - or nothing: read it from stdin.")
    ] = None,
    index_dir: IndexOption = None,
    collection: CollectionOption = None,
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
        Path | None,
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
    path: PathOption = None,
    title: TitleOption = None,
    tag: TagOption = None,
    alias: AliasOption = None,
    where: WhereOption = None,
    since: SinceOption = None,
    until: UntilOption = None,
    embedder: EmbedderOption = None,
    reranker: RerankerOption = None,
    strict: Annotated[bool, typer.Option("--strict", help="Drop unsupported sentences.")] = False,
    receipt: cli_receipts.ReceiptOption = None,
    no_cache: Annotated[
        bool, typer.Option("--no-cache", help="Do not give an answer that was given before.")
    ] = False,
    timings: TimingsOption = False,
    json: JsonOption = False,
    plain: PlainOption = False,
    stream: Annotated[
        bool | None, typer.Option("--stream/--no-stream", help="Default: on a terminal.")
    ] = None,
) -> int:
    """Answer a question from the indexed documents, with citations.

    Exit codes: 0 answered, 1 not in the documents or unsupported, 2 usage, 3 cannot work,
    4 --strict removed something.
    """
    if resume is not None and batch is None:
        raise UsageError("--resume goes with --batch", "see: ragqa ask --help")
    settings = load_settings(
        {
            "index": index_dir,
            "collection": collection,
            "k": k,
            "model": model,
            # A model that was named on the command line is meant to be used.
            "answer": "generate" if model and answer is None else answer,
            "threshold": threshold,
            "max_tokens": max_tokens,
            "embedder": embedder,
            "reranker": reranker,
        }
    )
    wanted = Filter.parse(
        path=path, title=title, tag=tag, alias=alias, where=where, since=since, until=until
    )
    folder = arguments.docs_folder(docs, index_dir, collection)
    opener = sessions.Opener(settings, folder, wanted=wanted)
    if batch is not None:
        if question is not None or context is not None:
            raise UsageError("--batch brings its own questions and texts", "leave the others out")
        if receipt is not None:
            raise UsageError("--receipt is for one answer", "leave it out: a batch's output is one")
        from ragqa.cli.batch import answer_lines

        of_all = cli_receipts.Asking("", settings, wanted, [], strict)
        remember = cli_receipts.remembering(of_all, not no_cache)
        return answer_lines(opener, batch, resume, strict, remember)
    from ragqa.cli.output import AnswerForm, show_answer

    asked = arguments.question_from(question, context)
    given = [arguments.context_from(context)] if context is not None else []
    form = AnswerForm(json=json, plain=plain, stream=stream, strict=strict, timings=timings)
    asking = cli_receipts.Asking(asked, settings, wanted, given, strict)
    with (
        cli_receipts.keeping(receipt, asking) as keep,
        opener.open(index=None if given else True) as session,
    ):
        cli_receipts.remembering(asking, not no_cache)(session)
        return show_answer(asked, session, given, form, keep)


@app.command(epilog="Example: ragqa serve &")
def serve(
    idle: Annotated[
        float, typer.Option("--idle", metavar="MINUTES", help="Unload the models after so long.")
    ] = 15.0,
) -> None:
    """Keep models and index in memory for `ask` and `search`, which then use this process.

    It listens on a Unix socket that only you can open, until Ctrl-C.
    """
    if not idle > 0:
        raise UsageError("--idle is a number of minutes above 0", "leave it out for 15")
    from ragqa.serve.server import serve

    serve(lambda arguments: terminal.run(app, arguments), idle * 60)


@app.command(epilog="Example: ragqa search 'positional encoding' --tag ml --since 6m")
def search(
    query: Annotated[str | None, typer.Argument(help="What to look for; - : read stdin.")] = None,
    index_dir: IndexOption = None,
    collection: CollectionOption = None,
    docs: DocsOption = None,
    k: KOption = None,
    path: PathOption = None,
    title: TitleOption = None,
    tag: TagOption = None,
    alias: AliasOption = None,
    where: WhereOption = None,
    since: SinceOption = None,
    until: UntilOption = None,
    links: Annotated[
        bool, typer.Option("--links", help="Show what links to each passage's document.")
    ] = False,
    embedder: EmbedderOption = None,
    reranker: RerankerOption = None,
    explain: Annotated[
        bool,
        typer.Option("--explain", help="Show the parts of each score, and the place in each list."),
    ] = False,
    timings: TimingsOption = False,
    json: JsonOption = False,
    plain: PlainOption = False,
) -> int:
    """Show the passages that fit a query, best first, without an answer."""
    settings = load_settings(
        {
            "index": index_dir,
            "collection": collection,
            "k": k,
            "embedder": embedder,
            "reranker": reranker,
        }
    )
    wanted = Filter.parse(
        path=path, title=title, tag=tag, alias=alias, where=where, since=since, until=until
    )
    folder = arguments.docs_folder(docs, index_dir, collection)
    from ragqa.cli.output import HitsForm, show_hits

    form = HitsForm(json=json, plain=plain, links=links, explain=explain, timings=timings)
    sought = arguments.question_from(query, None)
    with sessions.Opener(settings, folder, writes=False, wanted=wanted).open() as session:
        return show_hits(sought, session, form)


@app.command(epilog="Example: ragqa why tokenizers.md 'What is a merge rule?'")
def why(
    file: Annotated[
        str, typer.Argument(metavar="FILE", help="Path, or a file name or title in the index.")
    ],
    question: Annotated[
        str | None, typer.Argument(help="The question; - or nothing: read it from stdin.")
    ] = None,
    index_dir: IndexOption = None,
    collection: CollectionOption = None,
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
    answer = "generate" if model else None
    settings = load_settings(
        {
            "index": index_dir,
            "collection": collection,
            "k": k,
            "model": model,
            "answer": answer,
            "embedder": embedder,
        }
    )
    folder = arguments.docs_folder(docs, index_dir, collection)
    from ragqa.cli.output import show_trace

    asked = arguments.question_from(question, None)
    with sessions.Opener(settings, folder).open() as session:
        return show_trace(file, asked, session, json=json)


app.command(epilog="Example: ragqa verify answer.json")(cli_receipts.verify)
app.command("eval", epilog=cli_quality.EVALUATE_EXAMPLE)(cli_quality.evaluate)
app.command(epilog=cli_quality.CALIBRATE_EXAMPLE)(cli_quality.calibrate)


@app.command(epilog="Example: ragqa status --json")
def status(
    index_dir: IndexOption = None, collection: CollectionOption = None, json: JsonOption = False
) -> int:
    """Show what is in the index, what could not be read, and why."""
    from ragqa.cli.status import status_of, status_rows

    settings = load_settings({"index": index_dir, "collection": collection})
    facts = status_of(settings)
    text = to_json(facts) + "\n" if json else render.table_plain(status_rows(facts))
    return terminal.write(text)


@app.command(epilog="Example: ragqa forget ~/old-notes")
def forget(
    folder: Annotated[str, typer.Argument(metavar="FOLDER", help="It need not exist any more.")],
    index_dir: IndexOption = None,
    collection: CollectionOption = None,
    json: JsonOption = False,
) -> int:
    """Take a folder's documents out of the index; the files are not touched."""
    from ragqa import pipeline

    settings = load_settings({"index": index_dir, "collection": collection})
    sessions.require_index(settings.index_directory)
    known = Path(folder).expanduser().resolve()
    removed = pipeline.forget(settings.index_directory, known, sessions.embedder_loader(settings))
    if json:
        return terminal.write(to_json({"folder": str(known), "removed": removed}) + "\n")
    name = clean_line(str(known))
    return terminal.write(f"forgot {name}: {removed} documents removed from the index\n")


@app.command(epilog="Example: ragqa config   (to change one: RAGQA_K=8, or a line in the file)")
def config(json: JsonOption = False) -> int:
    """Show each setting, its value, and where that came from."""
    settings = load_settings({})
    if json:
        values = {
            name: {"value": getattr(settings, name), "origin": settings.origins[name]}
            for name in NAMES
        }
        return terminal.write(
            to_json({"config_file": str(config_file()), "settings": values}) + "\n"
        )
    rows = [(n, f"{getattr(settings, n)!s:<24} {settings.origins[n]}") for n in NAMES]
    file = f"{config_file()} ({'found' if config_file().exists() else 'not there'})"
    return terminal.write(render.table_plain([*rows, ("config file", file)]))


@models_app.command("list", epilog="Example: ragqa models list")
def models_list(json: JsonOption = False) -> int:
    """Show the catalogue: where each file is, size, licence, languages, verified hash."""
    from ragqa.cli.status import model_facts, model_rows

    facts = model_facts()
    text = to_json({"models": facts}) + "\n" if json else render.table_plain(model_rows(facts))
    return terminal.write(text)
