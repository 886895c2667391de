"""The error boundary: exit codes, one line for each error, signals; programs of a few lines."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Callable
from threading import Thread

import pytest
import typer

from ragqa.cli import boundary
from ragqa.cli.caller import Caller
from ragqa.errors import (
    DocumentError,
    IndexBusyError,
    IndexDamagedError,
    ModelError,
    NoIndexError,
    RagqaError,
    UsageError,
)
from ragqa.system.terminal import LocalTerminal


def run(app: typer.Typer, *arguments: str) -> int:
    """What a program's exit code is, in this process's terminal."""
    return boundary.run(app, arguments, Caller(LocalTerminal()))


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
    assert run(app) == code
    assert capsys.readouterr() == ("", "ragqa: what; do this\n")
    assert run(app, "--json") == code
    out, err = capsys.readouterr()
    assert err == "ragqa: what; do this\n"
    error = {"code": name, "message": "what\x1b[1m", "hint": "do this", "exit_code": code}
    assert json.loads(out) == {"version": 1, "error": error}


@pytest.mark.parametrize("error", [ValueError("x"), KeyError(), RecursionError(), MemoryError()])
def test_anything_else_is_a_bug(capsys: pytest.CaptureFixture[str], error: Exception) -> None:
    assert run(raising(error)) == 70
    out, err = capsys.readouterr()
    assert (out, err.count("\n")) == ("", 1)
    assert run(raising(error), "--debug") == 70
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
    assert run(program(action)) == code
    assert capsys.readouterr() == ("", f"ragqa: {word}\n")
    assert unwound == [True]
    assert signal.getsignal(number) is before


def test_the_code_of_a_command_is_the_exit_code() -> None:
    assert run(program(lambda: 4)) == 4
    assert run(program(lambda: None)) == 0


def test_another_thread_than_the_main_one_leaves_signals_alone(
    capsys: pytest.CaptureFixture[str],
) -> None:
    before = signal.getsignal(signal.SIGINT)
    found: list[object] = []

    def action() -> int:
        found.append(signal.getsignal(signal.SIGINT))
        return 4

    thread = Thread(target=lambda: found.append(run(program(action))))
    thread.start()
    thread.join()
    assert found == [before, 4]
    assert capsys.readouterr() == ("", "")
