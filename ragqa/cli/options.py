"""The options that more than one command has: their names and help texts.

Knows nothing of what their values mean.
"""

from __future__ import annotations

from typing import Annotated

import typer

IndexOption = Annotated[str | None, typer.Option("--index", metavar="DIR", help="Index directory.")]
CollectionOption = Annotated[
    str | None, typer.Option("-c", "--collection", metavar="NAME", help="Named index.")
]
JsonOption = Annotated[bool, typer.Option("--json", help="One JSON document on stdout.")]
KOption = Annotated[int | None, typer.Option("-k", metavar="N", help="Passages to use.")]
PlainOption = Annotated[bool, typer.Option("--plain", help="Plain text, also on a terminal.")]
DocsOption = Annotated[
    str | None,
    typer.Option("--docs", metavar="FOLDER", help="Index this folder first, search only it."),
]
EmbedderOption = Annotated[
    str | None, typer.Option("--embedder", metavar="MODEL", help="Embedder: name or folder.")
]
RerankerOption = Annotated[
    str | None,
    typer.Option("--reranker", metavar="MODEL", help="Cross-encoder that orders the passages."),
]
ModelOption = Annotated[
    str | None, typer.Option("--model", metavar="MODEL", help="GGUF file, or a known name.")
]
AnswerModeOption = Annotated[
    str | None,
    typer.Option(
        "--answer",
        metavar="MODE",
        help="read: words of the documents; extract: whole sentences; generate: the model writes;"
        " auto: generate with --model, else read.",
    ),
]

# Which documents `ask` and `search` may look at.
PathOption = Annotated[
    list[str] | None,
    typer.Option("--path", metavar="GLOB", help="Only these files, as in .gitignore; repeat: any."),
]
TitleOption = Annotated[
    list[str] | None,
    typer.Option("--title", metavar="TEXT", help="Only this title, whole or glob; repeat: any."),
]
TagOption = Annotated[
    list[str] | None,
    typer.Option("--tag", metavar="TAG", help="Only with this tag; ml: ml/nlp too; repeat: all."),
]
AliasOption = Annotated[
    list[str] | None,
    typer.Option("--alias", metavar="NAME", help="Only with this alias; repeat: any."),
]
WhereOption = Annotated[
    list[str] | None,
    typer.Option("--where", metavar="KEY=VALUE", help="Only with this property; repeat: all."),
]
SinceOption = Annotated[
    str | None,
    typer.Option("--since", metavar="DATE", help="Only from then on: 2024, 2024-05-31, 30d, 6m."),
]
UntilOption = Annotated[
    str | None,
    typer.Option("--until", metavar="DATE", help="Only up to then, that day included."),
]
TimingsOption = Annotated[
    bool, typer.Option("--timings", help="Say on stderr what took how many milliseconds.")
]
