"""Inline tokens -> where their text stands in the file. Knows nothing of blocks."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator
from typing import TYPE_CHECKING

from ragqa.documents.blocks import Fragment

if TYPE_CHECKING:
    from markdown_it.token import Token

STRIKE_TAG = re.compile(r"<(/?)(?:del|s|strike)\b", re.IGNORECASE)
# Where a stretch of inline content begins in that content and in the file (None: not there).
Start = tuple[int, int | None]


def strikes(token: Token) -> int:
    """1 where struck-out text begins, -1 where it ends: that is no evidence."""
    if token.type == "html_inline" and (tag := STRIKE_TAG.match(token.content)):
        return -1 if tag[1] else 1
    return {"s_open": 1, "s_close": -1}.get(token.type, 0)


def placed(text: str, at: int, starts: list[Start]) -> Iterator[Fragment]:
    """`text`, found at `at` of inline content: one piece for each stretch that it lies in."""
    if at < 0:
        yield Fragment(text, None)
        return
    index = bisect_right(starts, at, key=lambda start: start[0]) - 1
    end = at + len(text)
    while at < end:
        position, offset = starts[index]
        index += 1
        stop = min(starts[index][0], end) if index < len(starts) else end
        yield Fragment(text[: stop - at], None if offset is None else offset + at - position)
        text, at = text[stop - at :], stop


def wikilink_pieces(token: Token, starts: list[Start]) -> Iterator[Fragment]:
    """What Obsidian shows for `[[Note#Part]]`: "Note > Part"."""
    at = token.meta["at"]
    shown = False
    for part in token.content.split("#"):
        if shown and part:
            yield Fragment(" > ", None)
        yield from placed(part, at, starts)
        shown = shown or bool(part)
        at += len(part) + 1
