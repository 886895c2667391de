"""Why a document was found for a question, or at which stage it was lost, and by how much.

Follows one document through the stages in their order, with the code of the stages themselves, and
stops at the first one that loses it. Ranks beyond the pool are exact, so it takes longer than a
search. Knows nothing of how a trace is shown.
"""

from __future__ import annotations

import hashlib
import shlex
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from ragqa.answering.compose import prompt_budget
from ragqa.answering.pieces import sources_of
from ragqa.answering.prompt import build_prompt
from ragqa.documents.folder import why_left_out
from ragqa.evaluation.locate import locate, some
from ragqa.pipeline import Session
from ragqa.query import Query, make_query
from ragqa.records import Hit, Step, Trace
from ragqa.retrieval.hybrid import (
    Candidate,
    fold,
    hits_of,
    parts_of,
    pool_size,
    rank_candidates,
    usable_weights,
)
from ragqa.store.base import KnownDocument, Snapshot, StoredPassage
from ragqa.text.bm25 import bm25

LARGEST_K = 100  # that `-k` takes
PART_NAMES = {
    "late": "late interaction",
    "cosine": "cosine",
    "bm25": "BM25",
    "coverage": "coverage",
    "named": "name of the document",
}
Listed = Mapping[str, Any]  # a passage's place in the list of one search


def trace(name: str, question: str, session: Session, directory: Path = Path()) -> Trace:
    """Follow the document that `name` means: a path (from `directory` on), or a file name or title.

    Raises UsageError when it means none, several or a folder, ModelError and IndexDamagedError.
    """
    assert session.snapshot is not None
    session.snapshot.settle()
    path = locate(name, session.snapshot, directory)
    steps = []
    for step in _steps(path, question, session, session.snapshot):
        steps.append(step)
        if not step.ok:
            break
    return Trace(path, question, tuple(steps))


def _steps(path: str, question: str, session: Session, snapshot: Snapshot) -> Iterator[Step]:
    """One step a stage. None but the last of them is taken further when it is not ok."""
    document = snapshot.document(path)
    yield _folder(Path(path), document, snapshot)
    assert document is not None
    ids = snapshot.passages_of(document.id)
    yield _reading(document, ids)
    query = make_query(question, session.embedder, snapshot)
    yield _splitting(ids, query, snapshot)
    search = _Search(query, session, snapshot)
    place = search.place_of(ids)
    yield search.proposal(ids, place)
    assert place is not None
    yield search.fusion(place)
    yield search.folding(place)
    hits = hits_of(search.groups[: session.k], snapshot, query)
    yield _prompt(place.rank, query, hits, session)
    yield _found(place.rank, query, hits, session)


# Before the search --------------------------------------------------------------------------


def _folder(file: Path, document: KnownDocument | None, snapshot: Snapshot) -> Step:
    """Is it where `index` looks?"""
    folders = [Path(folder) for folder in snapshot.folders() if file.is_relative_to(folder)]
    folder = max(folders, key=lambda path: len(path.parts), default=file.parent)
    if document:
        detail = f"{file.relative_to(folder)} in {folder}"
        return Step("folder", True, detail, {"folder": str(folder)})
    figures: dict[str, Any] = {"folders": snapshot.folders()}
    reasons = [why_left_out(file, where) for where in folders or [folder]]
    run = f"run: ragqa index {shlex.quote(str(folder))}"
    advice = f"change that, then {run}" if all(reasons) else run
    if not folders:
        known = some(snapshot.folders(), ", ") or "none"
        also = f", and {reasons[0]}" if reasons[0] else ""
        detail = f"{file} is in none of the indexed folders ({known}){also}"
    elif all(reasons):
        detail = str(reasons[-1])
    else:
        detail = f"the last run of index has not seen {file}"
    return Step("folder", False, detail, figures, advice)


def _reading(document: KnownDocument, ids: Sequence[int]) -> Step:
    """Could it be read, and is it still what was read?"""
    state = _state(document)
    figures = {"reason": document.failed, "encoding": document.encoding or None, "file": state}
    if document.failed and not ids:
        advice = "mend the file, then run: ragqa index"
        return Step("reading", False, f"it could not be read: {document.failed}", figures, advice)
    detail = f"read as {document.encoding}"
    if document.failed:
        detail += f"; what was read before is searched, for now it {document.failed}"
    elif state != "unchanged":
        detail += f"; the file has {state} since then (run: ragqa index)"
    return Step("reading", True, detail, figures)


def _state(document: KnownDocument) -> str:
    """What became of the file since it was read: unchanged, changed or gone."""
    try:
        data = Path(document.path).read_bytes()
    except OSError:
        return "gone"
    return "unchanged" if hashlib.sha256(data).hexdigest() == document.sha256 else "changed"


