"""Files -> Documents: one small module for each format, chosen by the file's ending.

To add a format, write a module with `read(path, text, encoding) -> Document` and name it in
`READERS`. This package knows nothing of passages, indexes or models.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import cast

from ragqa.documents.decoding import decode
from ragqa.errors import DocumentError
from ragqa.records import Document

Reader = Callable[[Path, str, str], Document]

READERS = {
    ".md": "markdown",
    ".markdown": "markdown",
    ".mdown": "markdown",
    ".mkd": "markdown",
    ".mdx": "markdown",
    ".txt": "plain",
    ".text": "plain",
    ".html": "html",
    ".htm": "html",
    ".xhtml": "html",
    ".rst": "rst",
    ".rest": "rst",
}


def is_supported(path: Path | str) -> bool:
    """True when the file's ending names a format that can be read."""
    return os.path.splitext(path)[1].lower() in READERS  # noqa: PTH122 (thousands of times)


def read_document(path: Path, data: bytes) -> Document:
    """Parse the bytes of `path` into a Document.

    Raises DocumentError with a one-line reason when there is nothing to read in it.
    """
    if not data.strip():
        raise DocumentError("the file is empty")
    text, encoding = decode(data)
    module = import_module(f"ragqa.documents.readers.{READERS[path.suffix.lower()]}")
    reader = cast(Reader, module.read)
    try:
        document = reader(path, text, encoding)
    except RecursionError as error:
        raise DocumentError("the markup is nested too deeply") from error
    except DocumentError:
        raise
    except Exception as error:  # one file that a parser chokes on must not end the whole run
        raise DocumentError(f"the parser failed: {type(error).__name__}: {error}") from error
    if not document.blocks:
        raise DocumentError("no readable text in it")
    return document
