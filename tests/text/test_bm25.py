"""Words of a question, BM25 by hand and by property, stems as the full-text index has them."""

from __future__ import annotations

import math
import re
import sqlite3
from contextlib import closing

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ragqa.text.bm25 import (
    FIELD_WEIGHTS,
    Fields,
    Statistics,
    bm25,
    is_named,
    length_of,
    question_words,
    stems_of_tokens,
    tokens_of,
)
from tests.hits import corpus_hits

SOME_WORDS = st.sampled_from(
    "gold Gold melts c++ --no-mmap gpt-4 Été the s 10² _ 你好 'a b'".split()
)
TEXTS = st.lists(SOME_WORDS, max_size=12).map(" ".join)
FIELDS = st.builds(Fields, TEXTS, TEXTS, TEXTS, TEXTS)


def _fields(body: str = "", title: str = "", headings: str = "", names: str = "") -> Fields:
    return Fields(title, headings, names, body)


def _score(question: str, fields: Fields, statistics: Statistics | None = None) -> float:
    words = question_words(question)
    return bm25(words, fields, statistics or Statistics(100, 8.0, dict.fromkeys(words, 10)))


# The words of a question ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("question", "words"),
    [
        ("slower with --no-mmap?", ["slower", "no-mmap"]),
        ("C++, gpt-4 or lora_path?", ["c++", "gpt-4", "lora_path"]),
        ('what is "Self Attention" for', ["self attention", "self", "attention"]),
        ("“Grouped query” attention", ["grouped query", "grouped", "query", "attention"]),
        ('an open "quote', ["open", "quote"]),
    ],
)
def test_phrases_and_identifiers_are_words(question: str, words: list[str]) -> None:
    assert question_words(question) == words


def test_stop_words_are_left_out_unless_there_is_nothing_else() -> None:
    assert question_words("what is the melting point of gold") == ["melting", "point", "gold"]
    assert question_words("what is it") == ["what", "is", "it"]


# BM25 ----------------------------------------------------------------------------------------


def test_a_score_computed_by_hand() -> None:
    statistics = Statistics(passages=100, average_words=4.0, frequencies={"gold": 9, "melts": 49})
    # Seven words, so 1.2 * (0.25 + 0.75 * 7 / 4) = 1.875 is added to a frequency.
    fields = _fields("Gold melts, the gold", title="Gold", headings="Heat", names="metal")
    assert length_of(fields) == 7
    gold = math.log(1 + 91.5 / 9.5) * 4 * 2.2 / (4 + 1.875)  # twice in the text, in the title for 2
    melts = math.log(1 + 51.5 / 49.5) * 1 * 2.2 / (1 + 1.875)
    assert bm25(["gold", "melts"], fields, statistics) == pytest.approx(gold + melts)


def test_each_field_counts_by_its_weight() -> None:
    scores = [_score("gold", Fields(*("gold" * (i == j) for j in range(4)))) for i in range(4)]
    assert sorted(range(4), key=lambda i: (scores[i], i)) == sorted(
        range(4), key=lambda i: (FIELD_WEIGHTS[i], i)
    )


def test_rare_words_weigh_more() -> None:
    statistics = Statistics(100, 2.0, {"gold": 1, "bread": 50, "water": 100})
    scores = [bm25([w], _fields(w), statistics) for w in ("absent", "gold", "bread", "water")]
    assert scores == sorted(scores, reverse=True)
    assert scores[-1] > 0
    assert statistics.weight("absent") == statistics.greatest_weight


def test_more_often_is_better_and_longer_is_worse() -> None:
    assert _score("gold", _fields("gold gold melts")) > _score("gold", _fields("gold metal melts"))
    assert _score("gold", _fields("gold")) > _score("gold", _fields("gold metal melts"))


@pytest.mark.parametrize(
    ("question", "text", "other"),
    [
        ("--no-mmap", "start it with --no-mmap", "no, mlock and mmap"),
        ("gpt-4", "made by GPT-4", "4 times gpt"),
        ("lora_path", "set lora_path", "the path of lora"),
        ('"gold melts"', "gold melts", "melts gold"),
        ('"Gold Melts"', "When gold melted", "melted gold"),
    ],
)
def test_words_of_several_tokens_are_phrases(question: str, text: str, other: str) -> None:
    phrase = question_words(question)[:1]
    statistics = Statistics(100, 8.0, {})
    assert bm25(phrase, _fields(text), statistics) > 0
    assert bm25(phrase, _fields(other), statistics) == 0


