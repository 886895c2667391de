"""The command `serve`. Parse, construct, call."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Annotated

import typer

from ragqa.cli.caller import Caller
from ragqa.errors import UsageError
from ragqa.system.terminal import Terminal

Run = Callable[[Sequence[str], Caller], int]


def serving(run: Run) -> Callable[..., int]:
    """The command that serves what `run` does."""

    def serve(
        caller: Caller,
        idle: Annotated[
            float,
            typer.Option("--idle", metavar="MINUTES", help="Unload the models after so long."),
        ] = 15.0,
    ) -> int:
        """Keep models and index in memory for `ask` and `search`, which then use this process.

        It listens on a Unix socket that only you can open, until Ctrl-C.
        """
        if not idle > 0:
            raise UsageError("--idle is a number of minutes above 0", "leave it out for 15")
        from ragqa.serve.client import socket_path
        from ragqa.serve.server import Server

        def served(arguments: list[str], terminal: Terminal) -> int:
            return run(arguments, Caller(terminal, caller.runtime))

        Server(socket_path(), served, caller.runtime, idle * 60, caller.terminal.say).serve()
        return 0

    return serve
