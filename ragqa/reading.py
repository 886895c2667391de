"""Question + sentences -> the span of one of them that answers it, or that none does.

The reader is the bundled generator with an adapter (see `training/`). It does not write: it says
`[2]`, the number of a passage, and then copies words of it. Decoding is constrained to that, so
whatever it says stands in a passage. Pure but for the model that is passed in.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

from ragqa.extraction import Ranked
from ragqa.instructions import without_invisible
from ragqa.prompt import INSTRUCTION

REFUSED = "Not in the documents."
MAX_PASSAGES = 9  # numbers of one digit are one token
MAX_SENTENCES = 8  # in 300 of 300 questions of SQuAD, the answer stands in the first eight
MAX_SHORT_WORDS, MAX_SHORT_SHARE = 10, 0.6
Scores = npt.NDArray[np.float32]


class TokenModel(Protocol):
    """What reading needs of a language model."""

    @property
    def name(self) -> str:
        """The model's name."""

    def encode(self, text: str) -> list[int]:
        """The tokens of a text, control tokens in it taken as plain text."""

    def pieces(self, tokens: Sequence[int]) -> list[bytes]:
        """What each token stands for, in UTF-8; together they are the text."""

    def template(self) -> tuple[list[int], list[int], int]:
        """The tokens before and after a user message, and the one that ends an answer."""

    def logits(self, tokens: Sequence[int], past: int) -> Scores:
        """Scores of every token that may follow, after `past` tokens read earlier and these."""


class Line(NamedTuple):
    """What is shown of a passage: its title, and some of its sentences in their order."""

    title: str
    sentences: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Reading:
    """What the reader found: `text` stands in `sentence`, where a line break may be a space.

    Probabilities are the model's own, not calibrated.
    """

    sentence: Ranked
    text: str
    p_refused: float  # that the passages do not say it
    p_passage: float  # of the passage, among the passages
    p_span: float  # of the span, within the passage

    @property
    def is_short(self) -> bool:
        """Whether it is a fact rather than an explanation: a few words, not all of a sentence."""
        words, of = len(self.text.split()), len(self.sentence.text.split())
        return words <= MAX_SHORT_WORDS and words <= MAX_SHORT_SHARE * of


def read(question: str, ranked: Sequence[Ranked], model: TokenModel) -> Reading | None:
    """The words that answer the question best; `p_refused` says how likely none does.

    Reads the best of the `ranked` sentences, below the title of their passage. None where there is
    nothing to read.
    """
    shown = sorted(ranked[:MAX_SENTENCES], key=lambda one: (one.place, one.block.start, one.first))
    places = list(dict.fromkeys(sentence.place for sentence in shown))[:MAX_PASSAGES]
    shown = [sentence for sentence in shown if sentence.place in places]
    if not shown:
        return None
    texts = [_one_line(sentence.text) for sentence in shown]
    numbers = [places.index(sentence.place) + 1 for sentence in shown]
    lines = [
        Line(
            _title(next(s for s in shown if s.place == place)),
            tuple(text for text, s in zip(texts, shown, strict=True) if s.place == place),
        )
        for place in places
    ]
    found = _decode(message_start(lines), message_end(question), texts, numbers, model)
    return Reading(shown[found.sentence], *found[1:])


def message_start(lines: Sequence[Line]) -> str:
    """The message up to the question: the instruction, and the passages with their numbers."""
    texts = []
    for number, (title, sentences) in enumerate(lines, 1):
        texts.append(f"[{number}] " + (f"{title}: " if title else "") + " ".join(sentences))
    return f"{INSTRUCTION}\n\nPassages:\n\n" + "\n\n".join(texts)


def message_end(question: str) -> str:
    """The question, which comes last."""
    return f"\n\nQuestion: {question}"


def _title(sentence: Ranked) -> str:
    passage = sentence.hit.passage
    names = (passage.title or sentence.hit.document_title, *passage.headings)
    return _one_line(" > ".join(dict.fromkeys(name for name in names if name)))


def _one_line(text: str) -> str:
    """The text without line breaks, and without characters that hide something in it."""
    return " ".join(without_invisible(text).split())


class _Found(NamedTuple):
    sentence: int
    text: str
    p_refused: float
    p_passage: float
    p_span: float


