"""The program: its commands by name, each with an example.

Knows which commands there are; what they do is in the module of their group.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from typing import Annotated, Any

import typer
from typer.main import get_command

from ragqa import __version__
from ragqa.cli import ask, boundary, evaluate, index, serve, verify
from ragqa.cli.caller import Caller
from ragqa.cli.options import command

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


def _show_version(context: typer.Context, wanted: bool) -> None:
    if wanted:
        context.obj.terminal.write(f"ragqa {__version__}\n")
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


@cache
def _program() -> Callable[..., Any]:
    """The commands as typer makes them: once, it takes a tenth of a search that is served."""
    return get_command(app)


def run(arguments: Sequence[str], caller: Caller) -> int:
    """Do what the arguments say; the exit code."""
    return boundary.run(_program(), arguments, caller)


COMMANDS = (
    (index.index, "index", "ragqa index ~/notes   (later: ragqa index)"),
    (ask.ask, "ask", "ragqa ask 'What does a lower perplexity mean?'"),
    (serve.serving(run), "serve", "ragqa serve &"),
    (ask.search, "search", "ragqa search 'positional encoding' --tag ml --since 6m"),
    (ask.why, "why", "ragqa why tokenizers.md 'What is a merge rule?'"),
    (verify.verify, "verify", "ragqa verify answer.json"),
    (evaluate.evaluate, "eval", "ragqa eval questions.jsonl --fail-under refusal_precision=0.8"),
    (evaluate.calibrate, "calibrate", "ragqa calibrate --html calibration.html"),
    (index.status, "status", "ragqa status --json"),
    (index.forget, "forget", "ragqa forget ~/old-notes"),
    (index.config, "config", "ragqa config   (to change one: RAGQA_K=8, or a line in the file)"),
)
for function, name, example in COMMANDS:
    app.command(name, epilog=f"Example: {example}")(command(function))
models_app.command("list", epilog="Example: ragqa models list")(command(index.models_list))
