"""Question -> Query: all that is known of a question, found out once and handed on.

Searches, ranking, reading, confidence and prompt look at this record. Knows the embedder and the
index that it asks, but not what becomes of the query.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from ragqa.text.answer_types import AnswerType, answer_type, asks_for_a_fact, asks_for_several
from ragqa.text.bm25 import Statistics, question_words
from ragqa.text.sentences import names_of, numbers_of, stems_of

if TYPE_CHECKING:
    from ragqa.embedding.base import Embedder, QuestionEncoding, Vectors
    from ragqa.store.base import Snapshot


@dataclass(frozen=True)
class Query:
    """A question as it was asked, and what was made of it.

    `words` are those that are looked for, `statistics` theirs in the index (None where there is no
    index); `encoding` has the embedder's vector of the question and those of its words.
    """

    text: str
    words: tuple[str, ...]
    encoding: QuestionEncoding
    statistics: Statistics | None = None

    @property
    def vector(self) -> Vectors:
        """The question's vector [dimension], normalized."""
        return self.encoding.vector

    @property
    def word_vectors(self) -> Vectors:
        """Those of its words [words, bits], for late interaction; none with some embedders."""
        return self.encoding.words

    @cached_property
    def weights(self) -> Mapping[str, float]:
        """How much each word says; all the same where there is no index to count in."""
        if self.statistics is None:
            return dict.fromkeys(self.words, 1.0)
        return {word: self.statistics.weight(word) for word in self.words}

    @cached_property
    def stems(self) -> tuple[str, ...]:
        """The stems of the words that carry content, in their order."""
        return tuple(stems_of(self.text))

    @cached_property
    def names(self) -> frozenset[str]:
        """The stems of words that are names."""
        return names_of(self.text)

    @cached_property
    def numbers(self) -> frozenset[str]:
        """The numbers in it."""
        return frozenset(numbers_of(self.text))

    @cached_property
    def kind(self) -> AnswerType:
        """What the words that answer it look like."""
        return answer_type(self.text)

    @cached_property
    def asks_for_a_fact(self) -> bool:
        """Whether a few words can answer it."""
        return asks_for_a_fact(self.text)

    @cached_property
    def asks_for_several(self) -> bool:
        """Whether steps or several things are asked for."""
        return asks_for_several(self.text)


def make_query(text: str, embedder: Embedder, index: Snapshot | None = None) -> Query:
    """The query of a question, with the statistics of an index where there is one.

    Raises ModelError and IndexDamagedError.
    """
    words = tuple(question_words(text))
    encoding = embedder.encode_question(text)
    if index is None:
        return Query(text, words, encoding)
    index.settle()  # statistics and vectors must be of one generation
    return Query(text, words, encoding, index.statistics(words))
