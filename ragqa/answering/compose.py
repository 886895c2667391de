"""Query + hits -> is there an answer, and its sentences: quoted, or written by a model and judged.

Says nothing before it is known that there is an answer. Knows nothing of how hits are found.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from collections.abc import Generator as Stream
from contextlib import closing
from dataclasses import dataclass
from datetime import date
from itertools import chain
from pathlib import Path
from typing import NamedTuple

from ragqa.answering.citations import Citer, FileText
from ragqa.answering.confidence import Signals, confidence, coverage, has_names, nearest
from ragqa.answering.excerpts import sentences_of
from ragqa.answering.pieces import Piece, Source, sources_of
from ragqa.answering.prompt import REFUSAL, build_prompt
from ragqa.answering.selection import Excerpt, select
from ragqa.answering.span_reader import Reading, read
from ragqa.answering.unit_ranking import RankedPart, RankedUnit, rank_units
from ragqa.answering.units import names_above, units_of
from ragqa.documents import text_of
from ragqa.embedding.base import Embedder
from ragqa.errors import DocumentError, ModelError
from ragqa.generators.base import Generator, Message, TokenModel
from ragqa.generators.thinking import without_thinking
from ragqa.query import Query
from ragqa.records import GivenText, Hit, Place, Sentence, State
from ragqa.text.dates import date_in
from ragqa.text.sentences import stream_sentences

TEMPLATE_TOKENS = 64  # room for the chat template around the message
BEFORE_REFUSAL = " .[(\"'*\n"  # what a model may put before and after it
NEAREST = 3  # places that a refusal names
DISAGREES = "The documents disagree:"
MAX_REPEATED = 2  # sentences said again before an answer is cut off


@dataclass
class Progress:
    """Where an answer goes while it is made: pieces as they come, sentences once judged."""

    on_piece: Callable[[str], None] = lambda piece: None
    on_sentence: Callable[[Sentence], None] = lambda sentence: None


class Evidence(NamedTuple):
    """What an answer is made from, and how sure it is that there is one."""

    query: Query
    sources: Sequence[Source]
    ranked: Sequence[RankedUnit]
    reading: Reading | None
    signals: Signals

    @property
    def confidence(self) -> float:
        """The probability that the hits answer the question."""
        return confidence(self.signals)


def assess(
    query: Query,
    hits: Sequence[Hit],
    embedder: Embedder,
    span_model: TokenModel | None,
    done: Callable[[str], None],
) -> Evidence:
    """Look through the hits for an answer; `done` is told of each stage but the last."""
    sources = sources_of(hits)
    ranked = rank_units(query, units_of(sources), embedder)
    parts = sorted((part for one in ranked for part in one.parts), key=lambda one: -one.score)
    done("rank")
    reading = read(query, parts, span_model) if span_model else None
    answering = reading.part if reading else parts[0] if parts else None
    signals = Signals(
        nearest(hits),
        ranked[0].score if ranked else 0.0,
        answering is not None and has_names(query, answering.in_context),
        any(not hit.is_given for hit in hits),
        coverage(hits, query),
        reading.p_refused if reading else None,
    )
    return Evidence(query, sources, ranked, reading, signals)


def nearest_places(ranked: Sequence[RankedUnit]) -> tuple[Place, ...]:
    """Where the units stand that come nearest to the question, the best first."""
    places = []
    for unit in (one.unit for one in ranked[:NEAREST]):
        first, last = unit.parts[0].first_block, unit.parts[-1].pieces[-1].block
        lines = (unit.lead[0].block if unit.lead else first).line, last.end_line
        title = unit.hit.document_title
        places.append(Place(unit.hit.path, title, unit.headings, *lines, first.page))
    return tuple(dict.fromkeys(places))


class Made(NamedTuple):
    """An answer's parts; `prompt` is what a model was told that wrote it.

    `orders` are those to whoever reads that were cut out of what is shown.
    """

    citer: Citer
    sentences: tuple[Sentence, ...]
    prompt: str = ""
    short: str | None = None
    orders: tuple[Piece, ...] = ()

    @property
    def state(self) -> State:
        """What the verdicts on its sentences make of an answer; one without any is none."""
        if not self.sentences:
            return "not_in_documents"
        supported = any(sentence.support == "supported" for sentence in self.sentences)
        return "answered" if supported else "unsupported"


def compose(
    evidence: Evidence,
    given: Sequence[GivenText],
    generator: Generator | None,
    max_tokens: int,
    progress: Progress,
    on_start: Callable[[], None],
) -> Made:
    """The sentences of an answer with their citations; none when the model itself refuses.

    `on_start` is called when a model that writes has read its prompt.
    """
    if generator is None:
        return quote(evidence, given, progress)
    offered, message, pieces = _pieces(evidence, generator, max_tokens)
    with closing(pieces):  # whatever happens: while it is open, the model is its own
        accepted = _unless_refused(pieces)
        on_start()
        citer = Citer(offered, read_files(offered, given))
        return Made(citer, tuple(_judged(accepted or iter(()), citer, progress)), message)


def quote(evidence: Evidence, given: Sequence[GivenText], progress: Progress) -> Made:
    """An answer in the documents' own words: units that answer, whole or the best of them.

    Where another place has another value for the same, that is said as well.
    """
    citer = Citer(evidence.sources, read_files(evidence.sources, given))
    excerpts = _disagreeing(evidence)
    sentences = [Sentence(DISAGREES, "supported", kind="lead", gap="")] if excerpts else []
    excerpts = excerpts or select(evidence.query, evidence.ranked, evidence.reading)
    for excerpt in excerpts:
        gap = ("\n" if sentences[-1].kind == "lead" else "\n\n") if sentences else ""
        sentences += sentences_of(excerpt, citer, gap)
    for sentence in sentences:
        progress.on_sentence(sentence)
    orders = tuple(order for excerpt in excerpts for order in excerpt.unit.orders)
    return Made(citer, tuple(sentences), short=_short(evidence, citer), orders=orders)


def _disagreeing(evidence: Evidence) -> list[Excerpt]:
    """The parts of which each has another value for what is asked; none where they agree.

    Where it is known of which day they are, that is told, and the newest comes first.
    """
    reading = evidence.reading
    if reading is None or not reading.rivals:
        return []
    parts = [reading.part, *(rival.part for rival in reading.rivals)]
    names = [_dated_name(one) for one in parts]
    excerpts = [
        Excerpt(one.unit, (one.part,), name) for one, name in zip(parts, names, strict=True)
    ]
    if all(names):
        excerpts.sort(key=lambda one: date_in(one.heading) or date.min, reverse=True)
    return excerpts


def _dated_name(one: RankedPart) -> str:
    """The heading, title or file name that tells of which day a part is; "" where none does."""
    names = names_above(one.hit, one.unit.headings)
    return next((name for name in reversed(names) if date_in(name)), "")


def _short(evidence: Evidence, citer: Citer) -> str | None:
    """The words that answer exactly, as they stand in a quote; None where there are no such."""
    reading = evidence.reading
    if reading is None or not (reading.is_short and evidence.query.asks_for_a_fact):
        return None
    quotes = (" ".join(citation.quote_text.split()) for citation in citer.citations)
    return reading.text if any(reading.text in quote for quote in quotes) else None


def _pieces(
    evidence: Evidence, generator: Generator, max_tokens: int
) -> tuple[Sequence[Source], str, Stream[str, None, None]]:
    """The sources that a model is shown, the message, and the text that it writes, as it comes."""
    budget = prompt_budget(generator, max_tokens)
    message, offered = build_prompt(
        evidence.query.text, evidence.sources, generator.count_tokens, budget
    )
    if not offered:
        raise ModelError(
            "the question leaves no room for passages in the model's context",
            "ask a shorter question, or raise context_tokens",
        )
    return (
        offered,
        message,
        without_thinking(generator.stream([Message("user", message)], max_tokens)),
    )


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


def read_files(sources: Sequence[Source], given: Sequence[GivenText] = ()) -> dict[str, FileText]:
    """The present text of each file that the sources come from."""
    texts = {text.path: FileText(text.text, changed=False) for text in given}
    for hit in (source.hit for source in sources):
        if hit.path in texts:
            continue
        try:
            data = Path(hit.path).read_bytes()
            found = text_of(Path(hit.path), data, hit.encoding)
        except (OSError, DocumentError):
            texts[hit.path] = FileText(None, changed=True)
        else:
            changed = hashlib.sha256(data).hexdigest() != hit.sha256
            texts[hit.path] = FileText(found.text, changed, found.pages)
    return texts