def _decode(
    start: str, end: str, sentences: Sequence[str], numbers: Sequence[int], model: TokenModel
) -> _Found:
    """`numbers` are those of the sentences' passages."""
    before, after, stop = model.template()
    decoder = _Decoder(model, stop)
    scores = decoder.feed([*before, *model.encode(start), *model.encode(end), *after])
    refusal, opening = model.encode(REFUSED)[0], model.encode("[")[0]
    p_refused = float(_softmax(scores, [refusal, opening])[0])
    digits = {model.encode(str(number))[0]: number for number in numbers}
    digit, p_passage = _likeliest(decoder.feed([opening]), list(digits))
    tokens = {
        i: model.encode(f" {text}")
        for i, (text, number) in enumerate(zip(sentences, numbers, strict=True))
        if number == digits[digit]
    }
    spans = _Spans(tokens, model)
    span, p_span = decoder.copy([digit, *model.encode("]")], spans)
    return _Found(span.sentence, spans.text(span), p_refused, p_passage, p_span)


class _Span(NamedTuple):
    """Tokens `begin` to `stop` of a sentence."""

    sentence: int
    begin: int
    stop: int


class _Spans:
    """The tokens of some sentences, each with a space before it, and the spans in them."""

    def __init__(self, tokens: Mapping[int, list[int]], model: TokenModel) -> None:
        self._tokens = tokens
        self._pieces = {i: model.pieces(one) for i, one in tokens.items()}

    def starts(self) -> list[_Span]:
        """An empty span wherever a word begins."""
        return [
            _Span(i, at, at)
            for i, pieces in self._pieces.items()
            for at, piece in enumerate(pieces)
            if at == 0 or not (_is_word(pieces[at - 1][-1:]) and _is_word(piece[:1]))
        ]

    def longer(self, spans: Sequence[_Span]) -> dict[int, list[_Span]]:
        """By the token that comes next: the spans with it."""
        found: dict[int, list[_Span]] = {}
        for i, begin, stop in spans:
            if stop < len(self._tokens[i]):
                found.setdefault(self._tokens[i][stop], []).append(_Span(i, begin, stop + 1))
        return found

    def complete(self, spans: Sequence[_Span]) -> list[_Span]:
        """Those that hold a word and do not end within one."""
        return [span for span in spans if self._is_complete(span)]

    def _is_complete(self, span: _Span) -> bool:
        i, begin, stop = span
        pieces = self._pieces[i]
        if not any(map(_is_word, (bytes([c]) for c in b"".join(pieces[begin:stop])))):
            return False
        return stop == len(pieces) or not (
            _is_word(pieces[stop - 1][-1:]) and _is_word(pieces[stop][:1])
        )

    def text(self, span: _Span) -> str:
        """What the span says, without spaces around it."""
        i, begin, stop = span
        return b"".join(self._pieces[i][begin:stop]).decode("utf-8", "replace").strip()


def _is_word(byte: bytes) -> bool:
    """Whether a byte of UTF-8 is part of a word; all letters beyond ASCII are."""
    return byte.isalnum() or byte > b"\x7f"


class _Decoder:
    """Feeds tokens to a model, one text after another."""

    def __init__(self, model: TokenModel, end: int) -> None:
        self._model = model
        self._end = end
        self._past = 0

    def feed(self, tokens: Sequence[int]) -> Scores:
        """Scores for the token after these."""
        scores = self._model.logits(tokens, self._past)
        self._past += len(tokens)
        return scores

    def copy(self, opening: Sequence[int], spans: _Spans) -> tuple[_Span, float]:
        """The span that greedy decoding copies, and its probability among all spans."""
        open_spans, scores, p_span = spans.starts(), self.feed(opening), 1.0
        while True:
            longer, complete = spans.longer(open_spans), spans.complete(open_spans)
            ways = [*longer, *([self._end] if complete else [])]
            token, chance = _likeliest(scores, ways)
            p_span *= chance
            if token == self._end:
                return complete[0], p_span
            open_spans = longer[token]
            scores = self.feed([token])


def _likeliest(scores: Scores, ways: Sequence[int]) -> tuple[int, float]:
    """Of some tokens the likeliest, and its probability among them."""
    chances = _softmax(scores, ways)
    best = int(np.argmax(chances))
    return ways[best], float(chances[best])


def _softmax(scores: Scores, ways: Sequence[int]) -> npt.NDArray[np.float64]:
    """Probabilities among some tokens only."""
    chosen = scores[list(ways)].astype(np.float64)
    weights = np.exp(chosen - chosen.max())
    return np.asarray(weights / weights.sum())