def _splitting(ids: Sequence[int], query: Query, snapshot: Snapshot) -> Step:
    """How many passages are there of it, and how many have each word of the question?"""
    if not ids:
        advice = "see what is in the file besides markup"
        return Step("splitting", False, "no passage came of it", {"passages": 0}, advice)
    assert query.statistics is not None
    fields = snapshot.fields(ids).values()
    counts = {
        word: sum(bm25([word], field, query.statistics) > 0 for field in fields)
        for word in query.words
    }
    with_words = ", ".join(f"{word} {count}" for word, count in counts.items())
    passages = "1 passage" if len(ids) == 1 else f"{len(ids)} passages"
    detail = f"{passages}; with each word of the question: {with_words or 'no word'}"
    return Step("splitting", True, detail, {"passages": len(ids), "words": counts})


# The search ---------------------------------------------------------------------------------


class _Place(NamedTuple):
    """Where the best passage of a document got to; `first` is what it was folded into, or it."""

    rank: int
    candidate: Candidate
    first: Candidate

    @property
    def is_folded(self) -> bool:
        return self.candidate is not self.first


class _Search:
    """One search, with everything that it looked at, and both lists beyond their limit."""

    def __init__(self, query: Query, session: Session, snapshot: Snapshot) -> None:
        assert query.statistics is not None
        _, passages = snapshot.counts()
        self._query, self._embedder, self._snapshot = query, session.embedder, snapshot
        self._k = session.k
        self._unit = query.statistics.unit(query.words)
        self._weights = usable_weights(query)
        self._dense = snapshot.by_cosine(query.vector)
        self._lexical = snapshot.lexical(query.words, passages, None, query.statistics)
        ranked = rank_candidates(query, session.embedder, snapshot, session.k)
        self.groups = fold(ranked, len(ranked))

    def place_of(self, ids: Sequence[int]) -> _Place | None:
        """The best place of these passages: shown by itself, folded, not shown; None: nowhere."""
        wanted = set(ids)
        places = [
            _Place(rank, candidate, group[0])
            for rank, group in enumerate(self.groups, 1)
            for candidate in group
            if candidate.passage_id in wanted
        ]
        shown = [place for place in places if place.rank <= self._k and not place.is_folded]
        return min(shown or places, key=lambda place: place.rank, default=None)

    def proposal(self, ids: Sequence[int], place: _Place | None) -> Step:
        """Does one of the two searches propose a passage of it?"""
        number = place.candidate.passage_id if place else self._nearest(ids)
        limit = pool_size(self._k)
        dense = _listed(self._dense, number, limit)
        lexical = _listed(self._lexical, number, limit)
        stored = self._stored(number)
        detail = (
            f"lines {_span(stored)}: {_list_text('cosine', dense) or 'it has no vector'};"
            f" {_list_text('full-text score', lexical) or 'no place in the full-text list'}"
        )
        first, last = stored.passage.lines
        figures = {"start_line": first, "end_line": last, "dense": dense, "lexical": lexical}
        if place:
            return Step("searching", True, detail, figures)
        detail = f"no search proposes a passage of it. The nearest, {detail}"
        if dense and not dense["missed_by"]:
            detail += "; a large index is searched by approximation, which missed it"
        return Step("searching", False, detail, figures, f"ask {_with_words(stored)}")

    def _nearest(self, ids: Sequence[int]) -> int:
        """The passage with the best place in either list."""
        wanted = set(ids)
        places = [
            (rank, number)
            for found in (self._dense, self._lexical)
            for rank, (number, _) in enumerate(found, 1)
            if number in wanted
        ]
        return min(places)[1] if places else ids[0]

    def fusion(self, place: _Place) -> Step:
        """Is its best passage among the k best?"""
        own = place.candidate.scores
        figures: dict[str, Any] = {"rank": place.rank, "k": self._k, "score": own.fused}
        of = f"place {place.rank} of {len(self.groups)}"
        if place.rank <= self._k:
            return Step("fusion", True, f"{of}, score {own.fused:.4f}", figures)
        last = self.groups[self._k - 1][0]
        parts = self._difference(place.candidate, last)
        stored, mine = self._stored(last.passage_id), self._stored(place.candidate.passage_id)
        missing = last.scores.fused - own.fused
        folded = " as a near-duplicate" * place.is_folded
        detail = (
            f"{of}{folded}, but -k takes {self._k}: score {own.fused:.4f}, {missing:.4f} less"
            f" than place {self._k}, {stored.path}:{_span(stored)}; {_parts_text(parts)}"
        )
        figures |= {"kth_score": last.scores.fused, "kth_path": stored.path, "parts": parts}
        enough = self._place_among_most(place)
        raised = f"raise -k to {enough}, or " if enough <= LARGEST_K else ""
        advice = f"{raised}ask {_with_words(mine)}"
        return Step("fusion", False, detail, figures, advice)

    def _place_among_most(self, place: _Place) -> int:
        """The place when as many passages are looked at as can be: a larger k proposes more."""
        ranked = rank_candidates(self._query, self._embedder, self._snapshot, LARGEST_K)
        for rank, group in enumerate(fold(ranked, len(ranked)), 1):
            if place.candidate.passage_id in (candidate.passage_id for candidate in group):
                return rank
        return LARGEST_K + 1

    def _difference(self, candidate: Candidate, other: Candidate) -> dict[str, float]:
        """How much more each part contributes to the score of one than to that of the other."""
        mine = parts_of(candidate.scores, self._unit, self._weights)
        theirs = parts_of(other.scores, self._unit, self._weights)
        return {name: round(mine[name] - theirs[name], 6) for name in mine}

    def folding(self, place: _Place) -> Step:
        """Is it shown by itself, or as a near-duplicate of another passage?"""
        if not place.is_folded:
            figures = {"into": None, "rank": place.rank}
            return Step("folding", True, "it repeats no better passage", figures)
        stored = self._stored(place.first.passage_id)
        detail = (
            f"a near-duplicate, shown as `also in` with {stored.path}:{_span(stored)},"
            f" whose score is {place.first.scores.fused:.4f}"
        )
        return Step("folding", True, detail, {"into": stored.path, "rank": place.rank})

    def _stored(self, number: int) -> StoredPassage:
        return self._snapshot.passages([number])[number]


