"""BM25 of a handful of passages, with the word statistics of the whole index passed in.

The full-text search of the index finds candidates; here each candidate gets its exact score, also
those that only the vectors found. Robertson & Zaragoza 2009, "The Probabilistic Relevance
Framework: BM25 and Beyond", with weighted fields. Knows nothing of databases or vectors.
"""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Mapping, Sequence
from functools import cache, lru_cache
from operator import mul
from typing import TYPE_CHECKING, NamedTuple

from ragqa.text.folding import folded, in_pairs
from ragqa.text.sentences import STOP_WORDS

if TYPE_CHECKING:
    from Stemmer import Stemmer

K1, B = 1.2, 0.75
MAX_WORDS = 64  # of a question
LONG_QUESTION = 12  # words, stop words left out
CACHED_WORDS = 4096  # of questions, whose stems are kept
SHORT = 2  # letters; Snowball's Porter makes "j" of "js", and nothing of "s"
# What a user types as one word: also "--no-mmap", "c++", "gpt-4", "lora_path".
WORD = re.compile(r"\w+(?:[-.+/#]\w+|\+\+|#)*")
QUOTED = re.compile(r'"([^"]+)"|“([^”]+)”')
TOKEN = re.compile(r"[^\W_]+")  # what the full-text index takes for one
ACCENTS = re.compile(r"[\u0300-\u036f]")  # once they are characters of their own


class Fields(NamedTuple):
    """The texts by which a passage is found; `names` are file name, aliases and tags."""

    title: str
    headings: str
    names: str
    body: str


# How much a word counts in each of them.
FIELD_WEIGHTS = (2.0, 1.5, 2.0, 1.0)


class Statistics(NamedTuple):
    """Passages in the index, their mean length in words, and how many passages have each word."""

    passages: int
    average_words: float
    frequencies: Mapping[str, int]

    def weight(self, word: str) -> float:
        """The inverse document frequency of a word: the fewer passages have it, the more."""
        found = self.frequencies.get(word, 0)
        return math.log(1 + (self.passages - found + 0.5) / (found + 0.5))

    @property
    def greatest_weight(self) -> float:
        """The weight of a word that no passage has."""
        return math.log(1 + (self.passages + 0.5) / 0.5)

    def unit(self, words: Sequence[str]) -> float:
        """What BM25 scores for these words are counted in: the weight of a word that none has.

        A text that is pasted as a question must not be found by its many words alone: of more
        than `LONG_QUESTION` words each counts less.
        """
        return self.greatest_weight * max(1.0, len(words) / LONG_QUESTION)

    def greatest_score(self, words: Sequence[str]) -> float:
        """What no BM25 score for these words reaches."""
        return (K1 + 1) * sum(map(self.weight, words))


def searchable(text: str) -> str:
    """A text in the form in which its words are looked for, in the index and in a question."""
    return in_pairs(folded(text))


def question_words(question: str) -> list[str]:
    """What to look for: distinct words and quoted phrases, no stop words if others are left."""
    question = searchable(question)
    phrases = [" ".join(filter(None, groups)).lower() for groups in QUOTED.findall(question)]
    words = list(dict.fromkeys([*phrases, *WORD.findall(question.lower())]))
    return ([word for word in words if word not in STOP_WORDS] or words)[:MAX_WORDS]


def length_of(fields: Fields) -> int:
    """Words of a passage."""
    return sum(len(tokens_of(text)) for text in fields)


def bm25(words: Sequence[str], fields: Fields, statistics: Statistics) -> float:
    """The BM25 score of a passage for these words; words of several tokens count as phrases."""
    tokens = [tokens_of(text) for text in fields]
    length = sum(map(len, tokens))
    norm = K1 * (1 - B + B * length / (statistics.average_words or 1.0))
    phrases = [_stems_of_word(word) for word in words]
    texts = [_stems_to_look_at(phrases, text) for text in tokens]
    score = 0.0
    for word, phrase in zip(words, phrases, strict=True):
        found = [_occurrences(phrase, text) for text in texts]
        frequency = sum(map(mul, FIELD_WEIGHTS, found))
        score += statistics.weight(word) * frequency * (K1 + 1) / (frequency + norm)
    return score


def is_named(words: Sequence[str], names: str) -> bool:
    """True when a question is nothing but a name: its words all stand among the names."""
    found = set(stems_of_tokens(tokens_of(names)))
    wanted = {stem for word in words for stem in _stems_of_word(word)}
    return bool(wanted) and wanted <= found


def tokens_of(text: str) -> list[str]:
    """Lower-case tokens without accents, as FTS5's unicode61 has them."""
    if not text.isascii():
        # Not NFKD: 10²³ is not 1023.
        text = ACCENTS.sub("", unicodedata.normalize("NFD", text))
    return TOKEN.findall(text.lower())


def stems_of_tokens(tokens: Sequence[str]) -> list[str]:
    """Porter's stem of each token; those of one or two letters stay, as in FTS5."""
    stems: list[str] = _stemmer().stemWords(tokens)
    return [
        stem if len(token) > SHORT else token for token, stem in zip(tokens, stems, strict=True)
    ]


@lru_cache(maxsize=CACHED_WORDS)
def _stems_of_word(word: str) -> tuple[str, ...]:
    return tuple(stems_of_tokens(tokens_of(word)))


def _stems_to_look_at(phrases: Sequence[tuple[str, ...]], tokens: list[str]) -> list[str]:
    """The stems among which single words are to be counted, or phrases, which need them all.

    A stem begins with the letter that its word begins with: most words need not be stemmed.
    """
    if any(len(phrase) > 1 for phrase in phrases):
        return stems_of_tokens(tokens)
    starts = {phrase[0][0] for phrase in phrases if phrase}
    return stems_of_tokens([token for token in tokens if token[0] in starts])


def _occurrences(phrase: tuple[str, ...], text: list[str]) -> int:
    """How often the tokens of a phrase stand in a text one after the other."""
    if len(phrase) == 1:
        return text.count(phrase[0])
    if not phrase or any(stem not in text for stem in phrase):
        return 0
    size = len(phrase)
    return sum(tuple(text[i : i + size]) == phrase for i in range(len(text) - size + 1))


@cache
def _stemmer() -> Stemmer:
    from Stemmer import Stemmer

    return Stemmer("porter")  # the algorithm of FTS5's tokenizer
