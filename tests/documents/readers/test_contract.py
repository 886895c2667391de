"""What holds for every reader: the same bytes give the same text, and all positions count in it."""

from __future__ import annotations

from pathlib import Path

import pytest

from ragqa.documents import read_document, text_of
from ragqa.documents.readers import ENDINGS, READERS, reader_for
from ragqa.errors import DocumentError
from tests.reading import check_document

# A file of each format that says "Kettles boil" in line 3 (of its text).
FILES = {
    "markdown": b"# Tea\n\nKettles boil.\n",
    "plain": b"Tea\n\nKettles boil.\n",
    "html": b"<h1>Tea</h1>\n\n<p>Kettles boil.</p>\n",
    "rst": b"Tea\n===\nKettles boil.\n",
}
pytestmark = pytest.mark.parametrize("name", READERS)


def _file(name: str) -> tuple[Path, bytes]:
    assert name in FILES, "say here what a small file of this format looks like"
    return Path(f"tea{READERS[name][0]}"), FILES[name]


def test_each_ending_has_one_reader_that_is_loaded_by_name(name: str) -> None:
    for ending in READERS[name]:
        assert ENDINGS[ending] == name
        assert type(reader_for(Path(f"a{ending.upper()}"))).__module__.endswith(f"readers.{name}")


def test_blocks_are_slices_of_the_text(name: str) -> None:
    path, data = _file(name)
    text, document = text_of(path, data), read_document(path, data)
    assert text == text_of(path, data, text.encoding)
    assert (document.text, document.encoding) == (text.text, text.encoding)
    check_document(document)
    (block,) = [block for block in document.blocks if "Kettles" in block.text]
    assert (block.text, block.line) == ("Kettles boil.", 3)


def test_pages_begin_in_order_within_the_text(name: str) -> None:
    text = text_of(*_file(name))
    assert list(text.pages) == sorted(text.pages)
    assert all(0 <= page <= len(text.text) for page in text.pages)


@pytest.mark.parametrize("data", [b"", b" \n\n ", b"\x00\x01\x02\xff" * 50])
def test_what_has_no_text_is_a_document_error(name: str, data: bytes) -> None:
    with pytest.raises(DocumentError):
        read_document(_file(name)[0], data)


def test_damaged_files_are_read_or_refused_and_nothing_else(name: str) -> None:
    path, data = _file(name)
    for at in range(len(data)):
        for damaged in (data[:at], data[:at] + b"\xff<[{" + data[at:]):
            try:
                check_document(read_document(path, damaged))
            except DocumentError as error:
                assert error.message
