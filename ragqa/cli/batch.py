"""`ask --batch`: JSON Lines of questions in, JSON Lines of answers out, in one process.

A line is `{"id": ..., "question": "..."}`, optionally with `"passages": [{"title", "text"}]`.
An error is that line's record; the batch goes on. Knows nothing of terminals but where stdout is.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any, TextIO

from ragqa import pipeline, render
from ragqa.cli.output import judged
from ragqa.errors import RagqaError, UsageError
from ragqa.evaluation.questions import parsed, question_and_texts, read_lines, unusable
from ragqa.pipeline import Session
from ragqa.runtime import Opener
from ragqa.system import terminal
from ragqa.text.clean import error_json, to_json


def answer_lines(
    opener: Opener,
    source: str,
    resume: Path | None,
    strict: bool,
    opened: Callable[[Session], None] = lambda session: None,
) -> int:
    """Answer every line of a file (or of stdin, `-`); 0 when every line got its record.

    `opened` is told of each session before it is asked.
    """
    lines = read_lines(source, "--batch")
    with ExitStack() as stack:
        batch = _Batch(opener, stack, strict, opened)
        if resume is None:
            write: Callable[[str], bool] = terminal.write_line
            done: set[str] = set()
        else:
            done = finished_ids(resume)
            out = stack.enter_context(_open_to_append(resume))

            def write(text: str) -> bool:
                try:
                    print(text, file=out, flush=True)
                except OSError as error:
                    raise unusable("--resume", str(resume), error) from error
                return True

        for number, line in enumerate(lines, 1):
            if line.strip():
                item = parsed(line)
                key = item.get("id", number) if isinstance(item, dict) else number
                record = {} if _key(key) in done else {"id": key, **batch.record(item)}
                if record and not write(to_json(record)):
                    break
    return 0


def finished_ids(out: Path) -> set[str]:
    """The ids that a batch's output has already; a torn last line is cut off.

    Raises UsageError when the file is something else than such an output.
    """
    try:
        data = out.read_bytes()
    except FileNotFoundError:
        return set()
    except OSError as error:
        raise unusable("--resume", str(out), error) from error
    whole = data[: data.rfind(b"\n") + 1]
    try:
        records = [json.loads(line) for line in whole.splitlines() if line.strip()]
        ids = {_key(record["id"]) for record in records}
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise UsageError(f"not the output of a batch: {out}", "name another file") from error
    if len(whole) < len(data):
        with out.open("rb+") as file:
            file.truncate(len(whole))
    return ids


class _Batch:
    """Answers one line after another; the index is opened at the first line that needs it."""

    def __init__(
        self, opener: Opener, stack: ExitStack, strict: bool, opened: Callable[[Session], None]
    ) -> None:
        self._opener = opener
        self._stack = stack
        self._strict = strict
        self._opened = opened
        self._sessions: dict[bool, Session] = {}

    def record(self, item: Any) -> dict[str, Any]:
        """The record of a line: an answer or an error."""
        try:
            question, given = question_and_texts(item)
            session = self._session(with_index=given is None)
            answer = pipeline.ask(question, session, given or [])
            return render.answer_json(judged(answer, self._strict)[0])
        except RagqaError as error:
            return error_json(error)

    def _session(self, with_index: bool) -> Session:
        if with_index not in self._sessions:
            session = self._stack.enter_context(self._opener.open(index=with_index))
            self._opened(session)
            self._sessions[with_index] = session
        return self._sessions[with_index]


def _open_to_append(out: Path) -> TextIO:
    try:
        return out.open("a", encoding="utf-8")
    except OSError as error:
        raise unusable("--resume", str(out), error) from error


def _key(value: Any) -> str:
    """Ids are compared as JSON: 1 and "1" differ."""
    return json.dumps(value, sort_keys=True)
