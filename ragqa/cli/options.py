"""The options that more than one command has, in groups, and how a command takes a group.

Knows nothing of what their values mean.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass, fields, is_dataclass
from functools import wraps
from inspect import Parameter, Signature, signature
from pathlib import Path
from typing import Annotated, Any, get_type_hints

import typer

from ragqa.cli.caller import Caller
from ragqa.errors import UsageError
from ragqa.store.filters import Filter

JsonOption = Annotated[bool, typer.Option("--json", help="One JSON document on stdout.")]
KOption = Annotated[int | None, typer.Option("-k", metavar="N", help="Passages to use.")]
DocsOption = Annotated[
    str | None,
    typer.Option("--docs", metavar="FOLDER", help="Index this folder first, search only it."),
]
EmbedderOption = Annotated[
    str | None, typer.Option("--embedder", metavar="MODEL", help="Embedder: name or folder.")
]
ModelOption = Annotated[
    str | None, typer.Option("--model", metavar="MODEL", help="GGUF file, or a known name.")
]
AnswerModeOption = Annotated[
    str | None,
    typer.Option(
        "--answer",
        metavar="MODE",
        help="read: units of the documents, with the words that answer marked; extract: units"
        " alone; generate: the model writes; auto: generate with --model, else read.",
    ),
]


@dataclass(frozen=True, slots=True)
class IndexOptions:
    """Which index is meant."""

    index: Annotated[
        str | None, typer.Option("--index", metavar="DIR", help="Index directory.")
    ] = None
    collection: Annotated[
        str | None, typer.Option("-c", "--collection", metavar="NAME", help="Named index.")
    ] = None

    @property
    def flags(self) -> dict[str, Any]:
        """What they are as settings."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class ModelOptions:
    """The models that find passages."""

    embedder: EmbedderOption = None
    reranker: Annotated[
        str | None,
        typer.Option("--reranker", metavar="MODEL", help="Cross-encoder that orders the passages."),
    ] = None

    @property
    def flags(self) -> dict[str, Any]:
        """What they are as settings."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class FilterOptions:
    """Which documents may be looked at."""

    path: Annotated[
        list[str] | None,
        typer.Option(
            "--path", metavar="GLOB", help="Only these files, as in .gitignore; repeat: any."
        ),
    ] = None
    title: Annotated[
        list[str] | None,
        typer.Option(
            "--title", metavar="TEXT", help="Only this title, whole or glob; repeat: any."
        ),
    ] = None
    tag: Annotated[
        list[str] | None,
        typer.Option(
            "--tag", metavar="TAG", help="Only with this tag; ml: ml/nlp too; repeat: all."
        ),
    ] = None
    alias: Annotated[
        list[str] | None,
        typer.Option("--alias", metavar="NAME", help="Only with this alias; repeat: any."),
    ] = None
    where: Annotated[
        list[str] | None,
        typer.Option("--where", metavar="KEY=VALUE", help="Only with this property; repeat: all."),
    ] = None
    since: Annotated[
        str | None,
        typer.Option(
            "--since", metavar="DATE", help="Only from then on: 2024, 2024-05-31, 30d, 6m."
        ),
    ] = None
    until: Annotated[
        str | None,
        typer.Option("--until", metavar="DATE", help="Only up to then, that day included."),
    ] = None

    def parse(self, directory: Path) -> Filter:
        """The filter that they are. Raises UsageError."""
        return Filter.parse(**asdict(self), directory=directory)


@dataclass(frozen=True, slots=True)
class OutputOptions:
    """How results are shown."""

    timings: Annotated[
        bool, typer.Option("--timings", help="Say on stderr what took how many milliseconds.")
    ] = False
    json: JsonOption = False
    plain: Annotated[bool, typer.Option("--plain", help="Plain text, also on a terminal.")] = False


@dataclass(frozen=True, slots=True)
class AnswerOptions:
    """What of an answer is shown, and in which form."""

    format: Annotated[
        str | None, typer.Option("--format", metavar="FORM", help="plain or markdown.")
    ] = None
    short: Annotated[
        bool, typer.Option("--short", help="On one line: the words that answer, else the answer.")
    ] = False
    quotes: Annotated[
        bool, typer.Option("--quotes", help="Show the quotes below their sources.")
    ] = False
    no_sources: Annotated[bool, typer.Option("--no-sources", help="Show the answer alone.")] = False

    def check(self, shown: OutputOptions) -> None:
        """Raises UsageError where that makes no sense."""
        if self.format not in (None, "plain", "markdown"):
            raise UsageError(f"not a form: {self.format!r}", "use plain or markdown; or --json")
        forms = {
            "--json": shown.json,
            "--format markdown": self.format == "markdown",
            "--short": self.short,
        }
        contents = {"--quotes": self.quotes, "--no-sources": self.no_sources}
        for options in (forms, contents):
            chosen = [name for name, is_chosen in options.items() if is_chosen]
            if len(chosen) > 1:
                raise UsageError(f"{' and '.join(chosen)} do not go together", "leave one out")


INDEX, MODELS, FILTER, OUTPUT = IndexOptions(), ModelOptions(), FilterOptions(), OutputOptions()
ANSWER = AnswerOptions()


def command(function: Callable[..., int]) -> Callable[..., int]:
    """A command for typer: its first parameter is the `Caller`, groups of options come as one.

    typer sees the options of a group one by one, in its place.
    """
    hints = get_type_hints(function, include_extras=True)
    groups: dict[str, type[Any]] = {}
    shown = [Parameter("given", Parameter.KEYWORD_ONLY, annotation=typer.Context)]
    for name, parameter in list(signature(function).parameters.items())[1:]:
        if is_dataclass(kind := hints[name]) and isinstance(kind, type):
            groups[name] = kind
            shown += _options(kind)
        else:
            shown.append(parameter.replace(annotation=kind, kind=Parameter.KEYWORD_ONLY))

    @wraps(function)
    def run(given: typer.Context, **values: Any) -> int:
        made = {
            name: kind(**{field.name: values.pop(field.name) for field in fields(kind)})
            for name, kind in groups.items()
        }
        assert isinstance(given.obj, Caller)
        return function(given.obj, **values, **made)

    run.__signature__ = Signature(shown)  # type: ignore[attr-defined]
    run.__annotations__ = {parameter.name: parameter.annotation for parameter in shown}
    return run


def _options(group: type[Any]) -> list[Parameter]:
    """A parameter for each option of a group."""
    hints = get_type_hints(group, include_extras=True)
    return [
        Parameter(
            field.name, Parameter.KEYWORD_ONLY, default=field.default, annotation=hints[field.name]
        )
        for field in fields(group)
    ]
