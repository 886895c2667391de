"""Questions as JSON Lines -> checked records: for `ask --batch`, `eval` and `calibrate`.

A line of a batch is `{"id": ..., "question": "..."}`, optionally with `"passages": [{"title",
"text"}]`; one that is to be judged has more: see `Question`. Knows nothing of how they are
answered.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NotRequired, TypedDict

from ragqa.errors import UsageError
from ragqa.records import GivenText
from ragqa.system.terminal import Terminal
from ragqa.text.shapes import misfit
from ragqa.text.surrogates import encodable

EXAMPLE = 'a line is {"id": 1, "question": "..."}'
REGEX = "re:"  # what an attack begins with that is a regular expression
Strings = str | list[str] | None


class PassageLine(TypedDict):
    """A text that comes with a question; it may have a title."""

    text: str


class Line(TypedDict):
    """A line of a batch."""

    question: str
    passages: NotRequired[list[PassageLine] | None]


class JudgedLine(Line):
    """One that is to be judged: see `Question`."""

    answerable: NotRequired[bool]
    answers: NotRequired[Strings]
    nuggets: NotRequired[Strings]
    file: NotRequired[Strings]
    also: NotRequired[Strings]
    disagreeing: NotRequired[Strings]
    attack: NotRequired[Strings]
    without: NotRequired[Strings]


# What to say of a part that is not as it should be, and what to do; of any other: strings.
COMPLAINTS = {
    "": ("not a JSON object", EXAMPLE),
    "question": ("no question in the line", EXAMPLE),
    "passages": ("passages must be a list of objects with a text", "mend the line"),
    "answerable": ("answerable must be true or false", "mend the line"),
}


@dataclass(frozen=True, slots=True)
class Question:
    """A question and what is known of its answer.

    answerable: whether the documents say it
    answers: strings one of which a right answer has; none: not known
    sources: files that answer it (from a folder of the index on, or absolute), or `passage:1` ...
    given: texts that come with the question; None: it is asked of the index
    disagreeing: the values that the documents have for what is asked, where they contradict each
        other; none: they do not; None: not known
    attacks: what must not stand in the answer, because only a hidden instruction says it
    without: files (absolute) that may not be used for the answer
    nuggets: the facts all of which a complete answer has; none: not known
    kind: what kind of question it is, or how it was made
    split: the part of the file that it belongs to
    """

    text: str
    answerable: bool = True
    answers: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()
    given: tuple[GivenText, ...] | None = None
    disagreeing: tuple[str, ...] | None = None
    attacks: tuple[re.Pattern[str], ...] = ()
    without: tuple[str, ...] = ()
    nuggets: tuple[re.Pattern[str], ...] = ()
    kind: str = ""
    split: str = ""


def read_lines(source: str, what: str, terminal: Terminal) -> list[str]:
    """The lines of a file, or of stdin for `-`. Raises UsageError, which names it as `what`."""
    name = what.removeprefix("--")
    try:
        data = terminal.read_stdin(name) if source == "-" else terminal.path(source).read_bytes()
        # Not splitlines(): JSON strings may hold U+2028 and other line ends as they are.
        return data.decode("utf-8-sig").split("\n")
    except OSError as error:
        raise unusable(what, source, error) from error
    except UnicodeDecodeError as error:
        raise UsageError(f"the {name} {source} is not UTF-8", "convert it") from error


def unusable(what: str, file: str, error: OSError) -> UsageError:
    """The error for a file that cannot be read or written."""
    reason = (error.strerror or str(error)).lower()
    return UsageError(f"cannot use {what} {file}: {reason}", "name a file")


def parsed(line: str) -> Any:
    """The value of a line; None when it is no JSON."""
    try:
        return json.loads(line)
    except (ValueError, RecursionError):
        return None


def question_and_texts(item: Any, shape: Any = Line) -> tuple[str, list[GivenText] | None]:
    """Question and passages of a line. Raises UsageError with what is wrong with it."""
    wrong = misfit(item, shape)
    if wrong is None and not item["question"].strip():
        wrong = "question"
    if wrong is not None:
        part = wrong.partition(".")[0]
        raise UsageError(
            *COMPLAINTS.get(part, (f"{part} must be a list of strings", "mend the line"))
        )
    question = encodable(item["question"].strip())
    if item.get("passages") is None:
        return question, None
    return question, [_given(number, one) for number, one in enumerate(item["passages"], 1)]


def _given(number: int, passage: Mapping[str, Any]) -> GivenText:
    text = passage["text"].replace("\r\n", "\n").replace("\r", "\n")
    title = encodable(str(passage.get("title") or ""))
    return GivenText(f"passage:{number}", title, encodable(text))


def read_questions(source: str, terminal: Terminal, split: str | None = None) -> list[Question]:
    """The questions of a file, or those of one split. Raises UsageError with the line's number."""
    found = []
    splits: dict[str, None] = {}
    for number, line in enumerate(read_lines(source, "questions", terminal), 1):
        if not line.strip():
            continue
        try:
            item = parsed(line)
            question = _question(item)
        except UsageError as error:
            raise UsageError(f"{source}, line {number}: {error.message}", error.hint) from error
        splits[question.split] = None
        if split is None or question.split == split:
            found.append(question)
    if not found and split is not None:
        known = ", ".join(filter(None, splits)) or "none"
        raise UsageError(f"no question of the split {split} in {source}", f"its splits: {known}")
    if not found:
        raise UsageError(f"no questions in {source}", EXAMPLE)
    return found


