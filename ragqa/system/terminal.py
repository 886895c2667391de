"""Whose command it is: where it was given, its environment, and its three streams.

stdout holds results and nothing else, stderr all that is said meanwhile; a closed pipe is quiet.
`LocalTerminal` is this process's own. Knows nothing of what is written.
"""

from __future__ import annotations

import os
import sys
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from ragqa.errors import RagqaError, UsageError
from ragqa.system import descriptors
from ragqa.text.clean import clean, to_json

if TYPE_CHECKING:
    from rich.console import Console

Observer = Callable[[str, int, int], None]
PLAIN_PROGRESS_SECONDS = 5.0
EXAMPLE = 'try: ragqa ask "What is self-attention?"'


class Terminal(ABC):
    """The streams, the working directory and the environment of whoever gave a command.

    `lines_done` lines of a batch were written before, by a process that has gone.
    """

    def __init__(self, directory: Path, environment: Mapping[str, str]) -> None:
        self.directory = directory
        self.environment = environment
        self.lines_done = 0
        self.began = time.perf_counter()

    @property
    @abstractmethod
    def out_moves(self) -> bool:
        """Whether stdout is a terminal that can move its cursor."""

    @property
    @abstractmethod
    def err_moves(self) -> bool:
        """The same of stderr."""

    @abstractmethod
    def write(self, text: str, code: int = 0) -> int:
        """Write a result to stdout; returns `code`, also when nobody reads on.

        Raises RagqaError where it cannot be written.
        """

    @abstractmethod
    def write_line(self, text: str) -> bool:
        """Write a line of many to stdout; False once nobody reads on."""

    @abstractmethod
    def say(self, text: str) -> None:
        """One line on stderr; a closed stderr is no reason to stop."""

    @abstractmethod
    def check(self) -> None:
        """Raises Stopped where nobody waits for the command any more."""

    @abstractmethod
    def read_stdin(self, what: str) -> bytes:
        """All of standard input. Raises UsageError when there is none."""

    @abstractmethod
    def console(self, stderr: bool = False) -> Console:
        """A rich console that reads no markup; NO_COLOR is honoured by rich itself."""

    def write_json(self, values: Mapping[str, Any], code: int = 0) -> int:
        """Write one JSON document to stdout."""
        return self.write(to_json(values) + "\n", code)

    def path(self, name: str) -> Path:
        """A path as it was typed, from the root."""
        try:
            return self.directory / Path(name).expanduser()
        except RuntimeError:  # "~somebody", of whom nobody knows
            return self.directory / name

    @contextmanager
    def progress(self) -> Iterator[Observer]:
        """Shows how far a run is, on stderr: a bar on a terminal, now and then a line elsewhere."""
        if self.err_moves:
            with _bar(self.console(stderr=True)) as observe:
                yield observe
        else:
            yield Lines(self.say)


class LocalTerminal(Terminal):
    """This process's own streams, directory and environment.

    `typed` is what was read of standard input before, if it was, `said` how many things were said:
    they are not said again.
    """

    def __init__(self, typed: bytes | None = None, lines_done: int = 0, said: int = 0) -> None:
        super().__init__(_working_directory(), os.environ)
        self._typed = typed
        self.lines_done = lines_done
        self._said_before = said
        _replace_closed_streams()
        _use_utf8()

    @property
    def out_moves(self) -> bool:
        """Whether stdout is a terminal that can move its cursor."""
        return _moves(sys.stdout)

    @property
    def err_moves(self) -> bool:
        """The same of stderr."""
        return _moves(sys.stderr)

    def write(self, text: str, code: int = 0) -> int:
        """Write a result to stdout."""
        try:
            sys.stdout.write(text)
            sys.stdout.flush()
        except BrokenPipeError:
            return closed_pipe(code)
        except AttributeError:  # stdout was closed before the program started
            return code
        except OSError as error:
            closed_pipe(code)
            raise cannot_write(error) from error
        return code

    def write_line(self, text: str) -> bool:
        """Write a line of many to stdout."""
        try:
            print(text, flush=True)
        except BrokenPipeError:
            closed_pipe(0)
            return False
        except AttributeError:  # stdout was closed before the program started
            return False
        except OSError as error:
            raise cannot_write(error) from error
        return True

    def say(self, text: str) -> None:
        """One line on stderr."""
        if self._said_before:
            self._said_before -= 1
            return
        try:
            with descriptors.stderr_in_use:
                print(clean(text), file=sys.stderr, flush=True)
        except (OSError, ValueError, AttributeError):
            return

    def check(self) -> None:
        """Signals stop a command of this process."""

    def read_stdin(self, what: str) -> bytes:
        """All of standard input."""
        if self._typed is not None:
            return self._typed
        if sys.stdin is None or sys.stdin.closed:
            raise no_stdin(what, "closed")
        if sys.stdin.isatty():
            raise no_stdin(what, "terminal")
        try:
            return sys.stdin.buffer.read()
        except OSError as error:
            raise UsageError(f"no {what}: cannot read standard input", str(error)) from error

    def console(self, stderr: bool = False) -> Console:
        """A rich console on one of the streams."""
        return make_console(stderr=stderr)


