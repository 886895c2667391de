"""Files -> Documents, and the text of a file in which all positions are counted.

Knows nothing of passages, indexes or models.
"""

from __future__ import annotations

import os
from bisect import bisect_right
from dataclasses import replace
from pathlib import Path

from ragqa.documents.base import ExtractedText
from ragqa.documents.readers import ENDINGS, reader_for
from ragqa.errors import DocumentError
from ragqa.records import Document


def is_supported(path: Path | str) -> bool:
    """True when the file's ending names a format that can be read."""
    return os.path.splitext(path)[1].lower() in ENDINGS  # noqa: PTH122 (thousands of times)


def text_of(path: Path, data: bytes, encoding: str | None = None) -> ExtractedText:
    """The text of a file, given its bytes, as its reader sees it: what offsets and lines count in.

    `encoding` is the one that the index remembers. A file of an unknown kind is plain text. Raises
    DocumentError when there is no text in it.
    """
    return reader_for(path).extract(data, encoding)


def read_document(path: Path, data: bytes) -> Document:
    """Parse the bytes of `path` into a Document.

    Raises DocumentError with a one-line reason when there is nothing to read in it.
    """
    if not data.strip():
        raise DocumentError("the file is empty")
    text = text_of(path, data)
    try:
        document = reader_for(path).parse(path, text)
    except RecursionError as error:
        raise DocumentError("the markup is nested too deeply") from error
    except DocumentError:
        raise
    except Exception as error:  # one file that a parser chokes on must not end the whole run
        raise DocumentError(f"the parser failed: {type(error).__name__}: {error}") from error
    if not document.blocks:
        raise DocumentError("no readable text in it")
    return _on_pages(document, text) if text.pages else document


def _on_pages(document: Document, text: ExtractedText) -> Document:
    """The document with positions that count from the beginning of their page."""
    blocks = []
    for block in document.blocks:
        page = max(1, bisect_right(text.pages, block.start))
        begin = text.pages[page - 1]
        line = block.line - text.text.count("\n", 0, begin)
        blocks.append(replace(block, page=page, start=block.start - begin, line=line))
    return replace(document, blocks=tuple(blocks))
