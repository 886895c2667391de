"""The error boundary, stdin, progress: with programs of a few lines."""

from __future__ import annotations

import importlib
import io
import json
import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import typer

from ragqa.errors import (
    DocumentError,
    IndexBusyError,
    IndexDamagedError,
    ModelError,
    NoIndexError,
    RagqaError,
    UsageError,
)
from ragqa.system import terminal


def program(action: Callable[[], object]) -> typer.Typer:
    """A program with one command, which does this."""
    app = typer.Typer(rich_markup_mode=None, pretty_exceptions_enable=False)

    @app.callback(invoke_without_command=True)
    def only(json: bool = False, debug: bool = False) -> object:
        return action()

    return app


def raising(error: BaseException) -> typer.Typer:
    def action() -> None:
        raise error

    return program(action)


@pytest.mark.parametrize(
    ("kind", "code", "name"),
    [
        (UsageError, 2, "usage"),
        (NoIndexError, 3, "no_index"),
        (IndexDamagedError, 3, "index_damaged"),
        (IndexBusyError, 3, "index_busy"),
        (ModelError, 3, "model"),
        (DocumentError, 3, "document"),
        (RagqaError, 3, "error"),
    ],
)
def test_an_expected_error(
    capsys: pytest.CaptureFixture[str], kind: type[RagqaError], code: int, name: str
) -> None:
    app = raising(kind("what\x1b[1m", "do this"))
    assert terminal.run(app, []) == code
    assert capsys.readouterr() == ("", "ragqa: what; do this\n")
    assert terminal.run(app, ["--json"]) == code
    out, err = capsys.readouterr()
    assert err == "ragqa: what; do this\n"
    error = {"code": name, "message": "what\x1b[1m", "hint": "do this", "exit_code": code}
    assert json.loads(out) == {"version": 1, "error": error}


@pytest.mark.parametrize("error", [ValueError("x"), KeyError(), RecursionError(), MemoryError()])
def test_anything_else_is_a_bug(capsys: pytest.CaptureFixture[str], error: Exception) -> None:
    assert terminal.run(raising(error), []) == 70
    out, err = capsys.readouterr()
    assert (out, err.count("\n")) == ("", 1)
    assert terminal.run(raising(error), ["--debug"]) == 70
    assert "Traceback (most recent call last):" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("number", "code", "word"),
    [(signal.SIGINT, 130, "interrupted"), (signal.SIGTERM, 143, "terminated")],
)
def test_a_signal_unwinds(
    capsys: pytest.CaptureFixture[str], number: int, code: int, word: str
) -> None:
    unwound = []

    def action() -> None:
        try:
            os.kill(os.getpid(), number)
        finally:
            unwound.append(True)

    before = signal.getsignal(number)
    assert terminal.run(program(action), []) == code
    assert capsys.readouterr() == ("", f"ragqa: {word}\n")
    assert unwound == [True]
    assert signal.getsignal(number) is before


def test_a_signal_waits_for_the_end_of_an_import(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "slow_module.py").write_text(
        "import os, signal, time\n"
        "os.kill(os.getpid(), signal.SIGINT)\n"
        "time.sleep(0.1)\n"
        "whole = True\n"
    )

    def action(then: float) -> None:
        sys.modules.pop("slow_module", None)
        importlib.import_module("slow_module")
        until = time.monotonic() + then
        while time.monotonic() < until:
            time.sleep(0.01)

    before = signal.getsignal(signal.SIGINT)
    for then in (10.0, 0.0):  # also where the import is all that there was
        assert terminal.run(program(lambda then=then: action(then)), []) == 130
        assert capsys.readouterr() == ("", "ragqa: interrupted\n")
        assert sys.modules["slow_module"].whole
        assert signal.getsignal(signal.SIGINT) is before
    time.sleep(0.1)  # nothing comes later


def test_the_code_of_a_command_is_the_exit_code() -> None:
    assert terminal.run(program(lambda: 4), []) == 4
    assert terminal.run(program(lambda: None), []) == 0


def test_a_closed_stream_is_no_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    assert not terminal.is_terminal(None)
    assert not terminal.is_terminal(io.StringIO())


@pytest.mark.parametrize(("term", "capable"), [("xterm", True), ("dumb", False), ("", True)])
def test_what_counts_as_a_terminal(
    monkeypatch: pytest.MonkeyPatch, term: str, capable: bool
) -> None:
    monkeypatch.setenv("TERM", term)
    here, there = os.openpty()
    with os.fdopen(there, "w") as stream:
        assert terminal.is_terminal(stream) is capable
    os.close(here)


def test_progress_in_a_pipe_is_a_line_now_and_then(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 100.0
    monkeypatch.setattr("time.monotonic", lambda: now)
    with terminal.progress() as observe:
        observe("embedding", 0, 60)
        now = 104.0
        observe("embedding", 10, 60)
        assert capsys.readouterr().err == ""
        now = 110.0
        observe("embedding", 20, 60)
        now = 111.0
        observe("embedding", 30, 60)
    assert capsys.readouterr() == ("", "embedding: 20 of 60, 20 s left\n")


def test_progress_without_a_known_end_is_quiet(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 100.0
    monkeypatch.setattr("time.monotonic", lambda: now)
    with terminal.progress() as observe:
        observe("finding documents", 1, 0)
        now = 200.0
        observe("finding documents", 2, 0)
    assert capsys.readouterr().err == ""
