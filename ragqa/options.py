"""The options of `ask` and `search` that say which documents they may look at.

Knows their names and help texts; `filters` knows what their values mean.
"""

from __future__ import annotations

from typing import Annotated

import typer

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
