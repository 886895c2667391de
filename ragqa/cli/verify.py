"""The command `verify` and the option `--receipt`: what was asked -> a receipt, and back again.

Knows which settings an answer depends on. Like `cli` it only parses, constructs, calls and renders.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ragqa import __version__, render
from ragqa import runtime as sessions
from ragqa.cli import arguments
from ragqa.cli.options import JsonOption
from ragqa.errors import UsageError
from ragqa.models.catalogue import BUNDLED_GENERATOR
from ragqa.models.local import reader_adapter
from ragqa.settings import NAMES, Settings, load_settings
from ragqa.store.filters import Filter
from ragqa.system import terminal
from ragqa.system.files import data_file
from ragqa.text.clean import to_json

if TYPE_CHECKING:
    from ragqa.answering.confidence import Calibration
    from ragqa.cli.output import Keep
    from ragqa.pipeline import Session
    from ragqa.receipts import Document, Replay
    from ragqa.records import Answer, GivenText
    from ragqa.store.answers import AnswerCache

EXIT_NOT_VERIFIED = 1
SEED = 0  # of the generator, which decodes greedily
# Where the index is stands elsewhere in a receipt; file sizes matter when it is made.
NO_MATTER = ("index", "collection", "max_file_mb")

ReceiptOption = Annotated[
    str | None,
    typer.Option("--receipt", metavar="FILE", help="Keep the answer and what made it: verify."),
]


@dataclass(frozen=True, slots=True)
class Asking:
    """A question with all that was said on how to answer it."""

    question: str
    settings: Settings
    wanted: Filter
    given: Sequence[GivenText]
    strict: bool


@contextmanager
def keeping(file: str | None, asking: Asking) -> Iterator[Keep]:
    """What takes an answer and keeps its receipt in a file; nothing, where none is named.

    Raises UsageError before any answer when the file cannot be written.
    """
    if file is None:
        yield lambda answer, session: None
        return
    from ragqa.receipts import ReceiptFile

    target = ReceiptFile(file)
    yield lambda answer, session: target.write(make_receipt(answer, session, asking))


def remembering(asking: Asking, wanted: bool) -> Callable[[Session], None]:
    """What gives a session, where it is wanted, the answers that were given before."""

    def remember(session: Session) -> None:
        session.answers = earlier_answers(session, asking) if wanted else None

    return remember


def earlier_answers(session: Session, asking: Asking) -> AnswerCache | None:
    """The answers that were given in all that a receipt would tell of; None without an index."""
    if session.reader is None:
        return None
    from ragqa.receipts import runtimes
    from ragqa.store.answers import AnswerCache

    circumstances = {
        "ragqa": [__version__, _newest_file(), runtimes()],
        "index": session.reader.identity,
        "models": [_models_used(session, asking), session.model.name if session.model else None],
        "settings": settings_of(session, asking),
        # Not the filter: which documents it lets through may change without a new index.
        "allowed": None if session.allowed is None else session.allowed.tolist(),
    }
    return AnswerCache(session.reader.directory, session.reader.generation, circumstances)


def _newest_file() -> int:
    """When the newest file of this package was written: in a checkout the version says little."""
    files = data_file("").parent.rglob("*")
    return max(file.stat().st_mtime_ns for file in files if file.suffix not in ("", ".pyc"))


def make_receipt(answer: Answer, session: Session, asking: Asking) -> Document:
    """The receipt of an answer that was made in a session."""
    from ragqa import receipts

    wanted = _filter_json(asking.wanted) if asking.wanted else None
    context = [
        {
            "path": receipts.STDIN if text.path == "stdin" else text.path,
            "title": text.title,
            "sha256": receipts.text_hash(text.text),
        }
        for text in asking.given
    ]
    used = _models_used(session, asking)
    return receipts.receipt_of(answer, used, settings_of(session, asking), wanted, context)


def _models_used(session: Session, asking: Asking) -> dict[str, Any]:
    from ragqa.receipts import models_of

    model = asking.settings.model if session.generator else None
    if session.span_model:
        model = BUNDLED_GENERATOR
    return models_of(
        session.embedder.name,
        session.embedder.fingerprint,
        model,
        session.reranker.name if session.reranker else None,
        reader_adapter() if session.span_model else None,
    )


def settings_of(session: Session, asking: Asking) -> dict[str, Any]:
    """The settings that an answer depends on, so that they mean the same in another folder."""
    settings = asking.settings
    values = {name: getattr(settings, name) for name in NAMES if name not in NO_MATTER}
    values |= {name: _absolute(values[name]) for name in ("model", "embedder", "reranker")}
    return {
        **values,
        "answer": answer_mode(session),
        "threads": settings.threads or os.cpu_count() or 1,
        "strict": asking.strict,
        "threshold": session.threshold,
        "calibration": list(session.calibration[:2]) if session.calibration else None,
        "seed": SEED,
    }


def answer_mode(session: Session) -> str:
    """Which of the answer modes a session works in."""
    if session.generator:
        return "generate"
    return "read" if session.span_model else "extract"


def _absolute(model: str) -> str:
    """A model's name, or its path from the root where it is one."""
    path = Path(model).expanduser()
    return str(path.resolve()) if model and path.exists() else model


