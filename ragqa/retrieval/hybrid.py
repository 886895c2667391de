"""Question -> Hits: candidates from vectors and full text, scored together, duplicates folded.

Two searches propose candidates: the nearest vectors, and BM25 over the full text. Each candidate
then gets all three scores, whichever search found it: late interaction (`late_interaction`),
cosine, BM25. Their weighted sum decides. Nothing is normalized within one question's list, as
ranks or min-max scores are: how sure a score is of itself would be lost.
A reranker, where there is one, decides instead of the sum among the best of them. Knows nothing
of prompts or answers.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ragqa.embedding import late_interaction
from ragqa.embedding.base import Embedder, Encoding
from ragqa.query import Query
from ragqa.records import Hit, Scores
from ragqa.retrieval.other_names import other_names
from ragqa.retrieval.rerankers.base import Reranker
from ragqa.store.base import PassageIds, Snapshot
from ragqa.text.bm25 import Fields, Statistics, bm25, is_named
from ragqa.text.sentences import facts_of, stems_of

POOL = 50  # passages that each search proposes, at least
RERANKED = 30  # passages that a reranker reads, at least
SHINGLE_WORDS = 5
DUPLICATE_SHARE = 0.8  # of a passage's shingles: so much of it stands in a better one
ALIKE = 0.5  # cosine; passages less alike are not compared word by word


@dataclass(frozen=True, slots=True)
class Weights:
    """What each score counts.

    `lexical` is for the BM25 score in units of a word that no passage has, which makes small and
    large indexes alike; `coverage` for the share of its maximum, which makes short and long
    questions alike.
    """

    late: float
    dense: float
    lexical: float
    coverage: float


# Chosen by trial on development data of several collections, as were the numbers below;
# `benchmarks/retrieval.py` measures what they are worth.
DEFAULT_WEIGHTS = Weights(late=1.0, dense=0.5, lexical=0.08, coverage=0.15)
# For embedders that give no words.
WITHOUT_WORDS = Weights(late=0.0, dense=1.0, lexical=0.15, coverage=0.2)
# For comparison: `benchmarks/retrieval.py`.
DENSE_ONLY = Weights(late=0.0, dense=1.0, lexical=0.0, coverage=0.0)
LEXICAL_ONLY = Weights(late=0.0, dense=0.0, lexical=1.0, coverage=0.0)
# A question that is nothing but the name of a file, an alias or a tag means that document.
NAMED_BONUS = 0.3


def retrieve(
    query: Query,
    embedder: Embedder,
    snapshot: Snapshot,
    count: int,
    allowed: PassageIds | None = None,
    weights: Weights = DEFAULT_WEIGHTS,
    reranker: Reranker | None = None,
) -> list[Hit]:
    """The `count` best passages for a query (of the `allowed` ones), best first, each once."""
    ranked = rank_candidates(query, embedder, snapshot, count, allowed, weights)
    if reranker is None:
        return hits_of(fold(ranked, count), snapshot, query)
    groups = fold(ranked, max(RERANKED, count))
    best = _reranked(query.read_as, groups, snapshot, reranker)[:count]
    return hits_of(best, snapshot, query)


@dataclass(frozen=True, slots=True)
class Candidate:
    """A passage that a search proposed, with what decides its place."""

    passage_id: int
    text: str
    encoding: Encoding
    scores: Scores

    @property
    def vector(self) -> npt.NDArray[np.float32]:
        """The passage's vector, normalized."""
        return self.encoding.vector