def test_a_phrase_does_not_cross_fields() -> None:
    assert bm25(["gold-melts"], _fields("melts", title="gold"), Statistics(9, 8.0, {})) == 0


def test_signs_beside_a_word_are_not_searched() -> None:
    # The full-text index has no signs: "c++" finds what "c" finds.
    assert _score("c++", _fields("c++")) == _score("c++", _fields("c")) > 0


@pytest.mark.parametrize(
    ("word", "text"),
    [
        ("ete", "L'été"),
        ("été", "ETE"),
        ("naïve", "naive"),
        ("melting", "melted"),
        ("models", "Model"),
        ("tokenizers", "tokenizer's"),
    ],
)
def test_accents_case_and_endings_do_not_matter(word: str, text: str) -> None:
    assert _score(word, _fields(text)) > 0


@pytest.mark.parametrize(("word", "text"), [("js", "j"), ("ms", "m"), ("s", ""), ("1023", "10²³")])
def test_words_that_are_not_the_same(word: str, text: str) -> None:
    assert _score(word, _fields(f"gold {text}")) == 0
    assert _score(word, _fields(f"gold {word}")) > 0


@given(TEXTS, FIELDS, st.integers(0, 50), st.integers(0, 50), st.floats(0, 100))
def test_scores_lie_between_0_and_the_greatest(
    question: str, fields: Fields, found: int, missing: int, average: float
) -> None:
    words = question_words(question)
    statistics = Statistics(found + missing, average, dict.fromkeys(words, found))
    assert 0 <= bm25(words, fields, statistics) <= statistics.greatest_score(words)


# Names ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("question", "named"),
    [
        ("wolfram", True),
        ("Wolfram?", True),
        ("heavy metals", True),
        ("metal/heavy", True),
        ("the wolfram", True),
        ("wolfram melts", False),
        ("?!", False),
        ("", False),
    ],
)
def test_a_question_that_is_nothing_but_a_name(question: str, named: bool) -> None:
    assert is_named(question_words(question), "tungsten Wolfram metal/heavy") is named


def test_a_document_without_names_is_not_named() -> None:
    assert not is_named(["gold"], "")


# Tokens and stems ----------------------------------------------------------------------------


def _indexed(words: list[str]) -> list[list[str]]:
    """What FTS5, set up as in the index, makes of each word."""
    with closing(sqlite3.connect(":memory:")) as db:
        db.executescript(
            "CREATE VIRTUAL TABLE t USING fts5"
            ' (x, tokenize="porter unicode61 remove_diacritics 2");'
            "CREATE VIRTUAL TABLE v USING fts5vocab (t, instance);"
        )
        db.executemany("INSERT INTO t (rowid, x) VALUES (?, ?)", enumerate(words))
        found: list[list[str]] = [[] for _ in words]
        for term, row in db.execute("SELECT term, doc FROM v ORDER BY doc, offset"):
            found[row].append(term)
    return found


def test_tokens_and_stems_are_those_of_the_full_text_index() -> None:
    texts = [text for text, _ in corpus_hits().values()]
    words = sorted({word for text in texts for word in re.findall(r"\S+", text)})
    assert len(words) > 10_000
    differing = {
        (token, stem, indexed)
        for word, stems in zip(words, _indexed(words), strict=True)
        for token, stem, indexed in zip(
            tokens_of(word), stems_of_tokens(tokens_of(word)), stems, strict=True
        )
        if stem != indexed
    }
    # Two rules that Porter's own program has and his paper has not, and one that is SQLite's.
    assert all(stem.endswith(("logi", "bli", "kk")) for _, stem, _ in differing), differing
    assert len(differing) < 15


@pytest.mark.parametrize("word", ["CO₂", "10²³", "naïve", "Ångström", "snake_case", "S.D.N.Y."])
def test_odd_words_are_cut_as_the_full_text_index_cuts_them(word: str) -> None:
    assert [stems_of_tokens(tokens_of(word))] == _indexed([word])
