"""Receipts: an answer with all that it takes to check it later, as one JSON document (version 1).

Makes and reads them, looks for their quotes in the files as they are now, and says in what two of
the same question differ. Knows no command, and not how answers are made.
"""

from __future__ import annotations

import hashlib
import json
import re
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal, NotRequired, TypedDict

from ragqa import __version__, render
from ragqa.circumstances import filter_json, models_used, runtimes, settings_used
from ragqa.documents import text_of
from ragqa.documents.base import ExtractedText
from ragqa.errors import DocumentError, RagqaError, UsageError
from ragqa.pipeline import Session
from ragqa.records import Answer, GivenText
from ragqa.system.files import replace_file
from ragqa.text.clean import to_json
from ragqa.text.shapes import misfit

VERSION = 1
STDIN = "-"
Verdict = Literal["in place", "moved", "gone", "no file", "not kept"]
HOLDING = ("in place", "moved")
# Parts of a receipt that may differ although the answer is the same, in the order to tell of them.
CIRCUMSTANCES = ("ragqa", "index", "models", "settings", "filter", "context", "runtimes", "prompt")
Document = dict[str, Any]


class CitationShape(TypedDict):
    """What is needed of a citation."""

    number: int
    path: str
    start_line: int
    start_char: int
    quote: str
    page: NotRequired[int | None]


class FileShape(TypedDict):
    """What is needed of a text that came with the question, and of an index."""

    path: str


class Shape(TypedDict):
    """What a receipt has, and of what type."""

    time: str
    ragqa: str
    question: str
    state: str
    answer: str
    sentences: list[Any]
    confidence: float | None
    citations: list[CitationShape]
    prompt: str | None
    index: FileShape | None
    filter: dict[str, Any] | None
    context: list[FileShape]
    models: dict[str, Any]
    settings: dict[str, Any]
    runtimes: dict[str, Any]


# Making ----------------------------------------------------------------------------------------


def receipt_of(
    answer: Answer, session: Session, given: Sequence[GivenText], strict: bool
) -> Document:
    """The receipt of an answer, made just now in a session."""
    shown = render.answer_json(answer)
    return {
        "time": datetime.now(UTC).isoformat(timespec="seconds"),
        "ragqa": __version__,
        **{name: shown[name] for name in ("question", "state", "answer", "sentences")},
        **{name: shown[name] for name in ("confidence", "citations")},
        "prompt": answer.prompt or None,
        "index": shown["index"],
        "filter": filter_json(session.only),
        "context": [_context(text) for text in given],
        "models": models_used(session),
        "settings": settings_used(session, strict),
        "runtimes": runtimes(),
    }


def _context(given: GivenText) -> dict[str, str]:
    """What is kept of a text that came with the question."""
    path = STDIN if given.path == "stdin" else given.path
    return {"path": path, "title": given.title, "sha256": text_hash(given.text)}


@contextmanager
def keeping(
    file: str | None, directory: Path, given: Sequence[GivenText], strict: bool
) -> Iterator[Callable[[Answer, Session], None]]:
    """What takes an answer and keeps its receipt in a file; nothing, where none is named.

    Raises UsageError before any answer when the file cannot be written.
    """
    if file is None:
        yield lambda answer, session: None
        return
    target = ReceiptFile(file, directory)
    yield lambda answer, session: target.write(receipt_of(answer, session, given, strict))


def text_hash(text: str) -> str:
    """SHA-256 of a text in UTF-8."""
    return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()


class ReceiptFile:
    """A file for a receipt, `name` from `directory` on.

    Raises UsageError at once when it cannot be written.
    """

    def __init__(self, name: str, directory: Path = Path()) -> None:
        self._name = name
        try:
            self._path = (directory / Path(name).expanduser()).resolve()
            if name in ("", STDIN) or (self._path.exists() and not self._path.is_file()):
                raise OSError("not a file")
            if self._path.exists():
                self._path.open("ab").close()
            tempfile.TemporaryFile(dir=self._path.parent).close()
        except (OSError, RuntimeError) as error:  # RuntimeError: a link to itself, no such user
            hint = "name a file in a folder that you may write to"
            raise UsageError(self._unwritable(error), hint) from error

    def write(self, document: Document) -> None:
        """Put the document in place of what the file was."""
        try:
            replace_file(self._path, to_json(document) + "\n")
        except OSError as error:
            raise RagqaError(self._unwritable(error), "name a file in another place") from error

    def _unwritable(self, error: Exception) -> str:
        reason = (getattr(error, "strerror", None) or str(error)).lower()
        return f"cannot write the receipt {self._name or repr(self._name)}: {reason}"


# Reading ---------------------------------------------------------------------------------------


def read_receipt(name: str, directory: Path = Path()) -> Document:
    """The receipt in a file, `name` from `directory` on. Raises UsageError when there is none."""
    try:
        document = json.loads((directory / Path(name).expanduser()).read_bytes())
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise UsageError(f"cannot read the receipt {name}: {reason}", "name a file") from error
    except (ValueError, RecursionError) as error:
        raise _no_receipt(name, "it is not JSON") from error
    if not isinstance(document, dict) or not isinstance(document.get("version"), int):
        raise _no_receipt(name, "it has no version")
    if document["version"] > VERSION:
        raise UsageError(
            f"the receipt {name} is of version {document['version']}, this ragqa knows {VERSION}",
            "use the ragqa that wrote it, or a newer one",
        )
    if wrong := misfit(document, Shape):
        raise _no_receipt(name, f"{wrong} is missing or of another type")
    return document


def _no_receipt(name: str, reason: str) -> UsageError:
    return UsageError(f"not a receipt: {name} ({reason})", "name a file that --receipt wrote")


