"""This process's terminal: its streams, standard input, progress."""

from __future__ import annotations

import io
import json
import os
import sys
from pathlib import Path

import pytest

from ragqa.errors import RagqaError, UsageError
from ragqa.system.terminal import LocalTerminal


class Full(io.StringIO):
    """A stream that takes nothing."""

    def write(self, text: str) -> int:
        raise OSError(28, "No space left on device")

    def fileno(self) -> int:
        return os.open(os.devnull, os.O_WRONLY)


def test_results_go_to_stdout_and_the_rest_to_stderr(capsys: pytest.CaptureFixture[str]) -> None:
    terminal = LocalTerminal()
    assert terminal.write("text\n", 4) == 4
    assert terminal.write_json({"a": "é"}) == 0
    assert terminal.write_line("line")
    terminal.say("said\x1b[1m")
    out, err = capsys.readouterr()
    first, document, line = out.splitlines()
    assert (first, line, err) == ("text", "line", "said\n")
    assert json.loads(document) == {"version": 1, "a": "é"}


def test_a_stdout_that_takes_nothing_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = LocalTerminal()
    monkeypatch.setattr(sys, "stdout", Full())
    for write in (terminal.write, terminal.write_line):
        with pytest.raises(RagqaError, match="cannot write to stdout: no space left on device"):
            write("text")


def test_a_path_is_taken_from_where_the_command_was_given(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    terminal = LocalTerminal()
    monkeypatch.chdir("/")
    assert terminal.path("a/b.md") == tmp_path / "a" / "b.md"
    assert terminal.path("/a.md") == Path("/a.md")
    assert terminal.path("~/a.md") == Path.home() / "a.md"


def test_a_folder_that_was_deleted_is_no_reason_to_stop(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "gone").mkdir()
    monkeypatch.chdir(tmp_path / "gone")
    (tmp_path / "gone").rmdir()
    assert LocalTerminal().directory == Path()


def test_what_was_typed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"caf\xe9\r\n")))
    assert LocalTerminal().read_stdin("question") == b"caf\xe9\r\n"
    assert LocalTerminal(b"before").read_stdin("question") == b"before"


def test_no_standard_input(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = LocalTerminal()
    monkeypatch.setattr(sys, "stdin", None)
    with pytest.raises(UsageError, match="no question: standard input is closed"):
        terminal.read_stdin("question")
    here, there = os.openpty()
    with os.fdopen(there) as stream:
        monkeypatch.setattr(sys, "stdin", stream)
        with pytest.raises(UsageError, match="no question given"):
            terminal.read_stdin("question")
    os.close(here)


def test_a_closed_stream_is_no_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = LocalTerminal()
    for stream in (None, io.StringIO()):
        monkeypatch.setattr(sys, "stdout", stream)
        monkeypatch.setattr(sys, "stderr", stream)
        assert not terminal.out_moves
        assert not terminal.err_moves


@pytest.mark.parametrize(("term", "capable"), [("xterm", True), ("dumb", False), ("", True)])
def test_what_counts_as_a_terminal(
    monkeypatch: pytest.MonkeyPatch, term: str, capable: bool
) -> None:
    monkeypatch.setenv("TERM", term)
    terminal = LocalTerminal()
    here, there = os.openpty()
    with os.fdopen(there, "w") as stream:
        for name in ("stdout", "stderr"):
            with monkeypatch.context() as patch:
                patch.setattr(sys, name, stream)
                assert (terminal.out_moves, terminal.err_moves) == (
                    capable and name == "stdout",
                    capable and name == "stderr",
                )
    os.close(here)


def test_progress_in_a_pipe_is_a_line_now_and_then(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 100.0
    monkeypatch.setattr("time.monotonic", lambda: now)
    with LocalTerminal().progress() as observe:
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
    with LocalTerminal().progress() as observe:
        observe("finding documents", 1, 0)
        now = 200.0
        observe("finding documents", 2, 0)
    assert capsys.readouterr().err == ""
