"""Hits made from the text of files, for tests of what happens after retrieval."""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path

from ragqa.answering.citations import SourceText
from ragqa.documents import read_document
from ragqa.documents.decoding import decode
from ragqa.documents.passages import split
from ragqa.records import Hit
from tests.conftest import CORPUS
from tests.fakes import FakeEmbedder


def hits_of(
    text: str | bytes,
    path: str = "/notes/a.md",
    similarity: float = 0.8,
    also_in: tuple[str, ...] = (),
    max_tokens: int = 200,
) -> list[Hit]:
    """One hit for each passage of a file."""
    data = text.encode() if isinstance(text, str) else text
    document = read_document(Path(path), data)
    return [
        Hit(
            passage=passage,
            path=path,
            score=similarity,
            similarity=similarity,
            sha256=hashlib.sha256(data).hexdigest(),
            encoding=document.encoding,
            document_title=document.title or Path(path).stem,
            also_in=also_in,
        )
        for passage in split(document, FakeEmbedder().count_tokens, max_tokens)
    ]


def unchanged(*texts: tuple[str, str]) -> dict[str, SourceText]:
    """Path and text of files that are as they were when they were indexed."""
    return {path: SourceText(text, changed=False) for path, text in texts}


@cache
def corpus_hits() -> dict[Path, tuple[str, tuple[Hit, ...]]]:
    """For each file of the sample collection its text and its passages."""
    found = {}
    for path in sorted(path for path in CORPUS.rglob("*") if path.is_file()):
        data = path.read_bytes()
        found[path] = (decode(data)[0], tuple(hits_of(data, str(path))))
    return found
