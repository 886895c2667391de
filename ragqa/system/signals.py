"""Ctrl-C and SIGTERM -> an exception that unwinds, wherever the program is. Knows no commands."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

EXIT_INTERRUPTED, EXIT_TERMINATED = 130, 143
RETRY_SECONDS = 0.02


class Stopped(BaseException):
    """SIGINT or SIGTERM: unwound, so that locks are released and transactions taken back.

    Not KeyboardInterrupt, which typer answers by itself, without a word.
    """

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.code = EXIT_INTERRUPTED if number == signal.SIGINT else EXIT_TERMINATED


@contextmanager
def signals_raise() -> Iterator[None]:
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
