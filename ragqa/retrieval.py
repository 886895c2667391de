"""Question -> Hits: dense and lexical search, fused, near-duplicates folded into one.

Knows nothing of prompts or answers.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from ragqa.embedding import Embedder
from ragqa.records import Hit
from ragqa.sentences import STOP_WORDS
from ragqa.store import IndexReader, PassageIds

POOL = 50  # passages that each search contributes, at least
DENSE_WEIGHT = 0.6  # of the cosine, against the normalized BM25 score
MAX_WORDS = 64  # of a question, for the lexical search
SHINGLE_WORDS = 5
DUPLICATE_SHARE = 0.8  # of a passage's shingles: so much of it stands in a better one
WORD = re.compile(r"\w+(?:[-.+/#]\w+|\+\+|#)*")


def retrieve(
    question: str,
    embedder: Embedder,
    reader: IndexReader,
    count: int,
    allowed: PassageIds | None = None,
) -> list[Hit]:
    """The `count` best passages for a question (of the `allowed` ones), best first, each once."""
    vector = embedder.embed_question(question)
    pool = max(POOL, 2 * count)
    dense = dict(reader.dense(vector, pool, allowed))
    lexical = dict(reader.lexical(question_words(question), pool, allowed))
    unseen = [number for number in lexical if number not in dense]
    cosines = {**dense, **reader.similarities(vector, unseen)}
    scores = fuse(cosines, lexical)
    ranked = sorted(scores, key=lambda number: (-scores[number], number))
    stored = reader.passages(ranked)
    hits = [
        Hit(
            passage=stored[number].passage,
            path=stored[number].path,
            score=round(scores[number], 6),
            similarity=round(cosines[number], 6),
            passage_id=number,
            sha256=stored[number].sha256,
            encoding=stored[number].encoding,
            document_title=stored[number].document_title or Path(stored[number].path).stem,
        )
        for number in ranked
    ]
    return fold_duplicates(hits, count)


def question_words(question: str) -> list[str]:
    """What a lexical search looks for: distinct words, without stop words if others are left."""
    words = list(dict.fromkeys(WORD.findall(question.lower())))
    return ([word for word in words if word not in STOP_WORDS] or words)[:MAX_WORDS]


def fuse(cosines: dict[int, float], lexical: dict[int, float]) -> dict[int, float]:
    """A convex combination of cosine and BM25 score, 0 to 1.

    The BM25 score is divided by the best one (Bruch et al. 2023, "An Analysis of Fusion Functions
    for Hybrid Retrieval", arXiv:2210.11934, find convex combination above reciprocal rank fusion).
    """
    best = max(lexical.values(), default=0.0) or 1.0
    return {
        number: DENSE_WEIGHT * max(cosine, 0.0)
        + (1 - DENSE_WEIGHT) * max(lexical.get(number, 0.0), 0.0) / best
        for number, cosine in cosines.items()
    }


def fold_duplicates(hits: Sequence[Hit], count: int) -> list[Hit]:
    """The first `count` hits that repeat none before them; repeats are named in `also_in`."""
    kept: list[Hit] = []
    prints: list[set[str]] = []
    for hit in hits:
        shingles = shingles_of(hit.passage.text)
        twin = next((i for i, other in enumerate(prints) if _repeats(shingles, other)), None)
        if twin is not None:
            kept[twin] = _with_twin(kept[twin], hit)
        elif len(kept) < count:
            kept.append(hit)
            prints.append(shingles)
    return kept


def shingles_of(text: str) -> set[str]:
    """All runs of five words (the whole text where it is shorter)."""
    words = re.findall(r"\w+", text.lower())
    last = max(len(words) - SHINGLE_WORDS, 0)
    return {" ".join(words[i : i + SHINGLE_WORDS]) for i in range(last + 1)}


def _repeats(shingles: set[str], other: set[str]) -> bool:
    """Whether a passage says nothing new; a long one may well hold a short one and more."""
    return len(shingles & other) >= DUPLICATE_SHARE * len(shingles)


def _with_twin(hit: Hit, twin: Hit) -> Hit:
    if twin.path == hit.path or twin.path in hit.also_in:
        return hit
    return replace(hit, also_in=(*hit.also_in, twin.path))
