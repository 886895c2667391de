"""Hands `ask` and `search` to a running `ragqa serve`, where there is one.

The server, whose models are loaded already, does the command; this process alone writes to its
stdout and stderr and reads its stdin. Where the server goes before the end, what is left is for
this process to do. Imports little, because that is what it is for. Knows nothing of the commands.
"""

from __future__ import annotations

import os
import socket
import stat
import sys
import warnings
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from ragqa import __version__
from ragqa.serve.wire import receive, send

COMMANDS = ("ask", "search")
STDIN, STDOUT, STDERR = STREAMS = (0, 1, 2)
CONNECT_SECONDS = 2.0
EXIT_SERVER_GONE = 3
COLUMNS, ROWS = 80, 25  # where no stream is a terminal


class Unserved:
    """A command that this process must do itself.

    `typed` is what was read of stdin for it, `lines` how many lines of a batch were written, `said`
    how many things were said on stderr.
    """

    def __init__(self) -> None:
        self.typed: bytes | None = None
        self.lines = self.said = 0


def served(arguments: Sequence[str]) -> int | Unserved:
    """The exit code of a command that a server has done, or what is left of it to do."""
    is_ours = bool(arguments) and arguments[0] in COMMANDS and not {"-h", "--help"} & {*arguments}
    if not is_ours or not hasattr(socket, "AF_UNIX"):
        return Unserved()
    try:
        for stream in STREAMS:  # of one that is closed the connection would take the number
            os.fstat(stream)
        connection = _connect(socket_path())
    except OSError:
        return Unserved()
    with connection:
        try:
            connection.settimeout(CONNECT_SECONDS)
            _ask(connection, arguments)
            if receive(connection) != {"accepted": True}:
                return Unserved()
        except OSError:
            return Unserved()
        connection.settimeout(None)
        return _Output(connection).write_all()


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


def _ask(connection: socket.socket, arguments: Sequence[str]) -> None:
    """Send the command, and what it needs to know of this process."""
    mask = os.umask(0o077)
    os.umask(mask)
    columns, rows = _size()
    smart = os.environ.get("TERM") != "dumb"
    send(
        connection,
        version=__version__,
        arguments=list(arguments),
        directory=str(Path.cwd()),
        environment=dict(os.environ),
        umask=mask,
        typed_at_terminal=os.isatty(STDIN),
        out_moves=smart and os.isatty(STDOUT),
        err_moves=smart and os.isatty(STDERR),
        columns=columns,
        rows=rows,
    )


def _size() -> tuple[int, int]:
    """Columns and rows of the terminal."""
    for stream in STREAMS:
        with suppress(OSError):
            columns, rows = os.get_terminal_size(stream)
            if columns and rows:  # a terminal may not know
                return columns, rows
    return COLUMNS, ROWS


class _Output:
    """What a server sends, on its way to this process's streams."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._left = Unserved()
        self._has_begun = False  # whether something that cannot be written twice is written

    def write_all(self) -> int | Unserved:
        """Write what comes; the exit code, or what is left to do where the server goes."""
        while message := receive(self._connection):
            if "exit" in message:
                return int(message["exit"])
            if "stdin" in message:
                if not self._send_stdin():
                    return self._left
                continue
            try:
                self._write(message)
            except OSError as error:
                return _failed(error)
        if not self._has_begun:
            return self._left
        with suppress(OSError):
            _put(STDERR, "ragqa: the server has stopped; ask again\n")
        return EXIT_SERVER_GONE

    def _write(self, message: dict[str, str]) -> None:
        if "err" in message:
            self._left.said += 1
            with suppress(OSError):  # a closed stderr is no reason to stop
                _put(STDERR, message["err"])
        elif "line" in message:
            self._put_out(message["line"] + "\n")
            self._left.lines += 1
        else:
            self._has_begun = True
            self._put_out(message["out"])

    def _send_stdin(self) -> bool:
        """Read all of stdin for the server; False where that is not to be had."""
        try:
            self._left.typed = _read_all(STDIN)
        except OSError:
            return False
        with suppress(OSError):  # it has gone: `typed` stays
            send(self._connection, stdin=self._left.typed.decode("latin-1"))
        return True

    def _put_out(self, text: str) -> None:
        try:
            _put(STDOUT, text)
        except BrokenPipeError:  # nobody reads on: be quiet, and say so to the server
            os.dup2(os.open(os.devnull, os.O_WRONLY), STDOUT)
            with suppress(OSError):
                send(self._connection, closed=True)


def _put(stream: int, text: str) -> None:
    data = text.encode("utf-8", "replace")
    while data:
        data = data[os.write(stream, data) :]


def _read_all(stream: int) -> bytes:
    with os.fdopen(stream, "rb", closefd=False) as file:
        return file.read()


def _failed(error: OSError) -> int:
    """Say that stdout takes nothing more, as a command would; the exit code."""
    from ragqa.system.terminal import cannot_write
    from ragqa.text.clean import error_line

    told = cannot_write(error)
    print(error_line(told), file=sys.stderr)
    return told.exit_code
