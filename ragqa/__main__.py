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
    from ragqa.embedding import preload as early
    from ragqa.serve.client import COMMANDS, served
    from ragqa.system import descriptors

    arguments = sys.argv[1:]
    code = served(arguments)
    if code is None:
        descriptors.occupy_closed()
        if arguments and arguments[0] in COMMANDS and not {"-h", "--help"} & set(arguments):
            # Imports make many objects and no garbage, for which Python looks every 700 objects.
            gc.set_threshold(100_000)
            early.begin()
        from ragqa.cli import main as cli
        from ragqa.system import terminal

        code = terminal.run(cli.app, arguments)
    _exit(code)


def _stop(number: int, frame: FrameType | None) -> None:
    """Before there is a command there is nothing to unwind."""
    with suppress(OSError):
        os.write(2, f"ragqa: {WORDS[signal.Signals(number)]}\n".encode())
    os._exit(128 + number)


def _exit(code: int) -> None:
    """Leave at once: everything is written and closed, and freeing the models takes .1 s."""
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError, AttributeError):  # closed, or full and told already
            stream.flush()
    os._exit(code)


if __name__ == "__main__":
    main()