def _listed(found: Sequence[tuple[int, float]], number: int, limit: int) -> Listed | None:
    """Place and score of a passage in a list, those that it missed, None when it is not there."""
    for rank, (other, score) in enumerate(found, 1):
        if other == number:
            last = found[min(limit, len(found)) - 1][1]
            return {
                "rank": rank,
                "of": len(found),
                "score": round(score, 4),
                "limit": limit,
                "limit_score": round(last, 4),
                "missed_by": max(rank - limit, 0),
            }
    return None


def _list_text(name: str, listed: Listed | None) -> str:
    if not listed:
        return ""
    text = f"{name} {listed['score']:.3f} is place {listed['rank']} of {listed['of']}"
    if not listed["missed_by"]:
        return text
    missing = listed["limit_score"] - listed["score"]
    return f"{text}, {listed['missed_by']} beyond the first {listed['limit']} ({missing:.3f} less)"


def _parts_text(parts: Mapping[str, float]) -> str:
    """What the difference of two scores is made of, the greatest loss by name."""
    worst = min(parts, key=lambda name: parts[name])
    if parts[worst] >= 0:
        return "equal scores keep the order of the index"
    named = ", ".join(f"{PART_NAMES[name]} {part:+.4f}" for name, part in parts.items() if part)
    return f"most is lost by {PART_NAMES[worst]}: {named}"


def _span(stored: StoredPassage) -> str:
    first, last = stored.passage.lines
    return f"{first}-{last}"


def _with_words(stored: StoredPassage) -> str:
    """Which words would find a passage: those that stand above it."""
    names = (stored.passage.title, *stored.passage.headings)
    above = " > ".join(dict.fromkeys(filter(None, names))) or Path(stored.path).stem
    return f"with words of the passage, such as: {above}"


# After the search ---------------------------------------------------------------------------


def _prompt(rank: int, query: Query, hits: Sequence[Hit], session: Session) -> Step:
    """Has the model's context room for it?"""
    generator = session.generator
    if generator is None:
        detail = "the answer is made of the documents' own sentences: no token budget"
        return Step("prompt", True, detail, {"budget": None})
    budget = prompt_budget(generator, session.max_tokens)
    sources = sources_of(hits)
    _, offered = build_prompt(query.text, sources, generator.count_tokens, budget)
    # Neighbouring passages are offered as one text.
    fitting = [any(_is_part(hit, source.hit) for source in offered) for hit in hits]
    figures = {"rank": rank, "budget": budget, "offered": sum(fitting), "hits": len(hits)}
    room = f"room for {sum(fitting)} of {len(hits)} passages in {budget} tokens"
    if fitting[rank - 1]:
        return Step("prompt", True, room, figures)
    whole, _ = build_prompt(query.text, sources[:rank], generator.count_tokens, sys.maxsize)
    missing = generator.count_tokens(whole) - budget
    detail = f"place {rank}, but there is {room}: {missing} too few"
    advice = f"raise context_tokens by {missing} (see: ragqa config), or ask a shorter question"
    return Step("prompt", False, detail, {**figures, "missing": missing}, advice)


def _is_part(hit: Hit, text: Hit) -> bool:
    """Whether a text that is offered holds a hit, whole or cut."""
    lines = {block.line for block in text.passage.blocks}
    return hit.path == text.path and {block.line for block in hit.passage.blocks} <= lines


def _found(rank: int, query: Query, hits: Sequence[Hit], session: Session) -> Step:
    """At which place, and whether `ask` would answer from it."""
    with session.loading():
        sure = session.confidence(session.assess(query, hits))
    threshold = session.threshold
    figures = {
        "rank": rank,
        "confidence": sure,
        "threshold": threshold,
        "refused": sure < threshold,
    }
    detail = f"place {rank} of {len(hits)}"
    if sure >= threshold:
        return Step("found", True, f"{detail}; `ask` answers: confidence {sure}", figures)
    detail += f"; but `ask` says `not in the documents`: confidence {sure} is less than {threshold}"
    return Step("found", True, detail, figures, "ask with more words of the passage")
