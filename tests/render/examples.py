"""Answers of all kinds, as `ask` makes them."""

from __future__ import annotations

from ragqa.records import Answer, Citation, Sentence


def citation(**changes: object) -> Citation:
    values: dict[str, object] = {
        "number": 1,
        "path": "/notes/a.md",
        "title": "A",
        "headings": ("A", "B"),
        "start_line": 3,
        "end_line": 4,
        "start_char": 10,
        "end_char": 20,
        "page": None,
        "quote": "q",
        "quote_text": "q",
    }
    return Citation(**{**values, **changes})  # type: ignore[arg-type]


def sentence(text: str, kind: str = "text", gap: str = "\n", **changes: object) -> Sentence:
    return Sentence(text, "supported", (1,), kind, gap, **changes)  # type: ignore[arg-type]


def answer(*sentences: Sentence, short: str | None = None, **of_citation: object) -> Answer:
    return Answer("answered", "q", sentences, (citation(**of_citation),), short=short)


def cells(**values: str) -> tuple[tuple[str, str], ...]:
    return tuple(values.items())


LIST = answer(
    sentence("Steps:", "heading"),
    sentence("To make it:", "lead"),
    sentence("Mix the flour with all of the water.", "item", mark="1.", level=1),
    sentence("cold water", "item", mark="-", level=2),
    sentence("Wait.", "item", mark="2.", level=1),
    sentence("An hour will do.", "item", level=1),
    sentence("done [1]", "item", mark="[x]", level=1),
    short="water",
)
TABLE = answer(
    sentence("Name: GPT; Size: 175 billion", "row", cells=cells(Name="GPT", Size="175 billion")),
    sentence("Name: T5; Size: 11 billion [1]", "row", cells=cells(Name="T5", Size="11 billion")),
    short="11 billion",
)
CODE = answer(
    sentence("Call it so:", "lead"),
    sentence("for x in [1, 2]:\n    print(f'{x}: a | b')  # `a`; $x_1$ [1]", "code"),
    quote="where $x_1$ is",
)
UNITS = answer(
    sentence("It is old.", gap=""),
    sentence("It was made in 1998 [1].", gap=" "),
    sentence("Other:", "heading", gap="\n\n"),
    sentence("It was sold [1].", gap=" "),
    short="1998",
)
MATH = answer(
    sentence("Each vector x_i has max_tokens and \\alpha in C:\\new\\table [1].", gap=""),
    sentence("\\frac{x_i}{2}\n[1]", "code"),
    quote="Each vector $x_i$ has `max_tokens` and $\\alpha$.\n\n$$\n\\frac{x_i}{2}\n$$",
    quote_text="Each vector x_i has\n\\frac{x_i}{2}",
)
