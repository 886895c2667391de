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

from ragqa.documents.folder import storable, why_left_out
from ragqa.errors import UsageError
from ragqa.lexical import bm25, question_words
from ragqa.pipeline import Session, prompt_budget, word_weights
from ragqa.prompt import build_prompt
from ragqa.records import Hit, Step, Trace
from ragqa.refusal import THRESHOLD, evidence_score
from ragqa.retrieval import (
    Candidate,
    fold,
    hits_of,
    parts_of,
    pool_size,
    rank_candidates,
    usable_weights,
)
from ragqa.store import IndexReader, KnownDocument, StoredPassage

SHOWN = 5  # of a list of names
PART_NAMES = {
    "late": "late interaction",
    "cosine": "cosine",
    "bm25": "BM25",
    "coverage": "coverage",
    "named": "name of the document",
}
Listed = Mapping[str, Any]  # a passage's place in the list of one search


def trace(name: str, question: str, session: Session) -> Trace:
    """Follow the document that `name` means: a path, or a file name or title in the index.

    Raises UsageError when it means several or a folder, ModelError and IndexDamagedError.
    """
    assert session.reader is not None
    path = locate(name, session.reader)
    steps = []
    for step in _steps(path, question, session, session.reader):
        steps.append(step)
        if not step.ok:
            break
    return Trace(path, question, tuple(steps))


def _steps(path: str, question: str, session: Session, reader: IndexReader) -> Iterator[Step]:
    """One step a stage. None but the last of them is taken further when it is not ok."""
    document = reader.document(path)
    yield _folder(Path(path), document, reader)
    assert document is not None
    ids = reader.passages_of(document.id)
    yield _reading(document, ids)
    yield _splitting(ids, question, reader)
    search = _Search(question, session, reader)
    place = search.place_of(ids)
    yield search.proposal(ids, place)
    assert place is not None
    yield search.fusion(place)
    yield search.folding(place)
    hits = hits_of(search.groups[: session.k], reader)
    yield _prompt(place.rank, question, hits, session)
    yield _found(place.rank, question, hits, session)


# Which document -----------------------------------------------------------------------------


def locate(name: str, reader: IndexReader) -> str:
    """The path of the document that is meant; of a file that the index does not know, too.

    Raises UsageError when several documents have that name, or a folder.
    """
    given = Path(name)
    paths = [Path(storable(str(path))) for path in (given.absolute(), given.resolve())]
    known = [str(path) for path in paths if reader.document(str(path))]
    if known or _is_file(given):
        return known[0] if known else str(_inside(paths, reader.folders()))
    called = [path for path, title in reader.titles() if _is_called(path, title, name)]
    if len(called) > 1:
        message = f"{len(called)} documents are called {name}: {_some(called)}"
        raise UsageError(message, "name one of them by its path")
    if not called and _is_there(given):
        raise UsageError(f"not a file: {name or repr(name)}", "name a document, not a folder")
    return called[0] if called else str(paths[0])


def _is_file(path: Path) -> bool:
    return _is_there(path) and not path.is_dir()


def _is_there(path: Path) -> bool:
    try:
        return path.exists()
    except OSError:  # a title may be too long for a name
        return False


def _inside(paths: Sequence[Path], folders: Sequence[str]) -> Path:
    """The one of two names of a file that is in an indexed folder."""
    inside = [path for path in paths if any(path.is_relative_to(folder) for folder in folders)]
    return (*inside, *paths)[0]


def _is_called(path: str, title: str | None, name: str) -> bool:
    """Whether a document goes by that title, that name, or that end of its path."""
    wanted, file = name.casefold(), Path(path.casefold())
    names = (file.stem, file.name, (title or "").casefold())
    return bool(wanted) and (wanted in names or str(file).endswith(f"/{wanted}"))


def _some(names: Sequence[str], separator: str = "; ") -> str:
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return separator.join(names[:SHOWN]) + more


# Before the search --------------------------------------------------------------------------