# Quotes ----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class QuoteCheck:
    """What became of a citation's quote.

    `in place`: at its offsets; `moved`: elsewhere in the file, at `line` now; `gone`: not in the
    file; `no file`: there is none that can be read; `not kept`: of a text that came on stdin.
    """

    number: int
    path: str
    start_line: int
    verdict: Verdict
    line: int | None

    @property
    def holds(self) -> bool:
        """True when the quote still stands in the file, wherever."""
        return self.verdict in HOLDING


def check_quotes(receipt: Document) -> list[QuoteCheck]:
    """Each citation of a receipt against the files as they are now."""
    texts: dict[str, ExtractedText | None] = {}
    checks = []
    for citation in receipt["citations"]:
        path = citation["path"]
        if not Path(path).is_absolute():  # the name of a text that is no file
            checks.append(_check(citation, "not kept", None))
            continue
        if path not in texts:
            texts[path] = _present_text(Path(path))
        text = texts[path]
        # On a page that is not there any more stands nothing.
        page = (text.of_page(citation.get("page")) or "") if text else None
        checks.append(_checked(citation, page))
    return checks


def _checked(citation: Mapping[str, Any], text: str | None) -> QuoteCheck:
    quote, start = citation["quote"], citation["start_char"]
    if text is None:
        return _check(citation, "no file", None)
    if text.startswith(quote, max(start, 0)):
        return _check(citation, "in place", citation["start_line"])
    places = [match.start() for match in re.finditer(re.escape(quote), text)]
    if not places:
        return _check(citation, "gone", None)
    nearest = min(places, key=lambda place: abs(place - start))
    return _check(citation, "moved", text.count("\n", 0, nearest) + 1)


def _check(citation: Mapping[str, Any], verdict: Verdict, line: int | None) -> QuoteCheck:
    place = citation["path"], citation["start_line"]
    return QuoteCheck(citation["number"], *place, verdict, line)


def _present_text(path: Path) -> ExtractedText | None:
    """The text of a file; None where there is no file that can be read."""
    try:
        # A device or a pipe that a receipt names could be read for ever.
        return text_of(path, path.read_bytes()) if path.is_file() else None
    except (OSError, DocumentError):
        return None


# Comparing -------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Difference:
    """A part of a receipt that is another now."""

    what: str
    then: Any
    now: Any


def same_answer(then: Document, now: Document) -> bool:
    """True when state, text and the quotes cited are the same, wherever these stand now."""
    return _said(then) == _said(now)


def _said(receipt: Document) -> tuple[Any, ...]:
    quotes = [(item["number"], item["path"], item["quote"]) for item in receipt["citations"]]
    return receipt["state"], receipt["answer"], quotes


def differences(then: Document, now: Document) -> list[Difference]:
    """In what the circumstances of two answers differ."""
    # What is made now goes through JSON, as what was read did: there are no tuples in it.
    now = json.loads(to_json(now))
    return [item for name in CIRCUMSTANCES for item in _differing(name, then[name], now[name])]


def _differing(name: str, then: Any, now: Any) -> Iterable[Difference]:
    if isinstance(then, dict) and isinstance(now, dict):
        for key in dict.fromkeys((*then, *now)):
            yield from _differing(f"{name}.{key}", then.get(key), now.get(key))
    elif then != now:
        yield Difference(name, then, now)


# Telling ---------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Replay:
    """The question asked again: the receipt that it makes now, or why it was not asked."""

    now: Document | None
    reason: str = ""


def is_verified(receipt: Document, checks: Sequence[QuoteCheck], replay: Replay | None) -> bool:
    """True when each quote stands in its file and the answer, where asked for, is the same."""
    same = replay is None or (replay.now is not None and same_answer(receipt, replay.now))
    return same and all(check.holds for check in checks)


def verdict_json(
    receipt: Document, checks: Sequence[QuoteCheck], replay: Replay | None
) -> Document:
    """The outcome of `verify` with all that was compared."""
    return {
        "question": receipt["question"],
        "time": receipt["time"],
        "verified": is_verified(receipt, checks, replay),
        "citations": [asdict(check) for check in checks],
        "replay": _replay_json(receipt, replay) if replay else None,
    }


def _replay_json(receipt: Document, replay: Replay) -> Document:
    if replay.now is None:
        return {"reason": replay.reason, "same_answer": None}
    return {
        "reason": "",
        "same_answer": same_answer(receipt, replay.now),
        "state": replay.now["state"],
        "answer": replay.now["answer"],
        "differences": [asdict(item) for item in differences(receipt, replay.now)],
    }


def verdict_rows(
    receipt: Document, checks: Sequence[QuoteCheck], replay: Replay | None
) -> list[tuple[str, str]]:
    """The outcome of `verify` in lines of two columns."""
    rows = [(f"[{check.number}]", _quote_line(check)) for check in checks]
    if replay is None:
        return rows or [("citations", "none")]
    if replay.now is None:
        return [*rows, ("answer", f"not asked again: {replay.reason}")]
    same = same_answer(receipt, replay.now)
    rows.append(("answer", "the same" if same else _other_answer(replay.now)))
    changed = differences(receipt, replay.now)
    rows += [(item.what, f"{_short(item.then)}, now {_short(item.now)}") for item in changed]
    return rows if changed else [*rows, ("made with", "the same index, models and settings")]


def _quote_line(check: QuoteCheck) -> str:
    now = f", now in line {check.line}" if check.verdict == "moved" else ""
    return f"{check.verdict:<8}  {check.path}:{check.start_line}{now}"


def _other_answer(now: Document) -> str:
    return f"another: {now['answer'] or now['state'].replace('_', ' ')}"


def _short(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    text = " ".join(text.split())
    return text if len(text) <= 80 else f"{text[:77]}..."