def rank_candidates(
    query: Query,
    embedder: Embedder,
    snapshot: Snapshot,
    count: int,
    allowed: PassageIds | None = None,
    weights: Weights = DEFAULT_WEIGHTS,
) -> list[Candidate]:
    """Everything that is looked at for `count` hits, best first, repeated texts too."""
    pool, statistics = pool_size(count), query.statistics
    assert statistics is not None
    near = snapshot.dense(query.vector, pool, allowed) if weights.dense else []
    matching = snapshot.lexical(query.words, pool, allowed, statistics) if weights.lexical else []
    dense, lexical = _ranks(near), _ranks(matching)
    usable = usable_weights(query, weights)
    scorer = _Scorer(query.vector, query.words, statistics, usable, dense, lexical)
    numbers = list(dense | lexical)
    fields, encodings = snapshot.fields(numbers), _encodings(numbers, embedder, snapshot)
    late = late_interaction.scores(query.word_vectors, [encodings[n].words for n in numbers])
    candidates = [
        scorer.candidate(number, fields[number], encodings[number], match)
        for number, match in zip(numbers, late.tolist(), strict=True)
    ]
    unasked = _unasked(candidates, query, snapshot)
    candidates = [one for one in candidates if one.passage_id not in unasked]
    return sorted(candidates, key=lambda c: (-c.scores.fused, c.passage_id))


def _unasked(candidates: Sequence[Candidate], query: Query, snapshot: Snapshot) -> set[int]:
    """Properties of notes of which the question names neither a key nor a value.

    They are short, and the title above them is all that "What is X?" needs to find them first.
    """
    asked = set(query.stems)
    of_properties = snapshot.of_properties([one.passage_id for one in candidates])
    return {
        one.passage_id
        for one in candidates
        if one.passage_id in of_properties
        and not (one.scores.named or asked & set(stems_of(one.text)))
    }


def _ranks(found: Sequence[tuple[int, float]]) -> dict[int, int]:
    """The place of each passage in the list of a search, from 1."""
    return {number: rank for rank, (number, _) in enumerate(found, 1)}


@dataclass(frozen=True)
class _Scorer:
    """One query, with all that its scores depend on; `dense` and `lexical` are ranks."""

    vector: npt.NDArray[np.float32]
    words: Sequence[str]
    statistics: Statistics
    weights: Weights
    dense: Mapping[int, int]
    lexical: Mapping[int, int]

    @cached_property
    def _greatest(self) -> float:
        return self.statistics.greatest_score(self.words) or 1.0

    @cached_property
    def _unit(self) -> float:
        return self.statistics.unit(self.words)

    def candidate(self, number: int, fields: Fields, encoding: Encoding, late: float) -> Candidate:
        """A passage with all its scores but a reranker's."""
        exact = bm25(self.words, fields, self.statistics)
        scores = Scores(
            dense_rank=self.dense.get(number),
            cosine=round(float(encoding.vector @ self.vector), 6),
            lexical_rank=self.lexical.get(number),
            bm25=round(exact, 6),
            coverage=round(exact / self._greatest, 6),
            late=round(late, 6),
            named=is_named(self.words, fields.names),
        )
        scores = replace(scores, fused=fuse(scores, self._unit, self.weights))
        return Candidate(number, fields.body, encoding, scores)


def pool_size(count: int) -> int:
    """How many passages each search proposes for `count` hits."""
    return max(POOL, count)


def fold(ranked: Sequence[Candidate], count: int) -> list[list[Candidate]]:
    """The first `count` candidates that repeat none before them, each with its repeats."""
    texts = [candidate.text for candidate in ranked]
    vectors = np.array([candidate.vector for candidate in ranked], dtype=np.float32)
    groups = fold_duplicates(texts, vectors, count)
    return [[ranked[place] for place in group] for group in groups]


def hits_of(groups: Sequence[Sequence[Candidate]], snapshot: Snapshot, query: Query) -> list[Hit]:
    """One hit for each group of candidates with one text, the best of it first."""
    stored = snapshot.passages([candidate.passage_id for group in groups for candidate in group])
    hits = []
    for best, *twins in groups:
        found = stored[best.passage_id]
        paths = dict.fromkeys(stored[twin.passage_id].path for twin in twins)
        hits.append(
            Hit(
                passage=found.passage,
                path=found.path,
                score=best.scores.deciding,
                similarity=best.scores.cosine,
                passage_id=best.passage_id,
                sha256=found.sha256,
                encoding=found.encoding,
                document_title=found.document_title or Path(found.path).stem,
                called=other_names(query, found),
                also_in=tuple(path for path in paths if path != found.path),
                scores=best.scores,
                words=best.encoding.words if len(best.encoding.words) else None,
            )
        )
    return hits


