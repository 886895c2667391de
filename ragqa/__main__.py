"""The `ragqa` command, also as `python -m ragqa`: by a running server, else in this process."""

import gc
import os
import signal
import sys
from contextlib import suppress
from types import FrameType

WORDS = {signal.SIGINT: "interrupted", signal.SIGTERM: "terminated"}


def main() -> None:
    """Run the command and exit with its code."""
    for number in WORDS:
        if signal.getsignal(number) != signal.SIG_IGN:  # what the caller ignores stays ignored
            signal.signal(number, _stop)
    from ragqa.serve.client import COMMANDS, served

    arguments = sys.argv[1:]
    left = served(arguments)
    if isinstance(left, int):
        _exit(left)
        return
    from ragqa.runtime import Runtime
    from ragqa.system import descriptors

    descriptors.occupy_closed()
    runtime = Runtime()
    if arguments and arguments[0] in COMMANDS and not {"-h", "--help"} & set(arguments):
        # Imports make many objects and no garbage, for which Python looks every 700 objects.
        gc.set_threshold(100_000)
        runtime.preload_embedder()
    from ragqa.cli.caller import Caller
    from ragqa.cli.main import run
    from ragqa.system.terminal import LocalTerminal

    _exit(run(arguments, Caller(LocalTerminal(left.typed, left.lines, left.said), runtime)))


def _stop(number: int, frame: FrameType | None) -> None:
    """Before there is a command, or while a server does it, there is nothing to unwind."""
    kept = "; embeddings made so far are kept" * ("--docs" in sys.argv)
    for stream in (1, 2):
        if os.isatty(stream):  # a server may have drawn there: the line goes, the cursor comes back
            os.write(stream, b"\r\x1b[2K\x1b[?25h")
            break
    with suppress(OSError):
        os.write(2, f"ragqa: {WORDS[signal.Signals(number)]}{kept}\n".encode())
    os._exit(128 + number)


def _exit(code: int) -> None:
    """Leave at once: everything is written and closed, and freeing the models takes .1 s."""
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError, AttributeError):  # closed, or full and told already
            stream.flush()
    os._exit(code)


if __name__ == "__main__":
    main()
