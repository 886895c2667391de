"""`ask --batch`: JSON Lines of questions in, JSON Lines of answers out, in one process.

A line is `{"id": ..., "question": "..."}`, optionally with `"passages": [{"title", "text"}]`.
An error is that line's record; the batch goes on. Knows nothing of terminals but where stdout is.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from pathlib import Path
from typing import Any, TextIO

from ragqa import pipeline, render, terminal
from ragqa.errors import RagqaError, UsageError
from ragqa.given import GivenText
from ragqa.output import judged
from ragqa.pipeline import Session
from ragqa.sessions import Opener
from ragqa.surrogates import encodable


def answer_lines(opener: Opener, source: str, resume: Path | None, strict: bool) -> int:
    """Answer every line of a file (or of stdin, `-`); 0 when every line got its record."""
    lines = _read(source)
    with ExitStack() as stack:
        batch = _Batch(opener, stack, strict)
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
                    raise _unusable("resume", str(resume), error) from error
                return True

        for number, line in enumerate(lines, 1):
            if line.strip():
                item = _parse(line)
                key = item.get("id", number) if isinstance(item, dict) else number
                record = {} if _key(key) in done else {"id": key, **batch.record(item)}
                if record and not write(render.to_json(record)):
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
        raise _unusable("resume", str(out), error) from error
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

    def __init__(self, opener: Opener, stack: ExitStack, strict: bool) -> None:
        self._opener = opener
        self._stack = stack
        self._strict = strict
        self._sessions: dict[bool, Session] = {}

    def record(self, item: Any) -> dict[str, Any]:
        """The record of a line: an answer or an error."""
        try:
            question, given = _checked(item)
            session = self._session(with_index=given is None)
            answer = pipeline.ask(question, session, given or [])
            return render.answer_json(judged(answer, self._strict)[0])
        except RagqaError as error:
            return render.error_json(error)

    def _session(self, with_index: bool) -> Session:
        if with_index not in self._sessions:
            opened = self._opener.open(index=with_index)
            self._sessions[with_index] = self._stack.enter_context(opened)
        return self._sessions[with_index]


def _read(source: str) -> Iterable[str]:
    try:
        data = terminal.read_stdin("batch") if source == "-" else _bytes_of(source)
        # Not splitlines(): JSON strings may hold U+2028 and other line ends as they are.
        return data.decode("utf-8-sig").split("\n")
    except OSError as error:
        raise _unusable("batch", source, error) from error
    except UnicodeDecodeError as error:
        raise UsageError(f"the batch {source} is not UTF-8", "convert it") from error


def _open_to_append(out: Path) -> TextIO:
    try:
        return out.open("a", encoding="utf-8")
    except OSError as error:
        raise _unusable("resume", str(out), error) from error


def _bytes_of(file: str) -> bytes:
    return Path(file).expanduser().read_bytes()


def _unusable(option: str, file: str, error: OSError) -> UsageError:
    reason = (error.strerror or str(error)).lower()
    return UsageError(f"cannot use --{option} {file}: {reason}", "name a file")


def _parse(line: str) -> Any:
    try:
        return json.loads(line)
    except (ValueError, RecursionError):
        return None


def _key(value: Any) -> str:
    """Ids are compared as JSON: 1 and "1" differ."""
    return json.dumps(value, sort_keys=True)


def _checked(item: Any) -> tuple[str, list[GivenText] | None]:
    """Question and passages of a line. Raises UsageError with what is wrong with it."""
    if not isinstance(item, dict):
        raise UsageError("not a JSON object", 'a line is {"id": 1, "question": "..."}')
    question = item.get("question")
    if not isinstance(question, str) or not question.strip():
        raise UsageError("no question in the line", 'a line is {"id": 1, "question": "..."}')
    passages = item.get("passages")
    if passages is None:
        return encodable(question.strip()), None
    given = []
    for number, passage in enumerate(passages if isinstance(passages, list) else [None], 1):
        if not isinstance(passage, dict) or not isinstance(passage.get("text"), str):
            raise UsageError("passages must be a list of objects with a text", "mend the line")
        text = passage["text"].replace("\r\n", "\n").replace("\r", "\n")
        title = encodable(str(passage.get("title") or ""))
        given.append(GivenText(f"passage:{number}", title, encodable(text)))
    return encodable(question.strip()), given