def _reranked(
    question: str, groups: Sequence[list[Candidate]], snapshot: Snapshot, reranker: Reranker
) -> list[list[Candidate]]:
    """The groups in the order of the reranker's scores for their first, equal ones as they were."""
    numbers = [best.passage_id for best, *_ in groups]
    stored = snapshot.passages(numbers)
    texts = [stored[number].passage.embedded_text for number in numbers]
    scored = [
        [replace(best, scores=replace(best.scores, reranked=round(float(score), 6))), *twins]
        for (best, *twins), score in zip(groups, reranker.scores(question, texts), strict=True)
    ]
    return sorted(scored, key=lambda group: -group[0].scores.deciding)


def usable_weights(query: Query, weights: Weights = DEFAULT_WEIGHTS) -> Weights:
    """The weights for what the embedder gives: some give no words."""
    return WITHOUT_WORDS if weights.late and not len(query.word_vectors) else weights


def fuse(scores: Scores, unit: float, weights: Weights) -> float:
    """The weighted mean of the scores, about 0 to 1; BM25 is counted in `unit`.

    A weighted sum beats reciprocal ranks here as in Bruch et al. 2023, "An Analysis of Fusion
    Functions for Hybrid Retrieval", arXiv:2210.11934.
    """
    return round(sum(parts_of(scores, unit, weights).values()), 6)


def parts_of(scores: Scores, unit: float, weights: Weights) -> dict[str, float]:
    """What each score, by its name in `Scores`, contributes to the fused one."""
    whole = weights.late + weights.dense + weights.lexical + weights.coverage
    parts = {
        "late": weights.late * scores.late,
        "cosine": weights.dense * scores.cosine,
        "bm25": weights.lexical * scores.bm25 / unit,
        "coverage": weights.coverage * scores.coverage,
        "named": NAMED_BONUS * (scores.named and bool(weights.coverage)),
    }
    return {name: part / whole for name, part in parts.items()}


def _encodings(
    numbers: Sequence[int], embedder: Embedder, snapshot: Snapshot
) -> dict[int, Encoding]:
    """What the index keeps of these passages; made anew where the cache has lost it."""
    found = {
        number: Encoding(*kept)
        for number, kept in snapshot.encoded(numbers, late_interaction.BYTES).items()
    }
    lost = [number for number in numbers if number not in found]
    if lost:
        stored = snapshot.passages(lost)
        texts = [stored[number].passage.embedded_text for number in lost]
        found.update(zip(lost, embedder.encode(texts), strict=True))
    return found


def fold_duplicates(
    texts: Sequence[str], vectors: npt.NDArray[np.float32], count: int
) -> list[list[int]]:
    """The first `count` places of texts that repeat none before them, each with its repeats.

    `vectors` [n, dimension] are those of the texts, normalized.
    """
    groups: list[list[int]] = []
    for place, text in enumerate(texts):
        alike = vectors[[group[0] for group in groups]] @ vectors[place] if groups else []
        twins = [group for group, cosine in zip(groups, alike, strict=True) if cosine >= ALIKE]
        for group in twins:
            if _repeats(text, texts[group[0]]):
                group.append(place)
                break
        else:
            if len(groups) < count:
                groups.append([place])
    return groups


@lru_cache(maxsize=256)
def shingles_of(text: str) -> frozenset[str]:
    """All runs of five words (the whole text where it is shorter)."""
    words = re.findall(r"\w+", text.lower())
    last = max(len(words) - SHINGLE_WORDS, 0)
    return frozenset(" ".join(words[i : i + SHINGLE_WORDS]) for i in range(last + 1))


def _repeats(text: str, other: str) -> bool:
    """Whether a passage says nothing new; a long one may well hold a short one and more.

    Two versions of which one has another value, name or negation say different things.
    """
    if text == other:
        return True
    ours, theirs = shingles_of(text), shingles_of(other)
    shared = len(ours & theirs)
    if shared < DUPLICATE_SHARE * len(ours):
        return False
    is_part = shared < DUPLICATE_SHARE * len(theirs)
    facts, known = facts_of(text), facts_of(other)
    return facts <= known if is_part else facts == known
