"""The terminal of a client: what is written goes to it over the connection.

Knows nothing of commands, or of how a server lets clients in.
"""

from __future__ import annotations

import io
import os
import queue
import signal
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Lock, Thread
from typing import TYPE_CHECKING, Any

from ragqa.serve.wire import PLACES, receive, send
from ragqa.system.signals import Stopped
from ragqa.system.terminal import Observer, Terminal, make_console, no_stdin
from ragqa.text.clean import clean

if TYPE_CHECKING:
    from rich.console import Console


class RemoteTerminal(Terminal):
    """The streams, directory and environment of the client behind a connection.

    A command is unwound, by Stopped, at the first thing that it says once the client has gone.
    """

    def __init__(self, connection: socket.socket, request: dict[str, Any]) -> None:
        super().__init__(Path(request["directory"]), request["environment"])
        self._connection, self._request = connection, request
        self._sending = Lock()
        self._typed: queue.Queue[bytes | None] = queue.Queue()
        self._is_gone = self._is_closed = False
        Thread(target=self._listen, daemon=True).start()

    @property
    def out_moves(self) -> bool:
        """Whether the client's stdout is a terminal that can move its cursor."""
        return bool(self._request["out_moves"])

    @property
    def err_moves(self) -> bool:
        """The same of its stderr."""
        return bool(self._request["err_moves"])

    def write(self, text: str, code: int = 0) -> int:
        """Write a result to the client's stdout."""
        self.send(out=text)
        return code

    def write_line(self, text: str) -> bool:
        """Write a line of many."""
        if not self._is_closed:
            self.send(line=text)
        return not self._is_closed

    def say(self, text: str) -> None:
        """One line on the client's stderr."""
        self.send(err=clean(text) + "\n")

    def read_stdin(self, what: str) -> bytes:
        """All of the client's standard input."""
        if self._request["typed_at_terminal"]:
            raise no_stdin(what, "terminal")
        self.send(stdin=True)
        typed = self._typed.get()
        if typed is None:
            raise Stopped(signal.SIGTERM)
        return typed

    def console(self, stderr: bool = False) -> Console:
        """A rich console on one of the client's streams."""
        return make_console(
            file=_Stream(self, "err" if stderr else "out"),
            force_terminal=self.err_moves if stderr else self.out_moves,
            width=self._size("COLUMNS", "columns"),
            height=self._size("LINES", "rows"),
            _environ=self.environment,
        )

    def _size(self, variable: str, known: str) -> int:
        """Columns or rows, as the environment has them or else the client's terminal."""
        value = self.environment.get(variable, "")
        return int(value) if value.isdigit() else int(self._request[known])

    @contextmanager
    def progress(self) -> Iterator[Observer]:
        """Shows how far a run is; one whose client has gone ends."""
        with super().progress() as observe:

            def watched(stage: str, done: int, total: int) -> None:
                self.check()
                observe(stage, done, total)

            yield watched

    def send(self, **message: Any) -> None:
        """Send a message to the client. Raises Stopped once it has gone."""
        self.check()
        try:
            with self._sending:
                send(self._connection, **message)
        except OSError as error:
            raise Stopped(signal.SIGTERM) from error

    def check(self) -> None:
        """Raises Stopped once the client has gone."""
        if self._is_gone:
            raise Stopped(signal.SIGTERM)

    def _listen(self) -> None:
        """Take what the client sends, until it goes."""
        try:
            while message := receive(self._connection):
                if "stdin" in message:
                    self._typed.put(str(message["stdin"]).encode("latin-1", "replace"))
                self._is_closed = self._is_closed or bool(message.get("closed"))
        finally:
            self._is_gone = True
            self._typed.put(None)


class _Stream(io.TextIOBase):
    """A stream of a remote terminal, for libraries that write to files."""

    def __init__(self, terminal: RemoteTerminal, name: str) -> None:
        self._terminal, self._name = terminal, name

    def write(self, text: str) -> int:
        """Send it. Where nobody is there any more, the command itself will notice."""
        with suppress(Stopped):
            self._terminal.send(**{self._name: text})
        return len(text)


def is_of_this_world(request: dict[str, Any]) -> bool:
    """Whether files lie where they lie for this process, and are made as it makes them."""
    mask = os.umask(0o077)
    os.umask(mask)
    theirs = request["environment"]
    return request["umask"] == mask and all(
        theirs.get(name) == os.environ.get(name) for name in PLACES
    )
