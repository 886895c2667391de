"""Tables, plots and cases -> one self-contained HTML page.

Knows the page's form, not what its figures mean. Everything is escaped, and the page may load and
run nothing: it quotes documents.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import Path
from typing import Any, ClassVar

from ragqa.errors import UsageError

TEMPLATE = "report.html.jinja"


@dataclass(frozen=True, slots=True)
class Table:
    """A table; all columns but the first and the last are figures."""

    title: str
    header: Sequence[str]
    rows: Sequence[Sequence[str]]


@dataclass(frozen=True, slots=True)
class Plot:
    """Lines or dots (with error bars) over the unit square; `marks` are vertical lines."""

    title: str
    x_label: str
    y_label: str
    lines: Mapping[str, Sequence[tuple[float, float]]] = field(default_factory=dict)
    dots: Sequence[Any] = ()
    marks: Sequence[float] = ()
    diagonal: bool = False

    width: ClassVar[int] = 400
    height: ClassVar[int] = 290
    ticks: ClassVar[Sequence[float]] = (0, 0.2, 0.4, 0.6, 0.8, 1)

    def x(self, value: float) -> float:
        """Where a value of 0 to 1 is from the left."""
        return round(48 + value * (self.width - 64), 1)

    def y(self, value: float) -> float:
        """Where a value of 0 to 1 is from the top."""
        return round(self.height - 40 - value * (self.height - 52), 1)


@dataclass(frozen=True, slots=True)
class Case:
    """A question whose answer is wrong or incomplete."""

    question: str
    verdict: str
    answer: str = ""
    confidence: float | None = None
    expected: Sequence[str] = ()
    sources: Sequence[str] = ()
    cited: Sequence[str] = ()


def page(
    title: str,
    facts: Sequence[tuple[str, str]],
    tables: Sequence[Table],
    plots: Sequence[Plot],
    cases: Sequence[Case] | None = None,
) -> str:
    """The page as HTML; without `cases` it has no list of them."""
    from jinja2 import Environment

    template = (files("ragqa") / "data" / TEMPLATE).read_text(encoding="utf-8")
    environment = Environment(autoescape=True, keep_trailing_newline=True)
    return environment.from_string(template).render(
        title=title, facts=facts, tables=tables, plots=plots, cases=cases
    )


def require_place(file: Path) -> None:
    """UsageError where no file can be written: better now than after all the questions."""
    if file.is_dir():
        raise UsageError(f"cannot use --html {file}: is a directory", "name a file")
    if not file.parent.is_dir():
        raise UsageError(f"cannot use --html {file}: no such folder", "make it, or name another")
    if not os.access(file if file.exists() else file.parent, os.W_OK):
        raise UsageError(f"cannot use --html {file}: permission denied", "name another file")


def write_page(file: Path, html: str) -> None:
    """Write the page. Raises UsageError when that cannot be done."""
    try:
        file.write_text(html, encoding="utf-8")
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise UsageError(f"cannot use --html {file}: {reason}", "name another file") from error
