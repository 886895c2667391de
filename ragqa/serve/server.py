"""`ragqa serve`: runs the commands of `ragqa.serve.client` in a process whose models stay loaded.

One command at a time, in the main thread, on the standard streams, in the directory and with the
environment of the client, so that all it does is what the client would have done. A client that
comes meanwhile is sent away and does it itself. Knows nothing of what commands do.
"""

from __future__ import annotations

import gc
import json
import os
import queue
import signal
import socket
import struct
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from ragqa import __version__
from ragqa import runtime as sessions
from ragqa.errors import RagqaError
from ragqa.serve import client
from ragqa.system import terminal

LONGEST_REQUEST = 16_000_000  # bytes: arguments and environment
REQUEST_SECONDS = 5.0
STOPPED = {
    terminal.EXIT_INTERRUPTED: signal.SIGINT,
    terminal.EXIT_TERMINATED: signal.SIGTERM,
}
Run = Callable[[list[str]], int]


class Server:
    """Listens at `path` until it is stopped; what it keeps loaded goes after `idle` seconds.

    Raises RagqaError where it cannot listen, or another server does.
    """

    def __init__(self, path: Path, run: Run, idle: float) -> None:
        self._path, self._run, self._idle = path, run, idle
        self._waiting: queue.Queue[socket.socket] = queue.Queue()
        self._busy = threading.Lock()  # held from when a client is let in until it is done
        self._guard = threading.Lock()  # held while the one below changes or is acted upon
        self._is_running = self._was_told = False

    def serve(self) -> None:
        """Serve until SIGINT or SIGTERM."""
        with self._listening() as listener:
            terminal.say(f"serving at {self._path}; Ctrl-C ends it")
            threading.Thread(target=self._let_in, args=[listener], daemon=True).start()
            with sessions.kept_loaded() as kept:
                while True:
                    try:
                        connection = self._waiting.get(timeout=self._idle)
                    except queue.Empty:
                        kept.clear()
                        gc.collect()
                        continue
                    try:
                        self._handle(connection)
                    finally:
                        self._busy.release()

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

    def _let_in(self, listener: socket.socket) -> None:
        """Let a client in when there is none; send the others away."""
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            if _is_own(connection) and self._busy.acquire(blocking=False):
                self._waiting.put(connection)
            else:
                connection.close()

    def _handle(self, connection: socket.socket) -> None:
        """Run what a client asks for; it does so itself where its request is not understood."""
        with connection:
            try:
                request, streams = _received(connection)
            except (OSError, ValueError, KeyError, struct.error):
                return
            try:
                with _in_place_of(request, streams):
                    connection.sendall(client.ACCEPTED)
                    connection.settimeout(None)
                    code = self._obeying(connection, request["arguments"])
                with suppress(OSError):
                    connection.sendall(client.CODE.pack(code))
            except OSError:
                return  # its directory or streams are gone

    def _obeying(self, connection: socket.socket, arguments: list[str]) -> int:
        """The exit code of a command; signals that the client passes on stop it alone."""
        self._is_running, self._was_told = True, False
        # A script's background jobs ignore Ctrl-C, but what a client passes on must arrive.
        before = signal.signal(signal.SIGINT, signal.default_int_handler)
        threading.Thread(target=self._pass_signals, args=[connection], daemon=True).start()
        try:
            code = self._run(arguments)
            with self._guard:
                self._is_running = False
        except terminal.Stopped as stop:  # just after the command's end
            code = stop.code
        finally:
            signal.signal(signal.SIGINT, before)
        if code in STOPPED and not self._was_told:
            raise terminal.Stopped(STOPPED[code])  # the server itself is meant
        return code

    def _pass_signals(self, connection: socket.socket) -> None:
        """What the client is told to do, this process is told; nothing after the command's end."""
        numbers = {name: number for number, name in client.SIGNALS.items()}
        with suppress(OSError):
            sent = connection.recv(1)
            with self._guard:
                if self._is_running:
                    self._was_told = True
                    os.kill(os.getpid(), numbers.get(sent, signal.SIGTERM))


def _is_own(connection: socket.socket) -> bool:
    """Whether the other end is a process of this user."""
    if not hasattr(socket, "SO_PEERCRED"):
        return True  # the socket's mode lets nobody else in
    wanted = struct.Struct("3i")
    found = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, wanted.size)
    return bool(wanted.unpack(found)[1] == os.getuid())


def _received(connection: socket.socket) -> tuple[dict[str, Any], list[int]]:
    """A client's request and its standard streams. Raises ValueError for another version's."""
    connection.settimeout(REQUEST_SECONDS)
    head, streams, _, _ = socket.recv_fds(connection, client.SIZE.size, len(client.STREAMS))
    try:
        (size,) = client.SIZE.unpack(head)
        data = bytearray()
        while len(data) < min(size, LONGEST_REQUEST) and (part := connection.recv(65536)):
            data += part
        request: dict[str, Any] = json.loads(data)
        if request["version"] != __version__ or len(streams) != len(client.STREAMS):
            raise ValueError("another version")
    except BaseException:
        for number in streams:
            os.close(number)
        raise
    return request, streams


@contextmanager
def _in_place_of(request: dict[str, Any], streams: list[int]) -> Iterator[None]:
    """This process with the streams, the directory, the environment and the umask of a client."""
    before = [os.dup(number) for number in client.STREAMS]
    environment, mask = dict(os.environ), os.umask(request["umask"])
    try:
        _become(request["environment"], streams)
        os.chdir(request["directory"])
        yield
        for stream in (sys.stdout, sys.stderr):
            with suppress(OSError, ValueError):
                stream.flush()
    finally:
        os.chdir("/")
        os.umask(mask)
        _become(environment, before)


def _become(environment: dict[str, str], streams: list[int]) -> None:
    """Take an environment, and descriptors as the standard streams, which are closed."""
    os.environ.clear()
    os.environ.update(environment)
    time.tzset()
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
        os.close(stream)
    sys.stdin = os.fdopen(0, encoding="utf-8", closefd=False)
    sys.stdout = os.fdopen(1, "w", encoding="utf-8", closefd=False)
    sys.stderr = os.fdopen(2, "w", 1, encoding="utf-8", closefd=False)


def serve(run: Run, idle: float) -> None:
    """Serve this user's commands until a signal ends it."""
    Server(client.socket_path(), run, idle).serve()
