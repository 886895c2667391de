"""What a reader of a file format is. Knows no format."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple, Protocol

from ragqa.documents.decoding import decode
from ragqa.records import Document


class ExtractedText(NamedTuple):
    """The text of a file, with "\\n" line endings, and the encoding that it was in.

    `pages` are the offsets at which the pages (slides, sheets, chapters) of a format that has such
    begin; empty for one that has lines alone.
    """

    text: str
    encoding: str
    pages: tuple[int, ...] = ()

    def of_page(self, page: int | None) -> str | None:
        """The text of a page, from 1; None where there is none. All of it for a page of None."""
        if page is None:
            return self.text
        if not 1 <= page <= len(self.pages):
            return None
        ends = (*self.pages[1:], len(self.text))
        return self.text[self.pages[page - 1] : ends[page - 1]]


class Reader(Protocol):
    """One file format."""

    def extract(self, data: bytes, encoding: str | None = None) -> ExtractedText:
        """The text in which a Document's offsets count; the same for the same bytes.

        Raises DocumentError when there is none.
        """

    def parse(self, path: Path, extracted: ExtractedText) -> Document:
        """The Document that the text is. May raise anything: files are what they are."""


class TextReader:
    """The base of readers whose files are text: what is in the file is what offsets count in."""

    def extract(self, data: bytes, encoding: str | None = None) -> ExtractedText:
        """The decoded file."""
        return ExtractedText(*decode(data, encoding))
