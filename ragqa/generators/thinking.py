"""What reasoning models write before they answer, taken out of a stream. Knows no model."""

from __future__ import annotations

from collections.abc import Generator, Iterator

THINK_START, THINK_END = "<think>", "</think>"


def without_thinking(pieces: Iterator[str]) -> Generator[str, None, None]:
    """The pieces without the `<think>` part that reasoning models put before an answer."""
    head = ""
    for piece in pieces:
        head += piece
        started = head.lstrip()
        if started.startswith(THINK_START):
            if THINK_END in started:
                yield started.split(THINK_END, 1)[1].lstrip()
                break
        elif not THINK_START.startswith(started[: len(THINK_START)]):
            yield head
            break
    else:
        if not head.lstrip().startswith(THINK_START):
            yield head
    yield from pieces
