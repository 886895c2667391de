"""The program's edges: standard streams, progress, and the one error boundary.

Knows no command. stdout is for results; everything else goes to stderr.
"""

from __future__ import annotations

import errno
import os
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from types import FrameType
from typing import TYPE_CHECKING, Any

import typer

from ragqa.errors import RagqaError, UsageError
from ragqa.system import descriptors
from ragqa.text.clean import clean, error_json, error_line, to_json

if TYPE_CHECKING:
    from rich.console import Console

EXIT_BUG, EXIT_INTERRUPTED, EXIT_TERMINATED = 70, 130, 143
PLAIN_PROGRESS_SECONDS = 5.0
RETRY_SECONDS = 0.02
# typer.BadParameter is a UsageError is a ClickException; typer exports the first only.
CommandLineError: type[Exception] = typer.BadParameter.__mro__[2]


began = time.perf_counter()  # when the command did


class Stopped(BaseException):
    """SIGINT or SIGTERM: unwound, so that locks are released and transactions taken back.

    Not KeyboardInterrupt, which typer answers by itself, without a word.
    """

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.code = EXIT_INTERRUPTED if number == signal.SIGINT else EXIT_TERMINATED


def run(app: Callable[..., Any], arguments: Sequence[str]) -> int:
    """Call the program with its arguments and return its exit code. Catches every error."""
    global began
    began = time.perf_counter()
    options = list(arguments)[: list(arguments).index("--")] if "--" in arguments else arguments
    as_json, debug = "--json" in options, "--debug" in options
    _replace_closed_streams()
    _use_utf8()
    try:
        with _signals_raise():
            code = app(args=list(arguments), standalone_mode=False, prog_name="ragqa")
            _flush()
        return code if isinstance(code, int) else 0
    except RagqaError as error:
        return _report(error, as_json, debug)
    except CommandLineError as error:
        if type(error).__name__ == "NoArgsIsHelpError":  # no command: its message is the help
            say(str(error))
            return UsageError.exit_code
        return _report(_usage_error(error), as_json)
    except SystemExit as error:  # how typer ends when nobody reads the help that it writes
        if isinstance(error.__context__, BrokenPipeError):
            return closed_pipe(0)
        raise
    except Stopped as stop:
        word = "interrupted" if stop.code == EXIT_INTERRUPTED else "terminated"
        indexing = {"index", "--docs"} & set(options)
        say(f"ragqa: {word}" + ("; embeddings made so far are kept" if indexing else ""))
        return stop.code
    except Exception as error:
        if isinstance(error, OSError) and error.errno == errno.ENOSPC and not error.filename:
            closed_pipe(0)  # of the help, which typer writes
            return _report(_cannot_write("stdout", error), debug=debug)
        return _report(_bug(error), as_json, debug)


def write(text: str, code: int = 0) -> int:
    """Write a result to stdout; returns `code`, also when nobody reads on."""
    try:
        sys.stdout.write(text)
        sys.stdout.flush()
    except BrokenPipeError:
        return closed_pipe(code)
    except AttributeError:  # stdout was closed before the program started
        return code
    except OSError as error:
        closed_pipe(code)
        raise _cannot_write("stdout", error) from error
    return code


def write_line(text: str) -> bool:
    """Write a line of many to stdout; False once nobody reads on."""
    try:
        print(text, flush=True)
    except BrokenPipeError:
        closed_pipe(0)
        return False
    except AttributeError:  # stdout was closed before the program started
        return False
    except OSError as error:
        raise _cannot_write("stdout", error) from error
    return True


def _cannot_write(place: str, error: OSError) -> RagqaError:
    reason = (error.strerror or str(error)).lower()
    return RagqaError(f"cannot write to {place}: {reason}", "write to another place")


