"""Query + parts of units -> the span of one of them that answers it, or that none does.

The reader is the bundled generator with an adapter (see `training/`). It does not write: it says
`[2]`, the number of a passage, and then copies words of it. Decoding is constrained to that, so
whatever it says stands in a passage. Pure but for the model that is passed in.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import groupby, islice
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from ragqa.answering.spans import Spans
from ragqa.answering.unit_ranking import RankedPart
from ragqa.generators.base import Scores, TokenModel
from ragqa.query import Query
from ragqa.text.answer_types import kind_of_value
from ragqa.text.folding import without_invisible
from ragqa.text.sentences import OWN_MARKER, is_negated, stems_of

REFUSED, OPENING = "Not in the documents.", "["  # what an answer starts with
# Measured on development data: with six, a third more tokens and 85 of 100 answers of SQuAD right
# instead of 90 (68 of Natural Questions instead of 71, of our own 84 either way). At most nine:
# one digit is one token.
MAX_SENTENCES = 4
SPARE_TOKENS = 16  # numbers, and line breaks between passages
MAX_SHORT_WORDS, MAX_SHARE = 12, 0.6  # of a span; of the part that it is in
# Of passage and span together. The words that answer are marked where they are likely: at .5 the
# F1 of the marked words is .08 less on development questions of SQuAD, without any .02 more. Before
# two places are said to contradict each other, they must be surer. Many passages, and those that
# were searched for in an index, hold more that misleads than a few that come with the question.
MIN_CHANCE, SURE, SURE_GIVEN = 0.3, 0.8, 0.5
FEW = 3  # passages
RANK_WEIGHT = 8.0  # of a part's score beside the model's own (logits)
LOOKAHEAD = 8  # tokens
MAX_RIVALS = 2
MIN_SAME, SAME_SHARE = 3, 0.75  # words of a sentence, and the share of them that a rival has
MIN_ALIKE = 0.7  # or the cosine of both sentences, where the words differ
MISFIT = 5.0  # what a sentence loses that has nothing of the kind that is asked for (logits)


class Line(NamedTuple):
    """What is shown of a passage: its title, and some of its sentences in their order."""

    title: str
    sentences: tuple[str, ...]


class Rival(NamedTuple):
    """Another part that says the same of something else: "in 1998" beside "in 1999"."""

    part: RankedPart
    text: str


@dataclass(frozen=True, slots=True)
class Reading:
    """What the span reader found: `text` stands in `part`, where a line break may be a space.

    `passages` is how many there were to read. Probabilities are the model's own, not calibrated.
    """

    part: RankedPart
    text: str
    p_refused: float  # that the passages do not say it
    p_passage: float  # of the passage, among the passages
    p_span: float  # of the span, within the passage
    passages: int = 1
    rivals: tuple[Rival, ...] = ()

    @property
    def is_short(self) -> bool:
        """Whether it is a few words, not all of a sentence, that are likely enough to be marked."""
        few = len(self.text.split()) <= MAX_SHORT_WORDS
        is_sentence = self.part.part.kind == "text" and self._share > MAX_SHARE
        return few and not is_sentence and self.p_passage * self.p_span >= MIN_CHANCE

    @property
    def is_sure(self) -> bool:
        """Whether it is a fact that another place may contradict."""
        few = self.part.hit.is_given and self.passages <= FEW
        least = SURE_GIVEN if few else SURE
        return self.is_short and self._share <= MAX_SHARE and self.p_passage * self.p_span >= least

    @property
    def _share(self) -> float:
        """How much of its part it is."""
        return len(self.text.split()) / max(self.part.part.words, 1)


def read(query: Query, ranked: Sequence[RankedPart], model: TokenModel) -> Reading | None:
    """The words that answer the question best; `p_refused` says how likely none does.

    Reads the best of the `ranked` parts, best first, below the title of their passage, that the
    model has room for. None where there is nothing to read, or the question takes all room.
    """
    shown = _shown(ranked, query.read_as, model)
    if not shown:
        return None
    prompt = prompt_start(_lines(shown)) + prompt_end(query.read_as)
    with model.exclusive():
        return _read(query, ranked, shown, _Decoder(model, prompt, query))


def _read(
    query: Query, ranked: Sequence[RankedPart], shown: Sequence[RankedPart], decoder: _Decoder
) -> Reading:
    """What is read in the parts that are shown."""
    texts = [_one_line(one.part.text) for one in shown]
    places = list(dict.fromkeys(one.place for one in shown))
    numbers = [places.index(one.place) + 1 for one in shown]
    fits = [
        RANK_WEIGHT * one.score - MISFIT * (not query.kind.is_in(text))
        for one, text in zip(shown, texts, strict=True)
    ]
    chances = decoder.passages(zip(numbers, fits, strict=True))
    digit = max(chances, key=lambda number: chances[number])
    own = {i: (text, fits[i]) for i, text in enumerate(texts) if numbers[i] == digit}
    best, said, p_span = decoder.copy(digit, own)
    of = len({one.place for one in ranked})
    found = Reading(shown[best], said, decoder.p_refused, chances[digit], p_span, of)
    alike = [i for i, one in enumerate(shown) if may_disagree(query, shown[best], said, one)]
    # Which of two places that say the same is named is chance.
    either = sum(chances[number] for number in {digit, *(numbers[i] for i in alike)})
    if not (query.asks_for_a_fact and replace(found, p_passage=either).is_sure):
        return found
    rivals: list[Rival] = []
    for i in alike:
        if len(rivals) < MAX_RIVALS:
            _, other, _ = decoder.copy(numbers[i], {i: (texts[i], 0.0)})
            rivals += [Rival(shown[i], other)] if _differ(said, other, query) else []
    return replace(found, rivals=tuple(rivals))


def _shown(ranked: Sequence[RankedPart], question: str, model: TokenModel) -> list[RankedPart]:
    """The best parts, in the order of the passages and of each passage's text.

    Those are left out with which prompt and answer would be longer than the model's context. It
    has not learned to read code.
    """
    # A sentence may be nothing but the number of a source.
    readable = (
        one
        for one in ranked
        if one.part.kind != "code" and any(map(str.isalnum, _one_line(one.part.text)))
    )
    room = model.context_tokens - len(model.encode(prompt_end(question)))
    shown, longest = [], 0  # the answer may be a whole sentence
    for one in islice(readable, MAX_SENTENCES):
        line = f"{_title(one)}: {_one_line(one.part.said)}"
        tokens = len(model.encode(line)) + SPARE_TOKENS
        if tokens + max(tokens, longest) <= room:
            shown.append(one)
            room, longest = room - tokens, max(tokens, longest)
    return sorted(shown, key=lambda one: (one.place, one.order))


def _lines(shown: Sequence[RankedPart]) -> list[Line]:
    """A line for each passage, with its sentences."""
    lines = []
    for _, group in groupby(shown, key=lambda one: one.place):
        parts = list(group)
        said = tuple(_one_line(one.part.said) for one in parts)
        lines.append(Line(_title(parts[0]), said))
    return lines


def may_disagree(query: Query, part: RankedPart, said: str, other: RankedPart) -> bool:
    """Whether another sentence says what this one says, but for the words that are the answer.

    It must be of the same: have all that the question and this sentence have in common. Rows of
    tables are of other things each.
    """
    if "row" in (part.part.kind, other.part.kind):
        return False
    ours, others = part.part.said, other.part.said
    rest, theirs = set(stems_of(ours)) - set(stems_of(said)), set(stems_of(others))
    asked = set(query.stems) & set(stems_of(part.in_context))
    return (
        len(rest) >= MIN_SAME
        and asked <= set(stems_of(other.in_context))
        and is_negated(ours) == is_negated(others)
        and not set(stems_of(said)) <= theirs
        and (_likeness(part, other) >= MIN_ALIKE or len(rest & theirs) >= SAME_SHARE * len(rest))
        and len(theirs) <= 2 * len(rest | set(stems_of(said)))
    )


def _likeness(one: RankedPart, other: RankedPart) -> float:
    """The cosine of two parts."""
    return float(one.vector @ other.vector)


def _differ(one: str, other: str, query: Query) -> bool:
    """Two values of a kind, such as prices or dates, and neither part of the other.

    What repeats the question's words where the answer does not is no value.
    """
    ours, theirs = set(stems_of(one)), set(stems_of(other))
    same_kind = kind_of_value(one) == kind_of_value(other)
    repeats = set(query.stems) & (theirs - ours)
    return same_kind and not repeats and not (ours <= theirs or theirs <= ours)


def prompt_start(lines: Sequence[Line]) -> str:
    """The prompt up to the question: the passages with their numbers.

    There is no instruction and no chat template: the adapter was trained without them, and each
    token costs time.
    """
    texts = []
    for number, (title, sentences) in enumerate(lines, 1):
        texts.append(f"[{number}] " + (f"{title}: " if title else "") + " ".join(sentences))
    return "\n\n".join(texts)


def prompt_end(question: str) -> str:
    """The question, and where the answer starts."""
    return f"\n\nQuestion: {question}\n\nAnswer:\n"


def _title(one: RankedPart) -> str:
    passage = one.hit.passage
    names = (passage.title or one.hit.document_title, *one.unit.headings)
    return _one_line(" > ".join(dict.fromkeys(name for name in names if name)))


def _one_line(text: str) -> str:
    """The text without line breaks, citation numbers of its own, and characters that hide text."""
    return " ".join(OWN_MARKER.sub("", without_invisible(text)).split())


class _Decoder:
    """A model that has read the passages and the question, ready to answer several times."""

    def __init__(self, model: TokenModel, prompt_text: str, query: Query) -> None:
        self._model, self._end, self._query = model, model.end_token(), query
        prompt = model.encode(prompt_text)
        refusal, self._opening = model.encode(REFUSED)[0], model.encode(OPENING)[0]
        first, self._after_opening = model.logits([*prompt, self._opening], 0, 2)
        self.p_refused = float(_softmax(first, [refusal, self._opening])[0])
        self._past = len(prompt) + 1

    def passages(self, fits: Iterable[tuple[int, float]]) -> dict[int, float]:
        """The numbers of the passages, each with the probability that it is named.

        `fits` has the number of each sentence's passage, and how well the sentence fits.
        """
        best: dict[int, float] = {}
        for number, fit in fits:
            best[number] = max(fit, best.get(number, fit))
        digits = {self._model.encode(str(number))[0]: number for number in best}
        scores = self._after_opening.copy()
        for digit, number in digits.items():
            scores[digit] += best[number]
        chances = _softmax(scores, list(digits))
        return dict(zip(digits.values(), map(float, chances), strict=True))

    def copy(
        self, number: int, sentences: Mapping[int, tuple[str, float]]
    ) -> tuple[int, str, float]:
        """Which of a passage's sentences is copied from, what, and the probability of that.

        Each sentence comes with how well it fits: that favours its words wherever it goes other
        ways than the rest, as with the last digit of two years.
        """
        tokens = {i: self._model.encode(f" {text}") for i, (text, _) in sentences.items()}
        pieces = {i: self._model.pieces(one) for i, one in tokens.items()}
        spans = Spans(tokens, pieces, self._query.kind, self._query.stems)
        ahead = _Lookahead(self._model, self._past, self._model.encode(f"{number}]"))
        candidates, chance_of_all = spans.starts(), 1.0
        candidates.sort(key=lambda span: -sentences[span.sentence][1])
        said: list[int] = []
        while True:
            ways, complete = spans.longer(candidates), spans.complete(candidates)
            if complete:
                ways[self._end] = complete
            if len(ways) == 1:
                token, chance = next(iter(ways)), 1.0
            else:
                likely = spans.following(candidates[0], LOOKAHEAD) if said else []
                scores = ahead.scores_after(said, likely)
                for token, spans_on in ways.items():  # the first of them is in the best sentence
                    scores[token] += sentences[spans_on[0].sentence][1]
                token, chance = _likeliest(scores, list(ways))
            chance_of_all *= chance
            if token == self._end:
                return complete[0].sentence, spans.text(complete[0]), chance_of_all
            candidates = ways[token]
            said.append(token)


class _Lookahead:
    """Scores after what is said. The model reads on where the text goes on, which costs little.

    Answers are copied, so that it is mostly known what comes next (Saxena 2023, "Prompt lookup
    decoding", https://github.com/apoorvumang/prompt-lookup-decoding).
    """

    def __init__(self, model: TokenModel, past: int, opening: Sequence[int]) -> None:
        self._model, self._past = model, past + len(opening)
        self._read: list[int] = []
        # After nothing, after the first token that was read, and so on.
        self._rows: list[Scores] = list(model.logits(opening, past))

    def scores_after(self, said: Sequence[int], likely: Sequence[int]) -> Scores:
        """Scores after `said`; `likely` is what may be said next."""
        pairs = enumerate(zip(said, self._read, strict=False))
        kept = next((i for i, (one, other) in pairs if one != other), len(self._read))
        if len(said) > kept:
            tokens = [*said[kept:], *likely]
            rows = self._model.logits(tokens, self._past + kept, len(tokens))
            self._read[kept:], self._rows[kept + 1 :] = tokens, rows
        return self._rows[len(said)].copy()


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
