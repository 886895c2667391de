"""The command `verify`: does a receipt still hold?"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ragqa.cli.caller import Caller
from ragqa.cli.options import JsonOption
from ragqa.errors import UsageError
from ragqa.settings import NAMES, Settings, load_settings

if TYPE_CHECKING:
    from ragqa.answering.confidence import Calibration
    from ragqa.receipts import Document, Replay

EXIT_NOT_VERIFIED = 1


def verify(
    caller: Caller,
    file: Annotated[str, typer.Argument(metavar="FILE", help="What `ask --receipt` wrote.")],
    no_replay: Annotated[
        bool, typer.Option("--no-replay", help="Only look for the quotes; do not ask again.")
    ] = False,
    as_json: JsonOption = False,
) -> int:
    """Check a receipt: do its quotes stand in the files, is the answer still the same?

    Exit codes: 0 quotes and answer hold, 1 one does not, 2 usage, 3 cannot work.
    """
    from ragqa import receipts, render

    receipt = receipts.read_receipt(file, caller.terminal.directory)
    checks = receipts.check_quotes(receipt)
    replay = None if no_replay else _replay(receipt, caller)
    code = 0 if receipts.is_verified(receipt, checks, replay) else EXIT_NOT_VERIFIED
    if as_json:
        return caller.terminal.write_json(receipts.verdict_json(receipt, checks, replay), code)
    rows = receipts.verdict_rows(receipt, checks, replay)
    return caller.terminal.write(render.table_plain(rows), code)


def _replay(receipt: Document, caller: Caller) -> Replay:
    """Ask a receipt's question again, as it was asked then."""
    from ragqa import pipeline
    from ragqa.circumstances import filter_of
    from ragqa.cli.arguments import context_from
    from ragqa.cli.output import judged
    from ragqa.receipts import STDIN, Replay, receipt_of

    for item in receipt["context"]:
        if item["path"] == STDIN:
            return Replay(None, "its context came from standard input and was not kept")
        if not Path(item["path"]).is_file():
            return Replay(None, f"its context {item['path']} is gone")
    given = [context_from(item["path"], caller.terminal) for item in receipt["context"]]
    only, strict = filter_of(receipt["filter"]), receipt["settings"].get("strict") is True
    collection = caller.collection(_settings_then(receipt))
    has_index = receipt["index"] is not None
    with collection.session(has_index, only=only, calibrated=False) as session:
        session.calibration = _calibration_then(receipt, session.threshold)
        answer, _ = judged(pipeline.ask(receipt["question"], session, given), strict)
        return Replay(receipt_of(answer, session, given, strict))


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
