"""Messages between client and server: JSON objects, each behind its length in bytes.

The client's request has the command and what it needs to know of its caller. Then the server
sends `out`, `line` (of a batch) and `err`, which the client writes, `stdin`, which it answers, and
at last `exit`; the client may send `closed`: nobody reads its stdout any more. Imports little,
because a client does.
"""

from __future__ import annotations

import json
import socket
import struct
from typing import Any, TypedDict

SIZE = struct.Struct("!I")
LONGEST = 1 << 30  # bytes: what is on stdin may be much
# Where files lie, and what they look like: a server in another world does not serve.
PLACES = (
    "HOME", "XDG_DATA_HOME", "XDG_CONFIG_HOME", "XDG_CACHE_HOME", "XDG_STATE_HOME", "TZ",
    "HF_HOME", "HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE", "HF_HUB_OFFLINE", "TMPDIR",
    "CUDA_VISIBLE_DEVICES", "OMP_NUM_THREADS",
)  # fmt: skip


class Request(TypedDict):
    """What a client asks for, and what a server needs to know of it."""

    version: str
    arguments: list[str]
    directory: str
    environment: dict[str, str]
    umask: int
    typed_at_terminal: bool
    out_moves: bool
    err_moves: bool
    columns: int
    rows: int


def send(connection: socket.socket, **message: Any) -> None:
    """Send a message. Raises OSError where nobody is there any more."""
    data = json.dumps(message).encode("ascii")  # what is no UTF-8 is escaped as a surrogate
    connection.sendall(SIZE.pack(len(data)) + data)


def receive(connection: socket.socket, longest: int = LONGEST) -> dict[str, Any] | None:
    """The next message; None where the other end has gone, or sent none.

    Raises TimeoutError, where the connection has a limit.
    """
    head = _exactly(connection, SIZE.size)
    size = SIZE.unpack(head)[0] if head else longest + 1
    data = _exactly(connection, size) if size <= longest else None
    try:
        message = json.loads(data) if data else None
    except (ValueError, RecursionError):
        return None
    return message if isinstance(message, dict) else None


def _exactly(connection: socket.socket, size: int) -> bytes | None:
    """So many bytes; None where there are no more."""
    data = bytearray()
    while len(data) < size:
        try:
            part = connection.recv(min(size - len(data), 1 << 20))
        except TimeoutError:
            raise
        except OSError:
            return None
        if not part:
            return None
        data += part
    return bytes(data)
