"""Texts that come with a question (`--context`, passages of a batch line) -> Hits.

They are searched like any passage but never stored. Knows nothing of the index.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from ragqa.documents.passages import split
from ragqa.documents.readers import plain
from ragqa.embedding.base import Embedder
from ragqa.query import Query
from ragqa.records import GivenText, Hit, Passage


def hits_of_texts(query: Query, given: Sequence[GivenText], embedder: Embedder) -> list[Hit]:
    """One hit for each text, in the order given; texts without a visible character are left out."""
    hits = []
    for text in given:
        document = plain.read(Path(text.path), text.text, "utf-8")
        document = replace(document, title=text.title or document.title)
        parts = split(document, embedder.count_tokens, embedder.max_tokens)
        if not parts:
            continue
        # A long text is as near as its nearest part.
        similarity = float((embedder.embed([p.embedded_text for p in parts]) @ query.vector).max())
        blocks = tuple(block for part in parts for block in part.blocks)
        hits.append(
            Hit(
                passage=Passage(document.title, (), blocks),
                path=text.path,
                score=round(similarity, 6),
                similarity=round(similarity, 6),
                document_title=text.title or text.path,
            )
        )
    return hits
