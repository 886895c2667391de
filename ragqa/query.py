"""Question -> Query: all that is known of a question, found out once and handed on.

Searches, ranking, reading, confidence and prompt look at this record. Knows the embedder and the
index that it asks, but not what becomes of the query.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from ragqa.text.answer_types import AnswerType, answer_type, asks_for_a_fact, asks_for_steps
from ragqa.text.bm25 import Statistics, question_words
from ragqa.text.sentences import STOP_WORDS, names_of, numbers_of, stems_of

if TYPE_CHECKING:
    from ragqa.embedding.base import Embedder, QuestionEncoding, Vectors
    from ragqa.store.base import Snapshot


WORD = re.compile(r"\w+")


@dataclass(frozen=True)
class Query:
    """A question as it was asked, and what was made of it.

    `words` are those that are looked for, `statistics` theirs in the index (None where there is no
    index); `encoding` has the embedder's vector of the question and those of its words, and
    `says` how much each of these words says (empty: all as much). `corrected` is the question with
    misspelled words as the index spells them; empty where there are none.
    """

    text: str
    words: tuple[str, ...]
    encoding: QuestionEncoding
    statistics: Statistics | None = None
    says: tuple[float, ...] = ()
    corrected: str = ""

    @property
    def read_as(self) -> str:
        """The question as it was understood: misspelled words are those of the index."""
        return self.corrected or self.text

    @property
    def vector(self) -> Vectors:
        """The question's vector [dimension], normalized."""
        return self.encoding.vector

    @property
    def word_vectors(self) -> Vectors:
        """Those of its words [words, bits], for late interaction; none with some embedders."""
        return self.encoding.words

    @cached_property
    def telling_vectors(self) -> Vectors:
        """The vectors of its words, each as long as its word says much: rare ones count more."""
        if not self.says:
            return self.word_vectors
        weights = np.array(self.says, dtype=np.float32)
        return np.asarray(self.word_vectors * (weights / weights.mean())[:, None])

    @cached_property
    def weights(self) -> Mapping[str, float]:
        """How much each word says; all the same where there is no index to count in."""
        if self.statistics is None:
            return dict.fromkeys(self.words, 1.0)
        return {word: self.statistics.weight(word) for word in self.words}

    @cached_property
    def stems(self) -> tuple[str, ...]:
        """The stems of the words that carry content, in their order."""
        return tuple(stems_of(self.read_as))

    @cached_property
    def names(self) -> frozenset[str]:
        """The stems of words that are names."""
        return names_of(self.read_as)

    @cached_property
    def numbers(self) -> frozenset[str]:
        """The numbers in it."""
        return frozenset(numbers_of(self.read_as))

    @cached_property
    def kind(self) -> AnswerType:
        """What the words that answer it look like."""
        return answer_type(self.read_as)

    @cached_property
    def asks_for_a_fact(self) -> bool:
        """Whether a few words can answer it."""
        return asks_for_a_fact(self.read_as)

    @property
    def asks_for_steps(self) -> bool:
        """Whether it asks what is to be done."""
        return asks_for_steps(self.read_as)


def make_query(text: str, embedder: Embedder, index: Snapshot | None = None) -> Query:
    """The query of a question, with the statistics of an index where there is one.

    Words that no passage has are read as those of the index that are spelled nearly so. Raises
    ModelError and IndexDamagedError.
    """
    if index is None:
        encoding = embedder.encode_question(text)
        says = _weights(_words_at(text, embedder), encoding, None)
        return Query(text, tuple(question_words(text)), encoding, says=says)
    index.settle()  # statistics and vectors must be of one generation
    read_as = _corrected(text, index)
    words, all_words = tuple(question_words(read_as)), _words_at(read_as, embedder)
    encoding = embedder.encode_question(read_as)
    statistics = index.statistics(tuple(dict.fromkeys([*words, *filter(None, all_words)])))
    says = _weights(all_words, encoding, statistics)
    return Query(text, words, encoding, statistics, says, "" if read_as == text else read_as)


def _corrected(text: str, index: Snapshot) -> str:
    """The question, in which words that the index has not give way to those that it has."""
    words = question_words(text)
    known = index.statistics(words).frequencies
    for word in words:
        meant = None if known[word] else index.meant_by(word)
        if meant:
            text = re.sub(rf"\b{re.escape(word)}\b", meant, text, flags=re.I)
    return text


def _words_at(text: str, embedder: Embedder) -> list[str]:
    """The words that have a vector each."""
    told = [WORD.match(text, start) for start in embedder.word_starts(text)]
    return [match[0].lower() if match else "" for match in told]


def _weights(
    words: Sequence[str], encoding: QuestionEncoding, statistics: Statistics | None
) -> tuple[float, ...]:
    """How much each word says that has a vector: nothing if it is a stop word, unless all are."""
    says = [
        0.0 if word in STOP_WORDS or not word else statistics.weight(word) if statistics else 1.0
        for word in words
    ]
    return tuple(says) if len(words) == len(encoding.words) and any(says) else ()
