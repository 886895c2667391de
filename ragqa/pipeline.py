"""The stages in order: the one place that names them all.

folder -> documents -> passages -> embeddings -> store                               `build_index`
question -> query -> retrieval -> units -> assessment -> answer -> citations          `ask`
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from pathlib import Path

from ragqa.answering.citations import Citer
from ragqa.answering.compose import (
    Evidence,
    Made,
    Progress,
    assess,
    compose,
    nearest_places,
    quote,
)
from ragqa.answering.confidence import Calibration, shown
from ragqa.documents.readers import ENDINGS
from ragqa.embedding import matching_embedder
from ragqa.embedding.base import Embedder, LoadEmbedder
from ragqa.errors import DocumentError, UsageError, no_index
from ragqa.generators.base import Generator, TokenModel
from ragqa.indexing import IndexRun, Observer, changed_files
from ragqa.query import Query, make_query
from ragqa.records import Answer, GivenText, Hit, IndexReport
from ragqa.retrieval.given import hits_of_texts
from ragqa.retrieval.hybrid import retrieve
from ragqa.retrieval.rerankers.base import Reranker
from ragqa.retrieval.whole_units import with_whole_units
from ragqa.settings import Settings
from ragqa.store.answers import AnswerCache, digests_of
from ragqa.store.base import Index, PassageIds, Snapshot, Writer
from ragqa.store.filters import Filter

NO_MATCH = "no document matches the filter"


def build_index(
    index: Index,
    folders: Sequence[Path],
    load_embedder: LoadEmbedder,
    observe: Observer,
    *,
    embedder_model: str = "",
    max_file_bytes: int = 20_000_000,
    wait: float = 0.0,
    dry_run: bool = False,
    force: bool = False,
) -> IndexReport:
    """Bring an index up to date with `folders`, or with those that it knows.

    Files whose size and time are as they were are not read, unless by `force`.

    Raises IndexBusyError, IndexDamagedError, UsageError, ModelError, NoIndexError when no folder
    is known, and DocumentError when nothing readable is in one that was named; in each case what
    was indexed before stays.
    """
    with index.writer(wait) as writer:
        embedder = matching_embedder(writer.meta, embedder_model, load_embedder)
        run = IndexRun(writer, index.directory, max_file_bytes, force)
        run.find(_folders_to_visit(folders, writer, index), observe)
        run.read(embedder, observe)
        _require_documents(folders, run)
        if dry_run:
            run.count_missing_vectors(embedder)
            return run.report()  # leaving the writer takes all of it back
        if run.has_changed or not writer.is_intact():
            run.embed(embedder, observe)
            run.publish(embedder)
        return run.finish()


@dataclass
class Session:
    """What `ask` works with; one session can answer many questions.

    `snapshot` is None when the passages come with the question; `generator` is None for answers
    in the documents' own words, in which `span_model`, where there is one, marks those that answer;
    `allowed` is None where no filter is set; `reranker` None leaves passages in the order of
    retrieval. A question is refused when its confidence, corrected by the `calibration` where the
    index has one, is below the `threshold`. `answers` are those that were given before, where they
    may be given again; `settings` and `only` (the filter) are what the session was opened with;
    `on_preparing` is told when the span model is made ready for this processor.
    """

    embedder: Embedder
    snapshot: Snapshot | None = None
    generator: Generator | None = None
    k: int = 6
    max_tokens: int = 256
    warnings: list[str] = field(default_factory=list)
    reranker: Reranker | None = None
    allowed: PassageIds | None = None
    span_model: TokenModel | None = None
    threshold: float = 0.3
    calibration: Calibration | None = None
    answers: AnswerCache | None = None
    settings: Settings = field(default_factory=Settings)
    only: Filter = field(default_factory=Filter)
    on_preparing: Callable[[], None] = lambda: None
    opened_at: float = field(default_factory=time.perf_counter)

    @property
    def model(self) -> Generator | TokenModel | None:
        """The model that writes, or points at words; None where nothing is marked."""
        return self.generator or self.span_model

    @property
    def is_barred(self) -> bool:
        """True when there is a filter and no document matches it."""
        return self.allowed is not None and len(self.allowed) == 0

    @contextmanager
    def loading(self) -> Iterator[None]:
        """The models that answer are loaded meanwhile; an error comes again where they are used.

        Nothing may be shown before the end: llama.cpp's log is kept off the standard streams.
        """
        from ragqa.text import lemmas

        with ThreadPoolExecutor() as pool:
            if self.span_model:
                pool.submit(self.span_model.load, self.on_preparing)
            if self.generator:
                pool.submit(self.generator.load)
                pool.submit(lemmas.load)  # for the verdicts on what it writes
            yield

    @cached_property
    def changed_files(self) -> int:
        """How many files have changed since the index was made; 0 where there is no index."""
        return changed_files(self.snapshot) if self.snapshot else 0

    def query(self, question: str) -> Query:
        """All that is known of a question."""
        return make_query(question, self.embedder, self.snapshot)

    def search(self, query: Query) -> list[Hit]:
        """The `k` best passages of the index for a query; none where there is no index."""
        if self.snapshot is None:
            return []
        return retrieve(
            query, self.embedder, self.snapshot, self.k, self.allowed, reranker=self.reranker
        )

    def units(self, hits: Sequence[Hit]) -> list[Hit]:
        """The hits with their units whole."""
        return with_whole_units(hits, self.snapshot) if self.snapshot else list(hits)

    def assess(
        self, query: Query, hits: Sequence[Hit], done: Callable[[str], None] = lambda stage: None
    ) -> Evidence:
        """Look through the hits for an answer; `done` is told of each stage."""
        return assess(query, hits, self.embedder, self.span_model, done)

    def confidence(self, evidence: Evidence) -> float:
        """The probability that there is an answer in the documents."""
        raw = evidence.confidence
        return shown(self.calibration.probability(raw)) if self.calibration else raw


def ask(
    question: str,
    session: Session,
    given: Sequence[GivenText] = (),
    progress: Progress | None = None,
) -> Answer:
    """Answer a question from the index, from `given` texts, or from both.

    Nothing is shown before it is decided that the documents answer it. Raises ModelError and
    IndexDamagedError.
    """
    clock, heard = _Clock(), progress or Progress()
    kept = None if given else session.answers  # texts that are not indexed are not kept either
    if kept and (known := kept.find(question)):
        return _told(_given_again(known, session, heard, clock), session)
    with session.loading():
        query = session.query(question)
        of_texts = hits_of_texts(query, given, session.embedder)
        hits = [*of_texts, *session.units(session.search(query))]
        clock.lap("retrieve")
        files = digests_of(hit.path for hit in hits) if kept else {}
        evidence = session.assess(query, hits, clock.lap)
    clock.lap("prefill")
    answer = _answer(evidence, given, session, heard, clock)
    if kept:
        kept.keep(question, answer, files)
    answer = replace(answer, warnings=(*session.warnings, *answer.warnings), timings_ms=clock.laps)
    return _told(answer, session)


def _told(answer: Answer, session: Session) -> Answer:
    """A refusal with what may be the reason of it: that files have changed."""
    if answer.state != "not_in_documents" or not (changed := session.changed_files):
        return answer
    files = "file has" if changed == 1 else "files have"
    told = f"{changed:,} {files} changed since the index was made; run: ragqa index"
    return replace(answer, warnings=(*answer.warnings, told))


def _answer(
    evidence: Evidence,
    given: Sequence[GivenText],
    session: Session,
    heard: Progress,
    clock: _Clock,
) -> Answer:
    """The answer that the evidence gives, or that it gives none."""
    sure = session.confidence(evidence)
    answer = Answer(
        state="not_in_documents",
        question=evidence.query.text,
        models=_model_names(session),
        index=_index_facts(session.snapshot),
        warnings=tuple(_query_warnings(evidence.query, session)),
        confidence=sure,
    )
    if not evidence.ranked or sure < session.threshold:
        return replace(answer, nearest=nearest_places(evidence.ranked))
    started = partial(clock.lap, "prefill")
    made = compose(evidence, given, session.generator, session.max_tokens, heard, started)
    if not made.sentences and session.threshold == 0:  # asked to answer always
        made = quote(evidence, given, heard)._replace(prompt=made.prompt)
    clock.lap("generate")
    return replace(
        answer,
        state=made.state,
        sentences=made.sentences,
        nearest=() if made.sentences else nearest_places(evidence.ranked),
        short=made.short,
        prompt=made.prompt,
        citations=tuple(made.citer.citations),
        removed=made.citer.removed,
        warnings=(*answer.warnings, *_citation_warnings(made.citer), *_order_warnings(made)),
    )


def _given_again(answer: Answer, session: Session, heard: Progress, clock: _Clock) -> Answer:
    """An answer from the cache, as if it had just been made."""
    for sentence in answer.sentences:
        heard.on_sentence(sentence)
    clock.lap("recall")
    return replace(
        answer,
        index=_index_facts(session.snapshot),  # which may lie in another place now
        warnings=(*session.warnings, *answer.warnings),
        timings_ms=clock.laps,
    )


def forget(index: Index, folder: Path, load_embedder: LoadEmbedder) -> int:
    """Take a folder's documents out of the index; how many they were.

    Raises UsageError when the index does not know the folder.
    """
    with index.writer() as writer:
        if str(folder) not in writer.folders():
            known = ", ".join(writer.folders()) or "none"
            raise UsageError(f"not a folder of this index: {folder}", f"it knows: {known}")
        embedder = matching_embedder(writer.meta, "", load_embedder)
        removed = writer.forget_folder(folder)
        run = IndexRun(writer, index.directory, 0)
        run.embed(embedder, lambda *_: None)
        run.publish(embedder)
        return removed


def _folders_to_visit(named: Sequence[Path], writer: Writer, index: Index) -> list[Path]:
    """Those that were named, else all that the index knows; all where it has lost its documents."""
    known = [Path(folder) for folder in writer.folders()]
    if not named and not known:
        raise no_index(index.directory)
    return list(dict.fromkeys([*named, *known])) if writer.is_anew else list(named) or known


def _require_documents(folders: Sequence[Path], run: IndexRun) -> None:
    """DocumentError when a named folder holds nothing that could be read."""
    for folder in folders:
        if not run.is_readable(folder):
            failed = run.report().failed
            reasons = [item.reason for item in failed if Path(item.path).is_relative_to(folder)]
            detail = f" ({len(reasons)} failed, e.g.: {reasons[0]})" if reasons else ""
            endings = " ".join(ENDINGS)
            raise DocumentError(
                f"nothing readable in {folder}{detail}", f"files of these kinds are read: {endings}"
            )


def _model_names(session: Session) -> dict[str, str | None]:
    written_by = session.model.name if session.model else None
    names = {"embedder": session.embedder.name, "generator": written_by}
    return {**names, "reranker": session.reranker.name} if session.reranker else names


def _index_facts(snapshot: Snapshot | None) -> dict[str, object] | None:
    if snapshot is None:
        return None
    return {"path": str(snapshot.directory), "generation": snapshot.generation}


def _citation_warnings(citer: Citer) -> list[str]:
    stale = dict.fromkeys(citation.path for citation in citer.citations if citation.stale)
    hint = "has changed or gone since it was indexed; run: ragqa index"
    warnings = [f"{path} {hint}" for path in stale]
    if citer.removed:
        warnings.append(f"citation numbers that the model invented were removed: {citer.removed}")
    return warnings


def _query_warnings(query: Query, session: Session) -> Iterator[str]:
    """What is to be told of a question whatever its answer is."""
    if session.is_barred:
        yield NO_MATCH
    if query.corrected:
        yield f"the documents have no such word; read as: {query.corrected}"


def _order_warnings(made: Made) -> list[str]:
    """One for each place whose order to whoever reads it was left out."""
    places = dict.fromkeys((order.hit.path, order.block.line) for order in made.orders)
    told = "gives orders to whoever reads it: that was left out"
    return [f"{path}:{line} {told}" for path, line in places]


class _Clock:
    """Milliseconds of each stage."""

    def __init__(self) -> None:
        self.laps: dict[str, float] = {}
        self._last = time.perf_counter()

    def lap(self, name: str) -> None:
        now = time.perf_counter()
        self.laps[name] = round(self.laps.get(name, 0.0) + (now - self._last) * 1000, 1)
        self._last = now
