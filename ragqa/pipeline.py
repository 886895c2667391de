"""The stages in order: the one place that names them all.

folder -> documents -> passages -> embeddings -> store                      `build_index`
question -> retrieval -> prompt -> generation -> citations -> Answer        `ask`
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain
from pathlib import Path
from typing import NamedTuple

from ragqa import models
from ragqa.citations import Citer, SourceText
from ragqa.documents import READERS
from ragqa.documents.decoding import decode
from ragqa.embedding import Embedder
from ragqa.errors import DocumentError, IndexDamagedError, ModelError, UsageError
from ragqa.extraction import Ranked, best_sentences, rank_sentences
from ragqa.generation import Generator, without_thinking
from ragqa.given import GivenText, hits_of_texts
from ragqa.indexing import IndexRun, Observer
from ragqa.lexical import question_words
from ragqa.prompt import REFUSAL, build_prompt
from ragqa.reading import Reading, TokenModel, read
from ragqa.records import Answer, Hit, IndexReport, Sentence, State
from ragqa.refusal import Reliance, Signals, confidence, coverage, nearest
from ragqa.reranking import Reranker
from ragqa.retrieval import retrieve
from ragqa.sentences import stream_sentences
from ragqa.store import IndexReader, IndexWriter, PassageIds, no_index

LoadEmbedder = Callable[[str], Embedder]
TEMPLATE_TOKENS = 64  # room for the chat template around the message
BEFORE_REFUSAL = " .[(\"'*\n"  # what a model may put before and after it
NO_MATCH = "no document matches the filter"
MAX_REPEATED = 2  # sentences said again before an answer is cut off


def build_index(
    directory: Path,
    folders: Sequence[Path],
    load_embedder: LoadEmbedder,
    observe: Observer,
    *,
    embedder_model: str = "",
    max_file_bytes: int = 20_000_000,
    wait: float = 0.0,
    dry_run: bool = False,
) -> IndexReport:
    """Bring the index in `directory` up to date with `folders`, or with those that it knows.

    Raises IndexBusyError, IndexDamagedError, UsageError, ModelError, NoIndexError when no folder
    is known, and DocumentError when nothing readable is in one that was named; in each case what
    was indexed before stays.
    """
    with IndexWriter(directory, wait) as writer:
        embedder = matching_embedder(writer.meta, embedder_model, load_embedder)
        run = IndexRun(writer, max_file_bytes)
        run.find(_folders_to_visit(folders, writer), observe)
        run.read(embedder, observe)
        _require_documents(folders, run)
        if dry_run:
            run.count_missing_vectors(embedder)
            return run.report()  # leaving the writer takes all of it back
        if run.has_changed or not writer.vectors_are_intact():
            run.embed(embedder, observe)
            run.publish(embedder)
        return run.finish()


@dataclass
class Session:
    """What `ask` works with; one session can answer many questions.

    `reader` is None when the passages come with the question; `generator` is None for answers
    in the documents' own words: those that `span_model` points at, or without it whole sentences;
    `allowed` is None where no filter is set; `reranker` None leaves passages in the order of
    retrieval. A question is refused when its confidence is below the `threshold`.
    """

    embedder: Embedder
    reader: IndexReader | None = None
    generator: Generator | None = None
    k: int = 6
    max_tokens: int = 256
    warnings: list[str] = field(default_factory=list)
    reranker: Reranker | None = None
    allowed: PassageIds | None = None
    span_model: TokenModel | None = None
    threshold: float = 0.5

    @property
    def is_barred(self) -> bool:
        """True when there is a filter and no document matches it."""
        return self.allowed is not None and len(self.allowed) == 0

    def search(self, question: str) -> list[Hit]:
        """The `k` best passages of the index for a question; none where there is no index."""
        if self.reader is None:
            return []
        return retrieve(
            question, self.embedder, self.reader, self.k, self.allowed, reranker=self.reranker
        )


@dataclass
class Progress:
    """Where an answer goes while it is made: pieces as they come, sentences once judged."""

    on_piece: Callable[[str], None] = lambda piece: None
    on_sentence: Callable[[Sentence], None] = lambda sentence: None


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
    progress = progress or Progress()
    clock = _Clock()
    hits = hits_of_texts(question, given, session.embedder)
    hits += session.search(question)
    answer = Answer(
        state="not_in_documents",
        question=question,
        models=_model_names(session),
        index=_index_facts(session.reader),
        warnings=(*session.warnings, *[NO_MATCH] * session.is_barred),
    )
    clock.lap("retrieve")
    evidence = assess(question, hits, session)
    clock.lap("prefill")
    answer = replace(answer, confidence=round(evidence.confidence, 4))
    answerable = evidence.ranked and evidence.confidence >= session.threshold
    made = _answer(evidence, given, session, progress, clock) if answerable else None
    clock.lap("generate")
    if made is None:
        return replace(answer, timings_ms=clock.laps)
    citer, sentences, prompt = made
    return replace(
        answer,
        state=_state(sentences),
        sentences=sentences,
        prompt=prompt,
        citations=tuple(citer.citations),
        removed=citer.removed,
        warnings=(*answer.warnings, *_citation_warnings(citer)),
        timings_ms=clock.laps,
    )


def _state(sentences: Sequence[Sentence]) -> State:
    """What the verdicts on its sentences make of an answer; one without any is none."""
    if not sentences:
        return "not_in_documents"
    supported = any(sentence.support == "supported" for sentence in sentences)
    return "answered" if supported else "unsupported"


class Evidence(NamedTuple):
    """What an answer is made from, and how sure it is that there is one."""

    question: str
    hits: Sequence[Hit]
    ranked: Sequence[Ranked]
    reading: Reading | None
    signals: Signals

    @property
    def confidence(self) -> float:
        """The probability that the hits answer the question."""
        return confidence(self.signals)


def assess(question: str, hits: Sequence[Hit], session: Session) -> Evidence:
    """Look through the hits for an answer."""
    ranked = rank_sentences(question, hits, session.embedder)
    reading = read(question, ranked, session.span_model) if session.span_model else None
    signals = Signals(
        nearest(hits),
        coverage(hits, word_weights(question, session)),
        ranked[0].score if ranked else 0.0,
        Reliance(reading.p_refused, reading.p_passage, reading.p_span) if reading else None,
    )
    return Evidence(question, hits, ranked, reading, signals)


class _Made(NamedTuple):
    """An answer's parts; `prompt` is what a model was told that wrote it."""

    citer: Citer
    sentences: tuple[Sentence, ...]
    prompt: str = ""