def _folder(file: Path, document: KnownDocument | None, reader: IndexReader) -> Step:
    """Is it where `index` looks?"""
    folders = [Path(folder) for folder in reader.folders() if file.is_relative_to(folder)]
    folder = max(folders, key=lambda path: len(path.parts), default=file.parent)
    if document:
        detail = f"{file.relative_to(folder)} in {folder}"
        return Step("folder", True, detail, {"folder": str(folder)})
    figures: dict[str, Any] = {"folders": reader.folders()}
    if not _is_file(file):
        detail = f"there is no file {file}, and no document of that name in the index"
        return Step("folder", False, detail, figures, "check the spelling")
    reasons = [why_left_out(file, where) for where in folders or [folder]]
    run = f"run: ragqa index {shlex.quote(str(folder))}"
    advice = f"change that, then {run}" if all(reasons) else run
    if not folders:
        known = _some(reader.folders(), ", ") or "none"
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


def _splitting(ids: Sequence[int], question: str, reader: IndexReader) -> Step:
    """How many passages are there of it, and how many have each word of the question?"""
    if not ids:
        advice = "see what is in the file besides markup"
        return Step("splitting", False, "no passage came of it", {"passages": 0}, advice)
    words = question_words(question)
    statistics = reader.statistics(words)
    fields = reader.fields(ids).values()
    counts = {word: sum(bm25([word], field, statistics) > 0 for field in fields) for word in words}
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

    def __init__(self, question: str, session: Session, reader: IndexReader) -> None:
        words = question_words(question)
        statistics = reader.statistics(words)
        asked = session.embedder.encode_question(question)
        _, passages = reader.counts()
        self._reader = reader
        self._k = session.k
        self._unit = statistics.unit(words)
        self._weights = usable_weights(asked)
        self._dense = reader.by_cosine(asked.vector)
        self._lexical = reader.lexical(words, passages, None, statistics)
        ranked = rank_candidates(question, session.embedder, reader, session.k)
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
            f" {_list_text('BM25', lexical) or 'BM25 finds no word of the question in it'}"
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
        advice = f"raise -k to {place.rank}, or ask {_with_words(mine)}"
        return Step("fusion", False, detail, figures, advice)

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
        return self._reader.passages([number])[number]


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


def _prompt(rank: int, question: str, hits: Sequence[Hit], session: Session) -> Step:
    """Has the model's context room for it?"""
    generator = session.generator
    if generator is None:
        detail = "the answer is made of the documents' own sentences: no token budget"
        return Step("prompt", True, detail, {"budget": None})
    budget = prompt_budget(generator, session.max_tokens)
    _, offered = build_prompt(question, hits, generator.count_tokens, budget)
    figures = {"rank": rank, "budget": budget, "offered": len(offered), "hits": len(hits)}
    room = f"room for {len(offered)} of {len(hits)} passages in {budget} tokens"
    if rank <= len(offered):
        return Step("prompt", True, room, figures)
    whole, _ = build_prompt(question, hits[:rank], generator.count_tokens, sys.maxsize)
    missing = generator.count_tokens(whole) - budget
    detail = f"place {rank}, but there is {room}: {missing} too few"
    advice = f"raise context_tokens by {missing} (see: ragqa config), or ask a shorter question"
    return Step("prompt", False, detail, {**figures, "missing": missing}, advice)


def _found(rank: int, question: str, hits: Sequence[Hit], session: Session) -> Step:
    """At which place, and whether `ask` would answer from it."""
    evidence = round(evidence_score(hits, word_weights(question, session)), 4)
    refused = evidence < THRESHOLD
    figures = {"rank": rank, "evidence": evidence, "threshold": THRESHOLD, "refused": refused}
    detail = f"place {rank} of {len(hits)}"
    if not refused:
        return Step("found", True, f"{detail}; `ask` answers: evidence {evidence}", figures)
    detail += (
        f"; but `ask` says `not in the documents`: evidence {evidence} is less than {THRESHOLD}"
    )
    return Step("found", True, detail, figures, "ask with more words of the passage")
