"""Sentences + Sources -> sentences with their verdicts, numbers and places in the files.

Pure: the files' present text is passed in. Knows nothing of models or files.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from ragqa.answering.pieces import Piece, Source
from ragqa.answering.verdicts import Judge, Quote, quotes_of, quotes_with
from ragqa.documents.base import ExtractedText
from ragqa.records import Citation, Sentence, Support
from ragqa.text.sentences import OWN_MARKER, words_of

MARKER = re.compile(r"\s*[\[【](?:\w+ )?(\d{1,3}(?:\s*[,;–-]\s*\d{1,3})*)[\]】](?!\()")
ITEM = re.compile(r"(?:[-*+•]|\(?\d{1,3}[.)])\s")
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
    """Takes the sentences of an answer one by one and collects their citations.

    `model_wrote` is False for sentences taken from the documents: what looks like a citation
    number in them is the document's own, neither a signal nor an invention.
    """

    def __init__(
        self, sources: Sequence[Source], texts: Mapping[str, FileText], model_wrote: bool = True
    ) -> None:
        self.citations: list[Citation] = []
        self.removed = 0  # citation numbers that the model invented
        self.repeated = 0  # sentences that it said before
        self._sources = sources
        self._texts = texts
        self._model_wrote = model_wrote
        self._seen: set[str] = set()
        self._lead_in = ""  # to the items that the model writes next

    @cached_property
    def _judge(self) -> Judge:
        return Judge(self._sources)

    @cached_property
    def _quotes(self) -> list[Quote]:
        return quotes_of(self._sources)

    def _judged(self, sentence: str, named: set[int]) -> tuple[Support, list[Quote]]:
        """The verdict and its quotes: a document's own words are looked up, a model's judged."""
        if self._model_wrote:
            return self._judge.judge(sentence, named, self._lead_in)
        quotes = quotes_with(sentence, self._quotes)
        return "supported" if quotes else "unsupported", quotes

    def add(self, raw: str) -> Sentence | None:
        """The sentence with its verdict and markers; None for a repeated or empty one."""
        named, invented = own_numbers(raw, len(self._sources)) if self._model_wrote else (set(), 0)
        plain = (MARKER if self._model_wrote else OWN_MARKER).sub("", raw).strip()
        key = " ".join(words_of(plain))
        if not plain or not any(char.isalnum() for char in plain):
            return None
        if key in self._seen:
            self.repeated += 1
            return None
        self._seen.add(key)
        self._lead_in = self._lead_in if ITEM.match(plain) else ""
        verdict, quotes = self._judged(plain, named)
        self._lead_in = plain if plain.endswith(":") else self._lead_in
        self.removed += invented + len(named - {quote.hit_index for quote in quotes})
        numbers = tuple(_number(quote, self._texts, self.citations) for quote in quotes)
        return Sentence(_marked(plain, numbers), verdict, numbers)

    def add_quote(self, text: str, index: int, piece: Piece) -> Sentence:
        """Words of a source, cited by the piece of it that they stand in."""
        quote = Quote(index, piece.hit, piece.block, piece.first, piece.last)
        numbers = (_number(quote, self._texts, self.citations),)
        return Sentence(_marked(OWN_MARKER.sub("", text), numbers), "supported", numbers)


def own_numbers(sentence: str, count: int) -> tuple[set[int], int]:
    """Indexes of the hits that the model named in `[n]`, and how many numbers name none."""
    numbers = [
        int(number)
        for match in MARKER.finditer(sentence)
        for number in re.findall(r"\d+", match[1])
    ]
    return {n - 1 for n in numbers if 1 <= n <= count}, sum(not 1 <= n <= count for n in numbers)


def _marked(sentence: str, numbers: Sequence[int]) -> str:
    """The sentence with its citation markers before the final punctuation."""
    if not numbers:
        return sentence
    marks = " " + "".join(f"[{number}]" for number in numbers)
    end = LAST_PUNCTUATION.search(sentence)
    at = end.start() if end else len(sentence)
    return sentence[:at].rstrip() + marks + sentence[at:]


def _number(quote: Quote, texts: Mapping[str, FileText], citations: list[Citation]) -> int:
    """The number of the citation for a quote, a new one where needed."""
    made = citation_of(quote, texts.get(quote.hit.path, FileText(None, True)))
    for i, citation in enumerate(citations):
        if replace(citation, number=0) == made:
            return citation.number
        if joined := _joined(citation, made, quote):
            citations[i] = joined
            return citation.number
    citations.append(replace(made, number=len(citations) + 1))
    return len(citations)


def _joined(earlier: Citation, later: Citation, quote: Quote) -> Citation | None:
    """One citation for two neighbouring sentences of a block; None when they are none."""
    gap = quote.block.text[quote.first - 1 : quote.first]
    text = f"{earlier.quote_text}{gap}{later.quote_text}"
    between = later.start_char - earlier.end_char
    if earlier.path != later.path or not 0 <= between <= len(quote.block.source):
        return None
    if not gap.isspace() or not quote.block.text[: quote.last].endswith(text):
        return None
    block_start = later.start_char - quote.block.source_span(quote.first, quote.last)[0]
    source = quote.block.source
    return replace(
        earlier,
        end_line=later.end_line,
        end_char=later.end_char,
        quote=source[earlier.start_char - block_start : later.end_char - block_start],
        quote_text=text,
    )


def citation_of(quote: Quote, file: FileText) -> Citation:
    """The citation for a quote, found again in the file's present text."""
    block, text = quote.block, file.of_page(quote.block.page)
    begin, end = block.source_span(quote.first, quote.last)
    slice_ = block.source[begin:end]
    start = _locate(slice_, block.start + begin, text)
    line = block.line + block.source.count("\n", 0, begin)
    if start != block.start + begin and text is not None:
        line = text.count("\n", 0, start) + 1
    return Citation(
        number=0,
        path=quote.hit.path,
        title=quote.hit.document_title,
        headings=quote.hit.passage.headings,
        start_line=line,
        end_line=line + slice_.count("\n"),
        start_char=start,
        end_char=start + len(slice_),
        page=quote.hit.passage.page,
        quote=slice_,
        quote_text=quote.text,
        stale=file.changed,
        also_in=quote.hit.also_in,
    )


def _locate(quote: str, expected: int, text: str | None) -> int:
    """Where the quote stands now: at the expected place, or at the nearest other one."""
    if text is None or text.startswith(quote, expected):
        return expected
    places = [match.start() for match in re.finditer(re.escape(quote), text)]
    return min(places, key=lambda place: abs(place - expected), default=expected)
