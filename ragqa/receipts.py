"""Receipts: an answer with all that it takes to check it later, as one JSON document (version 1).

Makes and reads them, looks for their quotes in the files as they are now, and says in what two of
the same question differ. Knows no command, and not how answers are made.
"""

from __future__ import annotations

import hashlib
import json
import platform
import re
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Literal

from ragqa import __version__, render
from ragqa.documents.decoding import decode
from ragqa.errors import DocumentError, RagqaError, UsageError
from ragqa.models.hashes import file_hash
from ragqa.models.local import embedder_hash, generator_file
from ragqa.records import Answer
from ragqa.system.files import replace_file
from ragqa.text.clean import to_json

VERSION = 1
STDIN = "-"
RUNTIMES = ("onnxruntime", "llama-cpp-python", "sentence-transformers")
Verdict = Literal["in place", "moved", "gone", "no file", "not kept"]
HOLDING = ("in place", "moved")
# What a receipt has, and of what type: those of JSON.
FIELDS: dict[str, tuple[type, ...]] = {
    "time": (str,),
    "ragqa": (str,),
    "question": (str,),
    "state": (str,),
    "answer": (str,),
    "sentences": (list,),
    "confidence": (int, float, type(None)),
    "citations": (list,),
    "prompt": (str, type(None)),
    "index": (dict, type(None)),
    "filter": (dict, type(None)),
    "context": (list,),
    "models": (dict,),
    "settings": (dict,),
    "runtimes": (dict,),
}
CITATION_FIELDS: dict[str, type] = {
    "number": int,
    "path": str,
    "start_line": int,
    "start_char": int,
    "quote": str,
}
# Parts of a receipt that may differ although the answer is the same, in the order to tell of them.
CIRCUMSTANCES = ("ragqa", "index", "models", "settings", "filter", "context", "runtimes", "prompt")
Document = dict[str, Any]


# Making ----------------------------------------------------------------------------------------


def receipt_of(
    answer: Answer,
    models_used: Mapping[str, Any],
    settings: Mapping[str, Any],
    wanted: Mapping[str, Any] | None,
    context: Sequence[Mapping[str, str]],
) -> Document:
    """The receipt of an answer, made just now."""
    shown = render.answer_json(answer)
    return {
        "time": datetime.now(UTC).isoformat(timespec="seconds"),
        "ragqa": __version__,
        **{name: shown[name] for name in ("question", "state", "answer", "sentences")},
        **{name: shown[name] for name in ("confidence", "citations")},
        "prompt": answer.prompt or None,
        "index": shown["index"],
        "filter": wanted,
        "context": list(context),
        "models": models_used,
        "settings": settings,
        "runtimes": runtimes(),
    }


def models_of(
    embedder: str,
    fingerprint: str,
    generator: str | None,
    reranker: str | None,
    adapter: Path | None = None,
) -> dict[str, dict[str, str] | None]:
    """Names and hashes of the models that take part; None for one that does not.

    `adapter` is the file that makes a reader of the generator.
    """
    named = {"name": embedder, "fingerprint": fingerprint, "sha256": embedder_hash(embedder)}
    written = ranked = None
    if generator is not None:
        name, _, digest = generator_file(generator)
        written = {"name": name, "sha256": digest}
        if adapter:
            written["adapter_sha256"] = file_hash(adapter)
    if reranker is not None:
        ranked = {"name": reranker, "sha256": embedder_hash(reranker)}
    return {"embedder": named, "generator": written, "reranker": ranked}


def text_hash(text: str) -> str:
    """SHA-256 of a text in UTF-8."""
    return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()


def runtimes() -> dict[str, str]:
    """What an answer's bytes may depend on besides models and settings."""
    found = {"python": platform.python_version(), "machine": platform.machine()}
    for name in RUNTIMES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


class ReceiptFile:
    """A file for a receipt. Raises UsageError at once when it cannot be written."""

    def __init__(self, name: str) -> None:
        self._name = name
        try:
            self._path = Path(name).expanduser().resolve()
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


def read_receipt(name: str) -> Document:
    """The receipt in a file. Raises UsageError when there is none in it."""
    try:
        document = json.loads(Path(name).expanduser().read_bytes())
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
    if wrong := _wrong_field(document):
        raise _no_receipt(name, f"{wrong} is missing or of another type")
    return document


def _wrong_field(document: Document) -> str | None:
    """The first part that is not what a receipt has; None when all are."""
    for name, kinds in FIELDS.items():
        if name not in document or not isinstance(document[name], kinds):
            return name
    for citation in document["citations"]:
        for name, kind in CITATION_FIELDS.items():
            if not isinstance(citation, dict) or not isinstance(citation.get(name), kind):
                return f"citations.{name}"
    for context in document["context"]:
        if not isinstance(context, dict) or not isinstance(context.get("path"), str):
            return "context.path"
    index = document["index"]
    if index is not None and not isinstance(index.get("path"), str):
        return "index.path"
    return None


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
    texts: dict[str, str | None] = {}
    checks = []
    for citation in receipt["citations"]:
        path = citation["path"]
        if not Path(path).is_absolute():  # the name of a text that is no file
            checks.append(_check(citation, "not kept", None))
            continue
        if path not in texts:
            texts[path] = _present_text(Path(path))
        checks.append(_checked(citation, texts[path]))
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


def _present_text(path: Path) -> str | None:
    """The text of a file; None where there is no file that can be read."""
    try:
        # A device or a pipe that a receipt names could be read for ever.
        return decode(path.read_bytes())[0] if path.is_file() else None
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