def _filter_json(wanted: Filter) -> dict[str, Any]:
    values = asdict(wanted)
    return {
        name: value.isoformat() if isinstance(value, date) else value
        for name, value in values.items()
    }


def _filter_from(values: Mapping[str, Any] | None) -> Filter:
    """The filter of a receipt. Raises UsageError when it is none."""
    if values is None:
        return Filter()

    def texts(name: str) -> tuple[str, ...]:
        return tuple(map(str, values[name]))

    def day(name: str) -> date | None:
        return date.fromisoformat(values[name]) if values[name] else None

    try:
        where = tuple((str(key), str(value)) for key, value in values["where"])
        return Filter(
            texts("paths"), texts("titles"), texts("tags"), texts("aliases"), where,
            day("since"), day("until"),
        )  # fmt: skip
    except (KeyError, TypeError, ValueError) as error:
        raise UsageError("the receipt's filter is damaged", "name another receipt") from error


def verify(
    file: Annotated[str, typer.Argument(metavar="FILE", help="What `ask --receipt` wrote.")],
    no_replay: Annotated[
        bool, typer.Option("--no-replay", help="Only look for the quotes; do not ask again.")
    ] = False,
    json: JsonOption = False,
) -> int:
    """Check a receipt: do its quotes stand in the files, is the answer still the same?

    Exit codes: 0 quotes and answer hold, 1 one does not, 2 usage, 3 cannot work.
    """
    from ragqa import receipts

    receipt = receipts.read_receipt(file)
    checks = receipts.check_quotes(receipt)
    replay = None if no_replay else _replay(receipt)
    code = 0 if receipts.is_verified(receipt, checks, replay) else EXIT_NOT_VERIFIED
    if json:
        found = receipts.verdict_json(receipt, checks, replay)
        return terminal.write(to_json(found) + "\n", code)
    return terminal.write(render.table_plain(receipts.verdict_rows(receipt, checks, replay)), code)


def _replay(receipt: Document) -> Replay:
    """Ask a receipt's question again, as it was asked then."""
    from ragqa import pipeline
    from ragqa.cli.output import judged
    from ragqa.receipts import STDIN, Replay

    for item in receipt["context"]:
        if item["path"] == STDIN:
            return Replay(None, "its context came from standard input and was not kept")
        if not Path(item["path"]).is_file():
            return Replay(None, f"its context {item['path']} is gone")
    given = [arguments.context_from(item["path"]) for item in receipt["context"]]
    settings = _settings_then(receipt)
    wanted, strict = _filter_from(receipt["filter"]), receipt["settings"].get("strict") is True
    asking = Asking(receipt["question"], settings, wanted, given, strict)
    opener = sessions.Opener(settings, wanted=wanted, calibrated=False)
    with opener.open(index=receipt["index"] is not None) as session:
        session.calibration = _calibration_then(receipt, session.threshold)
        answer, _ = judged(pipeline.ask(asking.question, session, given), strict)
        return Replay(make_receipt(answer, session, asking))


def _calibration_then(receipt: Document, threshold: float) -> Calibration | None:
    """The calibration of a receipt. Raises UsageError when it is none."""
    from ragqa.answering.confidence import Calibration

    fitted = receipt["settings"].get("calibration")
    if fitted is None:
        return None
    try:
        intercept, slope = map(float, fitted)
    except (TypeError, ValueError, OverflowError) as error:
        raise UsageError("the receipt's calibration is damaged", "name another receipt") from error
    return Calibration(intercept, slope, threshold)


def _settings_then(receipt: Document) -> Settings:
    """The settings of a receipt; those that this version does not know are left out."""
    known = {name: receipt["settings"][name] for name in NAMES if name in receipt["settings"]}
    if receipt["index"] is not None:
        # An index knows its own embedder; whether that is the one of then is told later.
        known |= {"index": receipt["index"]["path"], "embedder": ""}
    empty: dict[str, Any] = {name: "" for name, value in known.items() if value == ""}
    given = {name: value for name, value in known.items() if name not in empty}
    return replace(load_settings(given), **empty)  # a flag may not be empty
