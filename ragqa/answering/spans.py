"""The spans of some sentences that may be said as an answer, token by token.

A span begins and ends where words do, cuts no value, code or date in two, stays within a cell of a
table, not in the one that is asked about, and is of the kind that is asked for where there is one
of that kind. Knows nothing of the model that chooses among them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from typing import NamedTuple

from ragqa.records import BETWEEN_CELLS
from ragqa.text.answer_types import IN_DATE, YEAR, AnswerType
from ragqa.text.sentences import stems_of

# Signs that join what stands on both sides: "HRO-KL", "2.3.1", "AT&T", "he's"; a sign before a
# number, "-40", "$5"; "C++". U+FFFD stands for a character that is cut in two.
JOINED = re.compile(
    r"[\w\ufffd][-./,:_@&'’]?\0[-./,:_@&'’]?[\w\ufffd]|(?:^|\s)[-+$£€#]\0\d|[A-Za-z]\0[+#]|\+\0\+"
)
BETWEEN_YEARS = re.compile(r"(?<!\d)\d{4}(?:\0-|-\0)\d{4}(?!\d)")
POSSESSIVE = re.compile(r"\0['’]s(?!\w)")
# A value goes on behind its number, a code behind its letters: "30 ms", "HRO-KL 482".
GOES_ON = re.compile(
    r"\d\0 ?(?:[kKMGT]i?B|[mnµμ]?s|min|h|[kmc]?m|mm|nm|k?g|mg|°[CF]|[kMG]?Hz|k?Wh?|[mk]V|%"
    r"|dB|percent|[mbt]r?illion|bits?|bytes?|tokens?)(?!\w)|-[A-Z]+\0 \d"
)
BAR = BETWEEN_CELLS.rstrip().encode()  # with the space before it: not that of "<|end|>"
SOON = 40  # characters within which a span comes to what is asked for
CONTEXT_BYTES = 24  # on both sides of the place where a span might end


class Span(NamedTuple):
    """Tokens `begin` to `stop` of a sentence."""

    sentence: int
    begin: int
    stop: int


class Spans:
    """The tokens of some sentences, each with a space before it, and the spans in them.

    `asked` are the stems of the question: a cell that has no others is no answer.
    """

    def __init__(
        self,
        tokens: Mapping[int, list[int]],
        pieces: Mapping[int, list[bytes]],
        wanted: AnswerType,
        asked: Iterable[str] = (),
    ) -> None:
        self._tokens, self._pieces, self._wanted = tokens, pieces, wanted
        self._ends = {i: _ends(one, set(asked)) for i, one in pieces.items()}
        self._fitting: list[Span] = []

    def starts(self) -> list[Span]:
        """An empty span wherever a word, or a sign before one, begins.

        Those alone that soon come to what is asked for, where there are such.
        """
        starts = [
            Span(i, at, at)
            for i, pieces in self._pieces.items()
            for at in range(len(pieces))
            if not self._is_cut(_around(pieces, at))
            if _has_word(pieces[at : self._ends[i][at]])
        ]
        self._fitting = [span for span in starts if self._may_fit(span)]
        return self._fitting or starts

    def _may_fit(self, span: Span) -> bool:
        """Whether the words after the start of a span soon hold what is asked for."""
        i, begin, _ = span
        return self._wanted.is_in(self.text(Span(i, begin, self._ends[i][begin]))[:SOON])

    def _is_cut(self, around: str) -> bool:
        """Whether a word, or a date that is to stay whole, goes on over this place."""
        if JOINED.search(around):
            return not (self._wanted.holds is YEAR and BETWEEN_YEARS.search(around))
        return self._wanted.whole_dates and bool(IN_DATE.search(around))

    def longer(self, spans: Sequence[Span]) -> dict[int, list[Span]]:
        """By the token that comes next: the spans with it."""
        found: dict[int, list[Span]] = {}
        for i, begin, stop in spans:
            if stop < self._ends[i][begin]:
                found.setdefault(self._tokens[i][stop], []).append(Span(i, begin, stop + 1))
        return found

    def following(self, span: Span, count: int) -> list[int]:
        """The tokens that come next in the span's sentence, at most `count`."""
        i, begin, stop = span
        return self._tokens[i][stop : min(stop + count, self._ends[i][begin])]

    def complete(self, spans: Sequence[Span]) -> list[Span]:
        """Those that hold a word and do not end within one, or within a value."""
        return [span for span in spans if self._is_complete(span)]

    def _is_complete(self, span: Span) -> bool:
        i, begin, stop = span
        pieces = self._pieces[i]
        if stop == self._ends[i][begin]:
            return _has_word(pieces[begin:stop])
        around = _around(pieces, stop)
        cut = (self._is_cut(around) and not POSSESSIVE.search(around)) or GOES_ON.search(around)
        fits = not self._fitting or self._wanted.is_in(self.text(span))
        return _has_word(pieces[begin:stop]) and not cut and fits

    def text(self, span: Span) -> str:
        """What the span says, without spaces around it."""
        i, begin, stop = span
        return b"".join(self._pieces[i][begin:stop]).decode("utf-8", "replace").strip()


def _ends(pieces: Sequence[bytes], asked: set[str]) -> list[int]:
    """For each token where a span from it must end: with its cell, in a row of a table.

    Nothing begins in a cell that only repeats the question: that is what is asked about.
    """
    bars = [at for at, piece in enumerate(pieces) if piece == BAR]
    ends = [0] * len(pieces)
    for begin, stop in pairwise([-1, *bars, len(pieces)]):
        text = b"".join(pieces[begin + 1 : stop]).decode("utf-8", "replace")
        stems = set(stems_of(text))
        says = any(map(str.isalnum, text)) and not (stems and stems <= asked)
        if says or not bars:
            ends[begin + 1 : stop] = [stop] * (stop - begin - 1)
    return ends if any(ends) else [len(pieces)] * len(pieces)


def _around(pieces: Sequence[bytes], at: int) -> str:
    """The text before and after a piece begins, with a NUL between; enough of it to judge."""
    before = b"".join(pieces[max(0, at - CONTEXT_BYTES) : at])[-CONTEXT_BYTES:]
    after = b"".join(pieces[at : at + CONTEXT_BYTES])[:CONTEXT_BYTES]
    return "\0".join(side.decode("utf-8", "replace") for side in (before, after))


def _is_word(byte: bytes) -> bool:
    """Whether a byte of UTF-8 is part of a word; all letters beyond ASCII are."""
    return byte.isalnum() or byte > b"\x7f"


def _has_word(pieces: Sequence[bytes]) -> bool:
    return any(_is_word(bytes([byte])) for piece in pieces for byte in piece)
