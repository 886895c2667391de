"""Sentences + Sources -> sentences with their verdicts, numbers and places in the files.

Pure: the files' present text is passed in. Knows nothing of models or files.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from ragqa.answering.pieces import Source
from ragqa.answering.units import Slice
from ragqa.answering.verdicts import Judge, Quote
from ragqa.documents.base import ExtractedText
from ragqa.records import Citation, Sentence
from ragqa.text.sentences import words_of

MARKER = re.compile(r"\s*[\[【](?:\w+ )?(\d{1,3}(?:\s*[,;–-]\s*\d{1,3})*)[\]】](?!\()")
BULLETS, FENCE = "-*+•", "```"
ITEM = re.compile(r"([-*+•]|\(?\d{1,3}[.)])\s+")
LAST_PUNCTUATION = re.compile(r"[.!?…:;]+[\"')\]”’]*$")


@dataclass(frozen=True, slots=True)
class FileText:
    """The present text of a cited file; None when it is gone. `changed` since it was indexed.

    `pages` are the offsets where its pages begin, where it has such.
    """

    text: str | None
    changed: bool
    pages: tuple[int, ...] = ()

    def of_page(self, page: int | None) -> str | None:
        """The text in which positions on a page count; all of it for a page of None."""
        return self.text and ExtractedText(self.text, "", self.pages).of_page(page)


class Citer:
    """Takes the sentences of an answer one by one and collects their citations."""

    def __init__(self, sources: Sequence[Source], texts: Mapping[str, FileText]) -> None:
        self.citations: list[Citation] = []
        self.removed = 0  # citation numbers that the model invented
        self.repeated = 0  # sentences that it said before
        self._sources = sources
        self._texts = texts
        self._seen: set[str] = set()
        self._lead_in = ""  # to the items that the model writes next

    @cached_property
    def _judge(self) -> Judge:
        return Judge(self._sources)

    def add(self, raw: str) -> Sentence | None:
        """The sentence with its verdict and markers; None for a repeated or empty one."""
        named, invented = own_numbers(raw, len(self._sources))
        plain = MARKER.sub("", raw).strip()
        key = " ".join(words_of(plain))
        if not plain or not any(char.isalnum() for char in plain):
            return None
        if key in self._seen:
            self.repeated += 1
            return None
        self._seen.add(key)
        item = ITEM.match(plain)
        self._lead_in = self._lead_in if item else ""
        verdict, quotes = self._judge.judge(plain, named, self._lead_in)
        self._lead_in = plain if plain.endswith(":") else self._lead_in
        self.removed += invented + len(named - {quote.hit_index for quote in quotes})
        made = [citation_of(quote, self._file_of(quote)) for quote in quotes]
        numbers = tuple(map(self._number, made))
        if plain.startswith(FENCE):
            return Sentence(_code_in(plain), verdict, numbers, "code", "\n")
        told = Sentence(marked(plain, numbers), verdict, numbers)
        if item is None:
            return told
        mark = "-" if item[1] in BULLETS else item[1]
        return replace(told, text=told.text[item.end() :], kind="item", gap="\n", mark=mark)

    def cite(self, slices: Sequence[Slice]) -> tuple[int, ...]:
        """The numbers of the citations for neighbouring slices of a unit: mostly one for all."""
        file = self._file_of(slices[0])
        together = joined(slices, file)
        made = [together] if together else [citation_of(one, file) for one in slices]
        return tuple(dict.fromkeys(self._number(one) for one in made))

    def _file_of(self, one: Slice | Quote) -> FileText:
        return self._texts.get(one.hit.path, FileText(None, True))

    def _number(self, made: Citation) -> int:
        """The number of a citation, a new one where it is new."""
        for known in self.citations:
            if replace(known, number=0) == made:
                return known.number
        self.citations.append(replace(made, number=len(self.citations) + 1))
        return len(self.citations)


def _code_in(fenced: str) -> str:
    """The lines between fences."""
    lines = fenced.split("\n")[1:]
    return "\n".join(lines[:-1] if lines and lines[-1].startswith(FENCE) else lines)


def own_numbers(sentence: str, count: int) -> tuple[set[int], int]:
    """Indexes of the hits that the model named in `[n]`, and how many numbers name none."""
    numbers = [
        int(number)
        for match in MARKER.finditer(sentence)
        for number in re.findall(r"\d+", match[1])
    ]
    return {n - 1 for n in numbers if 1 <= n <= count}, sum(not 1 <= n <= count for n in numbers)


def marked(sentence: str, numbers: Sequence[int]) -> str:
    """The sentence with its markers, before the final punctuation but outside of a quotation."""
    if not numbers:
        return sentence
    marks = " " + "".join(f"[{number}]" for number in numbers)
    end = LAST_PUNCTUATION.search(sentence)
    at = end.start() if end else len(sentence)
    said, last = sentence[:at].rstrip(), sentence[at:]
    is_closed = bool(last.strip(".!?…:;"))
    return said + last + marks if is_closed else said + marks + last


def citation_of(one: Slice | Quote, file: FileText) -> Citation:
    """The citation for a slice of a block, found again in the file's present text."""
    block, text = one.block, file.of_page(one.block.page)
    begin, end = block.source_span(one.first, one.last)
    quote = block.source[begin:end]
    start = _locate(quote, block.start + begin, text)
    line = block.line + block.source.count("\n", 0, begin)
    if start != block.start + begin and text is not None:
        line = text.count("\n", 0, start) + 1
    return _citation(one, file, (start, line), quote, one.text)


def joined(slices: Sequence[Slice], file: FileText) -> Citation | None:
    """One citation from the first slice to the last; None where the file does not have them so."""
    first, last = slices[0], slices[-1]
    text = file.of_page(first.block.page)
    start = first.block.start + first.block.source_span(first.first, first.last)[0]
    end = last.block.start + last.block.source_span(last.first, last.last)[1]
    if text is None or not all(_is_in_place(one, text) for one in slices):
        return None
    shown = "\n".join(one.text for one in slices)
    line = text.count("\n", 0, start) + 1
    return _citation(first, file, (start, line), text[start:end], shown)


def _is_in_place(one: Slice, text: str) -> bool:
    begin, end = one.block.source_span(one.first, one.last)
    return text.startswith(one.block.source[begin:end], one.block.start + begin)


def _citation(
    one: Slice | Quote, file: FileText, at: tuple[int, int], quote: str, shown: str
) -> Citation:
    start, line = at
    return Citation(
        number=0,
        path=one.hit.path,
        title=one.hit.document_title,
        headings=one.block.headings,
        start_line=line,
        end_line=line + quote.count("\n"),
        start_char=start,
        end_char=start + len(quote),
        page=one.block.page,
        quote=quote,
        quote_text=shown,
        stale=file.changed,
        also_in=one.hit.also_in,
    )


def _locate(quote: str, expected: int, text: str | None) -> int:
    """Where the quote stands now: at the expected place, or at the nearest other one."""
    if text is None or text.startswith(quote, expected):
        return expected
    places = [match.start() for match in re.finditer(re.escape(quote), text)]
    return min(places, key=lambda place: abs(place - expected), default=expected)