def _answer(
    evidence: Evidence,
    given: Sequence[GivenText],
    session: Session,
    progress: Progress,
    clock: _Clock,
) -> _Made | None:
    """The sentences of an answer with their citations; None when the model itself refuses."""
    if session.generator is None:
        return _quote(evidence, given, progress)
    offered, message, pieces = _pieces(evidence, session.generator, session.max_tokens)
    accepted = _unless_refused(pieces)
    clock.lap("prefill")
    if accepted is None and session.threshold > 0:
        return None
    if accepted is None:  # asked to answer always
        return _quote(evidence, given, progress)
    citer = Citer(offered, read_sources(offered, given))
    return _Made(citer, tuple(_judged(accepted, citer, progress)), message)


def _quote(evidence: Evidence, given: Sequence[GivenText], progress: Progress) -> _Made:
    """An answer in the documents' own words: the ones that were read, or whole sentences."""
    citer = Citer(evidence.hits, read_sources(evidence.hits, given), model_wrote=False)
    reading = evidence.reading
    if reading and reading.is_short:
        said = reading.sentence
        quoted = citer.add_quote(reading.text, said.place, said.block, said.first, said.last)
        progress.on_sentence(quoted)
        return _Made(citer, (quoted,))
    pieces = (f"{sentence.shown}\n" for sentence in best_sentences(evidence.ranked))
    return _Made(citer, tuple(_judged(pieces, citer, progress)))


def _pieces(
    evidence: Evidence, generator: Generator, max_tokens: int
) -> tuple[Sequence[Hit], str, Iterator[str]]:
    """The hits that a model is shown, the message, and the text that it writes, as it comes."""
    budget = prompt_budget(generator, max_tokens)
    message, offered = build_prompt(
        evidence.question, evidence.hits, generator.count_tokens, budget
    )
    if not offered:
        raise ModelError(
            "the question leaves no room for passages in the model's context",
            "ask a shorter question, or raise context_tokens",
        )
    return offered, message, without_thinking(generator.stream(message, max_tokens))