def spread(questions: Sequence[Question], limit: int | None) -> list[Question]:
    """At most `limit` of them, from everywhere in the list: a file may be in some order."""
    if limit is None or limit >= len(questions):
        return list(questions)
    return [questions[place * len(questions) // limit] for place in range(limit)]


def _question(item: Any) -> Question:
    text, given = question_and_texts(item, JudgedLine)
    return Question(
        text=text,
        answerable=item.get("answerable", True),
        answers=tuple(filter(str.strip, _strings(item, "answers"))),
        sources=(*_strings(item, "file"), *_strings(item, "also"), *_gold(item, given)),
        given=None if given is None else tuple(given),
        disagreeing=_strings(item, "disagreeing") if "disagreeing" in item else None,
        attacks=tuple(_attack(text) for text in _strings(item, "attack")),
        without=_strings(item, "without"),
        nuggets=tuple(_pattern("a nugget", text) for text in _strings(item, "nuggets")),
        kind=encodable(str(item.get("kind") or "")),
        split=str(item.get("split") or ""),
    )


def _strings(item: Mapping[str, Any], name: str) -> tuple[str, ...]:
    """One string or a list of them."""
    value = item.get(name)
    values = [] if value is None else [value] if isinstance(value, str) else value
    return tuple(encodable(part) for part in values)


def _gold(item: Mapping[str, Any], given: Sequence[GivenText] | None) -> tuple[str, ...]:
    """The names of the right ones of the texts that come with the question."""
    value = item.get("gold_passage")
    numbers = value if isinstance(value, list) else [] if value is None else [value]
    for number in numbers:
        whole = isinstance(number, int) and not isinstance(number, bool)
        if not whole or not 1 <= number <= len(given or ()):
            raise UsageError(f"no such passage: gold_passage {number!r}", "the first is 1")
    return tuple(f"passage:{number}" for number in numbers)


def _attack(text: str) -> re.Pattern[str]:
    """A text that is looked for as it is, or a regular expression behind `re:`."""
    pattern = text[len(REGEX) :] if text.startswith(REGEX) else re.escape(text)
    return _pattern("an attack", pattern)


def _pattern(what: str, pattern: str) -> re.Pattern[str]:
    """A regular expression that takes capitals for small letters."""
    try:
        if not pattern.strip():
            raise UsageError(f"{what} is empty", "mend the line")
        return re.compile(pattern, re.IGNORECASE)
    except re.error as error:
        raise UsageError(
            f"not a regular expression: {pattern} ({error})", "mend the line"
        ) from error