def make_console(**options: Any) -> Console:
    """A rich console that takes no text for markup."""
    from rich.console import Console

    return Console(markup=False, highlight=False, emoji=False, soft_wrap=False, **options)


def cannot_write(error: OSError) -> RagqaError:
    """The error for a stdout that takes nothing more."""
    reason = (error.strerror or str(error)).lower()
    return RagqaError(f"cannot write to stdout: {reason}", "write to another place")


def no_stdin(what: str, state: str) -> UsageError:
    """The error for a standard input that is `closed`, or a `terminal` at which nobody types."""
    if state == "closed":
        return UsageError(f"no {what}: standard input is closed", "give it as an argument")
    return UsageError(f"no {what} given", EXAMPLE)


def closed_pipe(code: int) -> int:
    """Nobody reads on (`| head -1`): be quiet, now and when Python flushes at its end."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    return code


def _moves(stream: TextIO | None) -> bool:
    return bool(stream and stream.isatty()) and os.environ.get("TERM") != "dumb"


def _working_directory() -> Path:
    try:
        return Path.cwd()
    except OSError:  # it was deleted
        return Path()


class Lines:
    """A line, by `say`, for each stage that takes its time."""

    def __init__(self, say: Callable[[str], None]) -> None:
        self._say = say
        self._last = time.monotonic()
        self._started: dict[str, float] = {}

    def __call__(self, stage: str, done: int, total: int) -> None:
        """Say how far a stage is, now and then."""
        now = time.monotonic()
        started = self._started.setdefault(stage, now)
        if now - self._last >= PLAIN_PROGRESS_SECONDS and total:
            self._last = now
            rate = done / (now - started) if now > started else 0.0
            left = f", {(total - done) / rate:.0f} s left" if rate else ""
            self._say(f"{stage}: {done} of {total}{left}")


@contextmanager
def _bar(console: Console) -> Iterator[Observer]:
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TaskID,
        TextColumn,
        TimeRemainingColumn,
    )

    rate = TextColumn("{task.fields[rate]}")
    columns = (
        TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), rate,
        TimeRemainingColumn(),
    )  # fmt: skip
    tasks: dict[str, TaskID] = {}
    # Not those of the process: in a server others use them.
    with Progress(
        *columns, console=console, transient=True, redirect_stdout=False, redirect_stderr=False
    ) as bar:

        def observe(stage: str, done: int, total: int) -> None:
            if stage not in tasks:
                tasks[stage] = bar.add_task(stage, total=None, rate="")
            task = bar.tasks[tasks[stage]]
            speed = f"{task.speed:.0f}/s" if task.speed else ""
            bar.update(tasks[stage], completed=done, total=total or None, rate=speed)

        yield observe


def _use_utf8() -> None:
    """Text is UTF-8 whatever the locale says; what cannot be encoded is replaced."""
    for stream in (sys.stdout, sys.stderr):
        if stream is not None and hasattr(stream, "reconfigure"):
            stream.reconfigure(encoding="utf-8", errors="replace")


def _replace_closed_streams() -> None:
    """A stream that the caller has closed leads nowhere."""
    descriptors.occupy_closed()
    if sys.stderr is None:
        sys.stderr = os.fdopen(2, "w", closefd=False)
