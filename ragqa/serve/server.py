"""`ragqa serve`: does the commands of `serve.client` in a process whose models stay loaded.

Each client has a thread and a terminal of its own; models and vectors are shared. Knows nothing of
what commands do.
"""

from __future__ import annotations

import gc
import os
import socket
import struct
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Lock, Thread
from typing import Any

from ragqa import __version__
from ragqa.errors import RagqaError
from ragqa.runtime import Runtime
from ragqa.serve.remote import RemoteTerminal, is_of_this_world
from ragqa.serve.wire import Request, receive
from ragqa.system.signals import Stopped
from ragqa.system.terminal import Terminal
from ragqa.text.shapes import misfit

LONGEST_REQUEST = 16_000_000  # bytes: arguments and environment
REQUEST_SECONDS = 5.0
MOST_CLIENTS = 16  # at once; more would only wait for the processor
PAUSE_SECONDS = 0.1
Run = Callable[[list[str], Terminal], int]


class Server:
    """Listens at `path` until it is stopped; what it keeps loaded goes after `idle` seconds.

    Raises RagqaError where it cannot listen, or another server does.
    """

    def __init__(
        self, path: Path, run: Run, runtime: Runtime, idle: float, say: Callable[[str], None]
    ) -> None:
        self._path, self._run, self._runtime, self._idle = path, run, runtime, idle
        self._say = say
        self._counting = Lock()
        self._clients = 0
        self._last_used = time.monotonic()

    def serve(self) -> None:
        """Serve until an exception ends it: that of SIGINT or SIGTERM."""
        with self._listening() as listener:
            self._say(f"serving at {self._path}; Ctrl-C ends it")
            while True:
                listener.settimeout(max(0.01, self._last_used + self._idle - time.monotonic()))
                try:
                    connection, _ = listener.accept()
                except TimeoutError:
                    self._unload_when_idle()
                    continue
                except OSError:  # such as too many open files: clients do without it meanwhile
                    time.sleep(PAUSE_SECONDS)
                    continue
                Thread(target=self._let_in, args=[connection], daemon=True).start()

    def _unload_when_idle(self) -> None:
        with self._counting:
            if self._clients or time.monotonic() < self._last_used + self._idle:
                self._last_used = time.monotonic() if self._clients else self._last_used
                return
            self._last_used = time.monotonic()
        self._runtime.clear()
        gc.collect()

    @contextmanager
    def _listening(self) -> Iterator[socket.socket]:
        """A socket that only this user can open; one that a dead server left is replaced."""
        with socket.socket(socket.AF_UNIX) as listener:
            try:
                self._bind(listener)
            except OSError as error:
                raise RagqaError(
                    f"cannot listen at {self._path}: {error.strerror or error}",
                    "see who owns the folder; XDG_RUNTIME_DIR names another",
                ) from error
            try:
                yield listener
            finally:
                self._path.unlink(missing_ok=True)

    def _bind(self, listener: socket.socket) -> None:
        self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._path.parent.chmod(0o700)
        with suppress(OSError), socket.socket(socket.AF_UNIX) as other:
            other.connect(os.fspath(self._path))
            raise RagqaError("a server is running already", "ask: it will be used")
        self._path.unlink(missing_ok=True)
        listener.bind(os.fspath(self._path))
        self._path.chmod(0o600)
        listener.listen()

    def _let_in(self, connection: socket.socket) -> None:
        """Do what a client asks for; it does so itself where it is sent away."""
        with connection:
            request = _received(connection) if _is_own(connection) else None
            if request is None:
                return
            with self._counting:
                self._clients += 1
                is_welcome = self._clients <= MOST_CLIENTS
            try:
                if is_welcome:
                    self._do(connection, request)
            finally:
                with self._counting:
                    self._clients -= 1
                    self._last_used = time.monotonic()

    def _do(self, connection: socket.socket, request: dict[str, Any]) -> None:
        terminal = RemoteTerminal(connection, request)
        with suppress(Stopped):  # the client has gone
            terminal.send(accepted=True)
            terminal.send(exit=self._run(request["arguments"], terminal))


def _is_own(connection: socket.socket) -> bool:
    """Whether the other end is a process of this user."""
    if not hasattr(socket, "SO_PEERCRED"):
        return True  # the socket's mode lets nobody else in
    wanted = struct.Struct("3i")
    found = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, wanted.size)
    return bool(wanted.unpack(found)[1] == os.getuid())


def _received(connection: socket.socket) -> dict[str, Any] | None:
    """A client's request; None for one that cannot be served."""
    connection.settimeout(REQUEST_SECONDS)
    try:
        request = receive(connection, LONGEST_REQUEST)
        connection.settimeout(None)
    except OSError:
        return None
    if misfit(request, Request) is not None or request is None:
        return None
    return request if request["version"] == __version__ and is_of_this_world(request) else None
