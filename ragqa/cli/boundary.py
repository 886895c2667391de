"""Arguments -> exit code: every error of a command becomes one line and a code.

Knows errors and exit codes, not what commands do.
"""

from __future__ import annotations

import errno
import sys
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from threading import current_thread, main_thread
from typing import Any

import typer

from ragqa.cli.caller import Caller
from ragqa.errors import RagqaError, UsageError
from ragqa.system.signals import EXIT_INTERRUPTED, Stopped, signals_raise
from ragqa.system.terminal import Terminal, cannot_write, closed_pipe
from ragqa.text.clean import error_json, error_line

EXIT_BUG = 70
# typer.BadParameter is a UsageError is a ClickException; typer exports the first only.
CommandLineError: type[Exception] = typer.BadParameter.__mro__[2]


def run(app: Callable[..., Any], arguments: Sequence[str], caller: Caller) -> int:
    """Call the program with its arguments and return its exit code. Catches every error."""
    terminal = caller.terminal
    options = list(arguments)[: list(arguments).index("--")] if "--" in arguments else arguments
    as_json, debug = "--json" in options, "--debug" in options
    try:
        with _stopping():
            code = app(args=list(arguments), standalone_mode=False, prog_name="ragqa", obj=caller)
            _flush()
        return code if isinstance(code, int) else 0
    except RagqaError as error:
        return _report(error, terminal, as_json, debug)
    except CommandLineError as error:
        if type(error).__name__ == "NoArgsIsHelpError":  # no command: its message is the help
            terminal.say(str(error))
            return UsageError.exit_code
        return _report(_usage_error(error), terminal, as_json)
    except SystemExit as error:  # how typer ends when nobody reads the help that it writes
        if isinstance(error.__context__, BrokenPipeError):
            return closed_pipe(0)
        raise
    except Stopped as stop:
        word = "interrupted" if stop.code == EXIT_INTERRUPTED else "terminated"
        indexing = {"index", "--docs"} & set(options)
        terminal.say(f"ragqa: {word}" + ("; embeddings made so far are kept" if indexing else ""))
        return stop.code
    except Exception as error:
        if isinstance(error, OSError) and error.errno == errno.ENOSPC and not error.filename:
            closed_pipe(0)  # of the help, which typer writes
            return _report(cannot_write(error), terminal, debug=debug)
        return _report(_bug(error), terminal, as_json, debug)


@contextmanager
def _stopping() -> Iterator[None]:
    """Signals stop the command of the main thread; Python gives them to no other."""
    if current_thread() is main_thread():
        with signals_raise():
            yield
    else:
        yield


def _flush() -> None:
    if sys.stdout is not None:
        sys.stdout.flush()


def _report(
    error: RagqaError, terminal: Terminal, as_json: bool = False, debug: bool = False
) -> int:
    """One line on stderr; with --json also the error's document on stdout."""
    if debug:
        terminal.say("".join(traceback.format_exception(error)).rstrip())
    terminal.say(error_line(error))
    if as_json:
        with suppress(RagqaError):  # stdout itself may be what failed
            terminal.write_json(error_json(error))
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
