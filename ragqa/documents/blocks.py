"""Blocks with exact source positions, built piece by piece.

A reader hands over pieces of visible text, each with the place in the file where it stands (or
None for text that is not in the file, such as the space for a line break). Knows no format.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterable
from typing import NamedTuple

from ragqa.records import Block, Run

# Links and labels that a web page shows to its browser, not to who reads it.
CHROME = re.compile(
    r"(skip|jump) to (the )?(main )?(content|navigation|main|search|footer)|back to top|"
    r"table of contents|toggle (navigation|menu|sidebar)|open (main )?menu|close menu",
    re.IGNORECASE,
)


class Fragment(NamedTuple):
    """Visible text and its offset in the file; None when it does not stand there."""

    text: str
    offset: int | None


class BlockMaker:
    """Makes the blocks of one file from pieces."""

    def __init__(self, text: str) -> None:
        self.text = text
        self._line_starts = [0, *(match.end() for match in re.finditer("\n", text))]

    def line_of(self, offset: int) -> int:
        """The line, counted from 1, in which the offset lies."""
        return bisect_right(self._line_starts, offset)

    def line_start(self, line: int) -> int:
        """The offset of the first character of a line counted from 0."""
        return self._line_starts[min(line, len(self._line_starts) - 1)]

    def line_end(self, line: int) -> int:
        """The offset just after a line counted from 0."""
        return self.line_start(line + 1) if line + 1 < len(self._line_starts) else len(self.text)

    def block(
        self,
        kind: str,
        headings: tuple[str, ...],
        pieces: Iterable[Fragment],
        bounds: tuple[int, int] | None = None,
        level: int = 0,
        mark: str = "",
    ) -> Block | None:
        """A block of these pieces, trimmed; None when nothing visible of it is in the file.

        Its source reaches from the first to the last visible character, or over `bounds`
        (offsets in the file) where the markup at the ends belongs to it. `level` and `mark` are
        those of its place in a list.
        """
        text, runs = _trim(*_join(pieces))
        if not runs or CHROME.fullmatch(text):
            return None
        start, end = runs[0].source, _run_end(runs[-1])
        if bounds:
            start, end = min(start, bounds[0]), max(end, bounds[1])
        relative = tuple(Run(run.text, run.source - start, run.length) for run in runs)
        source = self.text[start:end]
        line = self.line_of(start)
        return Block(kind, headings, text, source, start, line, relative, None, level, mark)


def spaced(text: str, offset: int) -> list[Fragment]:
    """Pieces of `text`, which stands at `offset`, with each run of white space as one space."""
    pieces = []
    for match in re.finditer(r"\s+|\S+", text):
        if match[0].isspace():
            pieces.append(Fragment(" ", offset + match.start() if match[0] == " " else None))
        else:
            pieces.append(Fragment(match[0], offset + match.start()))
    return pieces


def _join(pieces: Iterable[Fragment]) -> tuple[str, list[Run]]:
    """The visible text and its runs; neighbouring pieces grow into one run."""
    parts: list[str] = []
    runs: list[Run] = []
    length = 0
    for piece in pieces:
        text, offset = piece
        if text.startswith(" ") and parts and parts[-1].endswith(" "):
            text, offset = text[1:], offset and offset + 1
        if not text:
            continue
        if offset is not None and (not runs or offset >= _run_end(runs[-1])):
            last = runs[-1] if runs else None
            if last and _run_end(last) == offset and last.text + last.length == length:
                runs[-1] = Run(last.text, last.source, last.length + len(text))
            else:
                runs.append(Run(length, offset, len(text)))
        parts.append(text)
        length += len(text)
    return "".join(parts), runs


def _run_end(run: Run) -> int:
    return run.source + run.length


def _trim(text: str, runs: list[Run]) -> tuple[str, list[Run]]:
    """Strip white space at both ends of the text and cut the runs to what is left."""
    first = len(text) - len(text.lstrip())
    last = len(text.rstrip())
    kept = []
    for run in runs:
        begin, end = max(run.text, first), min(run.text + run.length, last)
        if begin < end:
            kept.append(Run(begin - first, run.source + begin - run.text, end - begin))
    return text[first:last], kept


class HeadingPath:
    """The headings above the place where the text is."""

    def __init__(self) -> None:
        self._stack: list[tuple[int, str]] = []

    def enter(self, level: int, text: str) -> None:
        """A heading of this level: deeper and equal ones end here."""
        self._stack = [entry for entry in self._stack if entry[0] < level] + [(level, text)]

    @property
    def path(self) -> tuple[str, ...]:
        """The headings from the outermost in."""
        return tuple(text for _, text in self._stack if text)