def prompt_budget(generator: Generator, max_tokens: int) -> int:
    """The most tokens that a message may have, when the answer may have `max_tokens`."""
    # The answer may take half of the context at most: without passages it would be invented.
    reserve = min(max_tokens, generator.context_tokens // 2)
    return generator.context_tokens - reserve - TEMPLATE_TOKENS


def _unless_refused(pieces: Iterator[str]) -> Iterator[str] | None:
    """The pieces; None when they begin with the model's own refusal."""
    head = ""
    for piece in pieces:
        head += piece
        if len(head.strip(BEFORE_REFUSAL)) > len(REFUSAL):
            break
    if head.strip(BEFORE_REFUSAL).lower().startswith(REFUSAL):
        return None
    return chain([head], pieces)


def _judged(pieces: Iterator[str], citer: Citer, progress: Progress) -> Iterator[Sentence]:
    """The sentences of a text with their verdicts; a text that goes in circles ends."""

    def shown() -> Iterator[str]:
        for piece in pieces:
            progress.on_piece(piece)
            yield piece

    for raw in stream_sentences(shown()):
        if sentence := citer.add(raw):
            progress.on_sentence(sentence)
            yield sentence
        elif citer.repeated >= MAX_REPEATED:
            return


def read_sources(hits: Sequence[Hit], given: Sequence[GivenText] = ()) -> dict[str, SourceText]:
    """The present text of each file that the hits come from."""
    sources = {text.path: SourceText(text.text, changed=False) for text in given}
    for hit in hits:
        if hit.path in sources:
            continue
        try:
            data = Path(hit.path).read_bytes()
            text, _ = decode(data, hit.encoding)
        except (OSError, DocumentError):
            sources[hit.path] = SourceText(None, changed=True)
        else:
            changed = hashlib.sha256(data).hexdigest() != hit.sha256
            sources[hit.path] = SourceText(text, changed)
    return sources


def matching_embedder(meta: Mapping[str, str], wanted: str, load: LoadEmbedder) -> Embedder:
    """The embedder that an index was made with; for a new index the wanted or the bundled one.

    Raises IndexDamagedError when another one is wanted.
    """
    made_with = meta.get("embedder_model", "")
    embedder = load(wanted or made_with or models.BUNDLED_EMBEDDER)
    if "embedder" in meta and embedder.fingerprint != meta["embedder"]:
        raise IndexDamagedError(
            f"the index was made with the embedder {meta['embedder']}, not {embedder.fingerprint}",
            "leave --embedder out, or make another index with --index DIR or -c NAME",
        )
    return embedder


def forget(directory: Path, folder: Path, load_embedder: LoadEmbedder) -> int:
    """Take a folder's documents out of the index; how many they were.

    Raises UsageError when the index does not know the folder.
    """
    with IndexWriter(directory) as writer:
        if str(folder) not in writer.folders():
            known = ", ".join(writer.folders()) or "none"
            raise UsageError(f"not a folder of this index: {folder}", f"it knows: {known}")
        embedder = matching_embedder(writer.meta, "", load_embedder)
        removed = writer.forget_folder(folder)
        run = IndexRun(writer, 0)
        run.embed(embedder, lambda *_: None)
        run.publish(embedder)
        return removed


def _folders_to_visit(named: Sequence[Path], writer: IndexWriter) -> list[Path]:
    """Those that were named, else all that the index knows; all where it has lost its documents."""
    known = [Path(folder) for folder in writer.folders()]
    if not named and not known:
        raise no_index(writer.directory)
    return list(dict.fromkeys([*named, *known])) if writer.is_anew else list(named) or known


def _require_documents(folders: Sequence[Path], run: IndexRun) -> None:
    """DocumentError when a named folder holds nothing that could be read."""
    for folder in folders:
        if not run.is_readable(folder):
            failed = run.report().failed
            reasons = [item.reason for item in failed if Path(item.path).is_relative_to(folder)]
            detail = f" ({len(reasons)} failed, e.g.: {reasons[0]})" if reasons else ""
            endings = " ".join(READERS)
            raise DocumentError(
                f"nothing readable in {folder}{detail}", f"files of these kinds are read: {endings}"
            )


def _model_names(session: Session) -> dict[str, str | None]:
    written_by = session.generator or session.span_model
    names = {
        "embedder": session.embedder.name,
        "generator": written_by.name if written_by else None,
    }
    return {**names, "reranker": session.reranker.name} if session.reranker else names


def _index_facts(reader: IndexReader | None) -> dict[str, object] | None:
    return {"path": str(reader.directory), "generation": reader.generation} if reader else None


def word_weights(question: str, session: Session) -> Mapping[str, float]:
    """How much each word of the question says; all the same where there is no index to count in."""
    words = question_words(question)
    if session.reader is None:
        return dict.fromkeys(words, 1.0)
    statistics = session.reader.statistics(words)
    return {word: statistics.weight(word) for word in words}


def _citation_warnings(citer: Citer) -> list[str]:
    stale = dict.fromkeys(citation.path for citation in citer.citations if citation.stale)
    hint = "has changed or gone since it was indexed; run: ragqa index"
    warnings = [f"{path} {hint}" for path in stale]
    if citer.removed:
        warnings.append(f"citation numbers that the model invented were removed: {citer.removed}")
    return warnings


class _Clock:
    """Milliseconds of each stage."""

    def __init__(self) -> None:
        self.laps: dict[str, float] = {}
        self._last = time.perf_counter()

    def lap(self, name: str) -> None:
        now = time.perf_counter()
        self.laps[name] = round((now - self._last) * 1000, 1)
        self._last = now
