"""Hands `ask` and `search` to a running `ragqa serve`, where there is one.

The server gets this process's own standard streams (SCM_RIGHTS, unix(7)), directory and
environment, and does what this process would have done; its models are loaded already. Imports
little, because that is what it is for. Knows nothing of the commands.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import stat
import struct
import sys
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from ragqa import __version__

COMMANDS = ("ask", "search")
STREAMS = (0, 1, 2)
SIZE = struct.Struct("!I")  # of the request that follows
CODE = struct.Struct("!B")  # the exit code, once it is done
ACCEPTED = b"+"
# What a signal to this process is to the server; the end of the connection is a SIGTERM too.
SIGNALS = {signal.SIGINT: b"i", signal.SIGTERM: b"t"}
CONNECT_SECONDS = 2.0
EXIT_SERVER_GONE = 3


def served(arguments: Sequence[str]) -> int | None:
    """The exit code of a command that a server has run; None where none takes it."""
    if not arguments or arguments[0] not in COMMANDS or not hasattr(socket, "send_fds"):
        return None
    try:
        for stream in STREAMS:  # of one that is closed the connection would take the number
            os.fstat(stream)
        connection = _connect(socket_path())
    except OSError:
        return None
    with connection:
        try:
            _send(connection, arguments)
            connection.settimeout(CONNECT_SECONDS)
            if connection.recv(1) != ACCEPTED:
                return None
        except OSError:
            return None
        return _wait(connection)


def socket_path() -> Path:
    """Where the server of this user listens, if it does."""
    import platformdirs

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # there may be none: then it is a folder below /tmp
        return platformdirs.user_runtime_path("ragqa") / "server.socket"


def is_own(path: Path, kind: int = stat.S_IFSOCK) -> bool:
    """Whether something of that kind is there, and is this user's and nobody else's."""
    try:
        found = path.lstat()
    except OSError:
        return False
    return (
        stat.S_IFMT(found.st_mode) == kind
        and found.st_uid == os.getuid()
        and not found.st_mode & 0o077
    )


def _connect(path: Path) -> socket.socket:
    """Raises OSError where nobody listens, or another user does."""
    if not (is_own(path.parent, stat.S_IFDIR) and is_own(path)):
        raise FileNotFoundError(path)
    connection = socket.socket(socket.AF_UNIX)
    try:
        connection.settimeout(CONNECT_SECONDS)
        connection.connect(os.fspath(path))
    except OSError:
        connection.close()
        raise
    return connection


def _send(connection: socket.socket, arguments: Sequence[str]) -> None:
    mask = os.umask(0o077)
    os.umask(mask)
    request: dict[str, Any] = {
        "version": __version__,
        "arguments": list(arguments),
        "directory": str(Path.cwd()),
        "environment": dict(os.environ),
        "umask": mask,
    }
    data = json.dumps(request).encode("ascii")  # what is no UTF-8 is escaped as a surrogate
    socket.send_fds(connection, [SIZE.pack(len(data))], STREAMS)
    connection.sendall(data)


def _wait(connection: socket.socket) -> int:
    """The exit code; signals that come meanwhile are passed on."""
    connection.settimeout(None)
    with _signals_sent_to(connection):
        answer = connection.recv(1)
    if answer:
        return int(CODE.unpack(answer)[0])
    with suppress(OSError, AttributeError):
        print("ragqa: the server has stopped; ask again", file=sys.stderr)
    return EXIT_SERVER_GONE


@contextmanager
def _signals_sent_to(connection: socket.socket) -> Iterator[None]:
    def send(number: int, frame: object) -> None:
        with suppress(OSError):
            connection.send(SIGNALS[signal.Signals(number)])

    before = {number: signal.getsignal(number) for number in SIGNALS}
    for number, handler in before.items():
        if handler != signal.SIG_IGN:
            signal.signal(number, send)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
