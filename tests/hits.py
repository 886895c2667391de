"""Queries, and hits from files or an index, for tests of retrieval and what comes after it."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from ragqa.answering.citations import FileText
from ragqa.answering.pieces import Source, sources_of
from ragqa.answering.unit_ranking import RankedPart, RankedUnit, rank_units
from ragqa.answering.units import Unit, units_of
from ragqa.documents import read_document
from ragqa.documents.decoding import decode
from ragqa.documents.passages import split
from ragqa.embedding.base import Embedder
from ragqa.query import Query, make_query
from ragqa.records import Hit
from ragqa.retrieval.hybrid import retrieve
from ragqa.store.base import Snapshot
from tests.conftest import CORPUS
from tests.fakes import FakeEmbedder

LLAMA_NOTE = """---
title: Llama
---
# Llama

Intro text about herds.

## Sizes

Llama 2 has **7 billion** parameters. It was released by Meta in July 2023.

The photo app was founded in February and bought by Facebook in April.
MMLU holds 15,908 questions from 57 subjects. It is open to everyone.
"""


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


def sources_in(
    text: str | bytes, path: str = "/notes/a.md", also_in: tuple[str, ...] = ()
) -> list[Source]:
    """One source for each passage of a file."""
    return sources_of(hits_of(text, path, also_in=also_in))


def query_of(
    text: str, embedder: Embedder | None = None, weights: Mapping[str, float] | None = None
) -> Query:
    """A question as it is without an index; `weights` are those that an index would give."""
    query = make_query(text, embedder or FakeEmbedder())
    if weights is not None:
        vars(query)["weights"] = weights  # where the cached property keeps them
    return query


def units_in(text: str | bytes, path: str = "/notes/a.md", **options: Any) -> list[Unit]:
    """The units of a file that can be shown."""
    return units_of(sources_of(hits_of(text, path, **options)))


def ranked_units(
    question: str, hits: Sequence[Hit], embedder: Embedder | None = None
) -> list[RankedUnit]:
    """The units of hits, best first."""
    embedder = embedder or FakeEmbedder()
    return rank_units(query_of(question, embedder), units_of(sources_of(hits)), embedder)


def ranked_in(
    question: str, hits: Sequence[Hit], embedder: Embedder | None = None
) -> list[RankedPart]:
    """The parts of the units of hits, best first."""
    parts = [part for one in ranked_units(question, hits, embedder) for part in one.parts]
    return sorted(parts, key=lambda part: -part.score)


def retrieved(
    question: str, embedder: Embedder, snapshot: Snapshot, count: int, **options: Any
) -> list[Hit]:
    """The best passages of an index for a question."""
    query = make_query(question, embedder, snapshot)
    return retrieve(query, embedder, snapshot, count, **options)


def unchanged(*texts: tuple[str, str]) -> dict[str, FileText]:
    """Path and text of files that are as they were when they were indexed."""
    return {path: FileText(text, changed=False) for path, text in texts}


@cache
def corpus_hits() -> dict[Path, tuple[str, tuple[Hit, ...]]]:
    """For each file of the sample collection its text and its passages."""
    found = {}
    for path in sorted(path for path in CORPUS.rglob("*") if path.is_file()):
        data = path.read_bytes()
        found[path] = (decode(data)[0], tuple(hits_of(data, str(path))))
    return found
