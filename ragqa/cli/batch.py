"""`ask --batch`: JSON Lines of questions in, JSON Lines of answers out, in one process.

A line is `{"id": ..., "question": "..."}`, optionally with `"passages": [{"title", "text"}]`.
An error is that line's record; the batch goes on. Knows nothing of how questions are answered.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any, TextIO

from ragqa import pipeline, render
from ragqa.answering.compose import Progress
from ragqa.api import Collection
from ragqa.cli.output import judged
from ragqa.errors import RagqaError, UsageError
from ragqa.evaluation.questions import parsed, question_and_texts, read_lines, unusable
from ragqa.pipeline import Session
from ragqa.store.filters import Filter
from ragqa.system.terminal import Terminal
from ragqa.text.clean import error_json, to_json


class Batch:
    """Answers one line after another; the index is opened at the first line that needs it."""

    def __init__(
        self,
        collection: Collection,
        terminal: Terminal,
        only: Filter | None = None,
        strict: bool = False,
        remembers: bool = False,
    ) -> None:
        self._collection = collection
        self._terminal = terminal
        self._only = only
        self._strict = strict
        self._remembers = remembers
        self._sessions: dict[bool, Session] = {}

    def run(self, source: str, resume: str | None = None) -> int:
        """Answer every line of a file (or of stdin, `-`); 0 when every line got its record.

        With `resume` those alone that this file lacks, and into it.
        """
        lines = read_lines(source, "--batch", self._terminal)
        with ExitStack() as stack:
            write: Callable[[str], bool] = self._terminal.write_line
            done, skipped = set[str](), self._terminal.lines_done
            if resume is not None:
                out = self._terminal.path(resume)
                done, skipped = finished_ids(out, resume), 0
                write = _appending(stack.enter_context(_open_to_append(out, resume)), resume)
            for number, line in enumerate(lines, 1):
                if not line.strip():
                    continue
                item = parsed(line)
                key = item.get("id", number) if isinstance(item, dict) else number
                if _key(key) in done:
                    continue
                self._terminal.check()
                if skipped:  # a process that has gone has written it
                    skipped -= 1
                elif not write(to_json({"id": key, **self.record(item, stack)})):
                    break
        return 0

    def record(self, item: Any, stack: ExitStack) -> dict[str, Any]:
        """The record of a line: an answer or an error."""
        try:
            question, given = question_and_texts(item)
            session = self._session(given is None, stack)
            progress = Progress(on_piece=lambda piece: self._terminal.check())
            answer = pipeline.ask(question, session, given or [], progress)
            return render.answer_json(judged(answer, self._strict)[0])
        except RagqaError as error:
            return error_json(error)

    def _session(self, with_index: bool, stack: ExitStack) -> Session:
        if with_index not in self._sessions:
            self._sessions[with_index] = stack.enter_context(
                self._collection.session(with_index, only=self._only, remembers=self._remembers)
            )
        return self._sessions[with_index]


def finished_ids(out: Path, name: str) -> set[str]:
    """The ids that a batch's output has already; a torn last line is cut off.

    `name` is the file as it was typed. Raises UsageError when it is something else than such an
    output.
    """
    try:
        data = out.read_bytes()
    except FileNotFoundError:
        return set()
    except OSError as error:
        raise unusable("--resume", name, error) from error
    whole = data[: data.rfind(b"\n") + 1]
    try:
        records = [json.loads(line) for line in whole.splitlines() if line.strip()]
        ids = {_key(record["id"]) for record in records}
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise UsageError(f"not the output of a batch: {name}", "name another file") from error
    if len(whole) < len(data):
        with out.open("rb+") as file:
            file.truncate(len(whole))
    return ids


def _appending(file: TextIO, name: str) -> Callable[[str], bool]:
    """What writes a line to the output of a batch."""

    def write(text: str) -> bool:
        try:
            print(text, file=file, flush=True)
        except OSError as error:
            raise unusable("--resume", name, error) from error
        return True

    return write


def _open_to_append(out: Path, name: str) -> TextIO:
    try:
        return out.open("a", encoding="utf-8")
    except OSError as error:
        raise unusable("--resume", name, error) from error


def _key(value: Any) -> str:
    """Ids are compared as JSON: 1 and "1" differ."""
    return json.dumps(value, sort_keys=True)
