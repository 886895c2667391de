"""What is known of a question, found out once."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from ragqa.query import Query, make_query
from ragqa.store import index_at
from tests.fakes import FakeEmbedder
from tests.notes import Notes


@pytest.fixture
def notes(tmp_path: Path) -> Notes:
    made = Notes(tmp_path)
    made.write("a.md", "Anna Weber bakes bread.\n")
    made.write("b.md", "Bread is old.\n")
    made.run()
    return made


def test_without_an_index_all_words_say_as_much() -> None:
    query = make_query("Who bakes the bread?", FakeEmbedder())
    assert query.words == ("bakes", "bread")
    assert query.statistics is None
    assert query.weights == {"bakes": 1.0, "bread": 1.0}
    assert query.says == (0.0, 1.0, 0.0, 1.0)
    only_stop_words = make_query("Who is it?", FakeEmbedder())
    assert np.array_equal(only_stop_words.telling_vectors, only_stop_words.word_vectors)


def test_with_an_index_rare_words_say_more(notes: Notes) -> None:
    with index_at(notes.directory).snapshot() as snapshot:
        query = make_query("Who bakes the bread?", notes.embedder, snapshot)
    assert query.statistics is not None
    assert query.statistics.frequencies == {"bakes": 1, "bread": 2, "who": 0, "the": 0}
    assert query.weights["bakes"] > query.weights["bread"]
    who, bakes, the, bread = np.linalg.norm(query.telling_vectors, axis=1)
    assert who == the == 0 < bread < bakes


def test_names_numbers_and_kind() -> None:
    query = make_query("When did Anna bake 12 loaves?", FakeEmbedder())
    assert query.names == {"anna"}
    assert query.numbers == {"12"}
    assert query.kind.is_in("in March")
    assert not query.kind.is_in("at home")
    assert query.asks_for_a_fact


def test_the_question_is_embedded_once(notes: Notes) -> None:
    class Counting(FakeEmbedder):
        asked = 0

        def encode_question(self, text: str):  # type: ignore[no-untyped-def]
            Counting.asked += 1
            return super().encode_question(text)

    query = make_query("Who bakes?", Counting())
    assert query.vector is query.encoding.vector
    assert query.word_vectors is query.encoding.words
    assert Counting.asked == 1


def test_a_query_is_worked_out_when_it_is_asked() -> None:
    query = make_query("Who bakes?", FakeEmbedder())
    assert isinstance(query, Query)
    assert "stems" not in vars(query)
    assert query.stems is query.stems
