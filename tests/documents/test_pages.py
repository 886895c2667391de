"""A format with pages: passages end with them, and positions count from their beginning."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from types import ModuleType

import pytest

from ragqa import pipeline
from ragqa.documents import readers, text_of
from ragqa.documents.base import ExtractedText, TextReader
from ragqa.documents.readers import plain
from ragqa.pipeline import Session
from ragqa.receipts import check_quotes
from ragqa.records import Document
from ragqa.store import index_at
from tests.notes import Notes

TEXT = "Cover.\n\fKettles boil at\nhigh noon in May.\n\fNotes.\nCups are blue and round.\n"


class PagedReader(TextReader):
    """Plain text with form feeds between pages."""

    def extract(self, data: bytes, encoding: str | None = None) -> ExtractedText:
        text, encoding, _ = super().extract(data, encoding)
        pages = [0, *(at + 1 for at, sign in enumerate(text) if sign == "\f")]
        return ExtractedText(text.replace("\f", "\n"), encoding, tuple(pages))

    def parse(self, path: Path, extracted: ExtractedText) -> Document:
        return plain.read(path, extracted.text, extracted.encoding)


@pytest.fixture
def notes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Notes]:
    """A file of three pages, and its index."""
    module = ModuleType("ragqa.documents.readers.paged")
    module.Reader = PagedReader  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, module.__name__, module)
    monkeypatch.setitem(readers.READERS, "paged", (".paged",))
    monkeypatch.setitem(readers.ENDINGS, ".paged", "paged")
    made = Notes(tmp_path)
    made.write("tea.paged", TEXT)
    made.run()
    yield made
    readers._loaded.cache_clear()


def test_pages_of_a_text(notes: Notes) -> None:
    text = text_of(notes.folder / "tea.paged", TEXT.encode())
    assert [text.of_page(page) for page in (1, 2, 3, 4)] == [
        "Cover.\n\n", "Kettles boil at\nhigh noon in May.\n\n",
        "Notes.\nCups are blue and round.\n", None,
    ]  # fmt: skip
    assert text.of_page(0) is text.of_page(-1) is None
    assert text_of(Path("a.md"), b"a").of_page(1) is None
    assert text.of_page(None) == TEXT.replace("\f", "\n")


def test_a_citation_names_the_page_and_counts_in_it(notes: Notes) -> None:
    with index_at(notes.directory).snapshot() as snapshot:
        session = Session(notes.embedder, snapshot, threshold=0)
        answer = pipeline.ask("When do kettles boil?", session)
    (citation, *_) = answer.citations
    assert (citation.page, citation.start_line, citation.end_line) == (2, 1, 2)
    page = text_of(notes.folder / "tea.paged", TEXT.encode()).of_page(2)
    assert page is not None
    assert citation.quote == page[citation.start_char : citation.end_char]
    assert citation.quote_text == "Kettles boil at high noon in May."
    assert not citation.stale


def test_a_quote_that_moved_is_found_on_its_page(notes: Notes) -> None:
    notes.write("tea.paged", TEXT.replace("Kettles", "New line.\nKettles"))
    with index_at(notes.directory).snapshot() as snapshot:
        session = Session(notes.embedder, snapshot, threshold=0)
        (citation, *_) = pipeline.ask("When do kettles boil?", session).citations
    assert (citation.page, citation.start_line, citation.stale) == (2, 2, True)


def test_a_file_that_has_no_pages_any_more(notes: Notes, monkeypatch: pytest.MonkeyPatch) -> None:
    with index_at(notes.directory).snapshot() as snapshot:
        session = Session(notes.embedder, snapshot, threshold=0)
        answer = pipeline.ask("When do kettles boil?", session)
        citation = asdict(answer.citations[0])
        assert [one.verdict for one in check_quotes({"citations": [citation]})] == ["in place"]
        monkeypatch.setitem(readers.ENDINGS, ".paged", "plain")
        assert [one.verdict for one in check_quotes({"citations": [citation]})] == ["gone"]
        assert pipeline.ask("When do kettles boil?", session).citations[0].page == 2