def closed_pipe(code: int) -> int:
    """The reader has gone (`| head -1`): be quiet, now and when Python flushes at its end."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    return code


def say(text: str) -> None:
    """One line on stderr; a closed stderr is no reason to stop."""
    try:
        with descriptors.stderr_in_use:
            print(clean(text), file=sys.stderr, flush=True)
    except (OSError, ValueError, AttributeError):
        return


def is_terminal(stream: Any) -> bool:
    """True for a terminal that can move its cursor."""
    return bool(stream and stream.isatty()) and os.environ.get("TERM") != "dumb"


def console(stderr: bool = False) -> Console:
    """A rich console that reads no markup; NO_COLOR is honoured by rich itself."""
    from rich.console import Console

    return Console(stderr=stderr, markup=False, highlight=False, emoji=False, soft_wrap=False)


def read_stdin(what: str) -> bytes:
    """All of standard input. Raises UsageError when there is none."""
    if sys.stdin is None or sys.stdin.closed:
        raise UsageError(f"no {what}: standard input is closed", "give it as an argument")
    if sys.stdin.isatty():
        raise UsageError(f"no {what} given", 'try: ragqa ask "What is self-attention?"')
    try:
        return sys.stdin.buffer.read()
    except OSError as error:
        raise UsageError(f"no {what}: cannot read standard input", str(error)) from error


@contextmanager
def progress() -> Iterator[Callable[[str, int, int], None]]:
    """Shows the stages of `index` on stderr: a bar on a terminal, now and then a line elsewhere."""
    if is_terminal(sys.stderr):
        with _bar() as observe:
            yield observe
    else:
        yield _Lines()


class _Lines:
    """A line for each stage that takes its time."""

    def __init__(self) -> None:
        self._last = time.monotonic()
        self._started: dict[str, float] = {}

    def __call__(self, stage: str, done: int, total: int) -> None:
        now = time.monotonic()
        started = self._started.setdefault(stage, now)
        if now - self._last >= PLAIN_PROGRESS_SECONDS and total:
            self._last = now
            rate = done / (now - started) if now > started else 0.0
            left = f", {(total - done) / rate:.0f} s left" if rate else ""
            say(f"{stage}: {done} of {total}{left}")


@contextmanager
def _bar() -> Iterator[Callable[[str, int, int], None]]:
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
    with Progress(*columns, console=console(stderr=True), transient=True) as bar:

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


@contextmanager
def _signals_raise() -> Iterator[None]:
    """Ctrl-C and SIGTERM raise Stopped; a signal that the caller has ignored stays ignored.

    Not within an import, where an exception may be lost, or leave other threads waiting for ever:
    such a signal is sent again a little later, or raises where the command ends before that.
    """
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    waiting: dict[int, threading.Timer] = {}

    def stop(number: int, frame: FrameType | None) -> None:
        waiting.pop(number, None)
        if not _is_importing(frame):
            raise Stopped(number)
        waiting[number] = threading.Timer(RETRY_SECONDS, os.kill, (os.getpid(), number))
        waiting[number].daemon = True
        waiting[number].start()

    try:
        for number, handler in before.items():
            if handler != signal.SIG_IGN:
                signal.signal(number, stop)
        yield
        if waiting:
            raise Stopped(next(iter(waiting)))
    finally:
        try:
            for again in tuple(waiting.values()):
                again.cancel()
                again.join()  # what it has sent comes while `stop` is still there
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)


def _is_importing(frame: FrameType | None) -> bool:
    while frame and not frame.f_code.co_filename.startswith("<frozen importlib"):
        frame = frame.f_back
    return frame is not None


def _flush() -> None:
    if sys.stdout is not None:
        sys.stdout.flush()


def _report(error: RagqaError, as_json: bool = False, debug: bool = False) -> int:
    """One line on stderr; with --json also the error's document on stdout."""
    if debug:
        say("".join(traceback.format_exception(error)).rstrip())
    say(error_line(error))
    if as_json:
        with suppress(RagqaError):  # stdout itself may be what failed
            write(to_json(error_json(error)) + "\n")
    return error.exit_code


def _usage_error(error: Exception) -> UsageError:
    context = getattr(error, "ctx", None)
    command = context.command_path if context else "ragqa"
    message = error.format_message() if hasattr(error, "format_message") else str(error)
    quotes = "put the question in quotes, or " if "extra argument" in message else ""
    return UsageError(message.rstrip("."), f"{quotes}see: {command} --help")


def _bug(error: Exception) -> RagqaError:
    bug = RagqaError(
        f"internal error: {type(error).__name__}: {error}", "run ragqa --debug COMMAND, report it"
    )
    bug.code, bug.exit_code, bug.__cause__ = "bug", EXIT_BUG, error
    return bug
