"""Which sentences are embedded: estimates from the words that the index knows."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ragqa.answering.shortlist import SHORTLIST, Place, likely_cosines
from ragqa.embedding.minilm import MiniLM
from ragqa.models.catalogue import BUNDLED_EMBEDDER
from ragqa.records import Hit
from tests.fakes import FakeEmbedder
from tests.hits import hits_of, ranked_in

MANY = "# Metals\n\n" + "\n\n".join(
    f"Metal number {n} melts at {n}00 degrees and was found in {1800 + n}." for n in range(30)
)
QUESTION = "At what temperature does metal number 17 melt?"


@cache
def loaded() -> MiniLM:
    return MiniLM(BUNDLED_EMBEDDER, threads=1)


@pytest.fixture
def minilm() -> MiniLM:
    return loaded()


def with_words(hits: list[Hit], embedder: MiniLM | FakeEmbedder) -> list[Hit]:
    """The hits as the index gives them."""
    encoded = embedder.encode([hit.passage.embedded_text for hit in hits])
    return [replace(hit, words=one.words) for hit, one in zip(hits, encoded, strict=True)]


@settings(deadline=None)
@given(text=st.text(max_size=200))
def test_each_word_with_a_code_has_its_place(text: str) -> None:
    embedder = loaded()
    starts = embedder.word_starts(text)
    assert len(starts) == len(embedder.encode([text])[0].words)
    assert starts == sorted(starts)
    assert all(0 <= start < len(text) for start in starts)


def test_the_words_of_a_sentence_decide(minilm: MiniLM) -> None:
    (hit,) = with_words(hits_of("# Notes\n\nGold melts late. Owls fly at night.\n"), minilm)
    text = hit.passage.text
    places = [Place(hit, 0, 16), Place(hit, 17, len(text))]
    gold = likely_cosines(minilm.encode_question("gold melts").words, places, [0, 0], minilm)
    owls = likely_cosines(minilm.encode_question("flying owls").words, places, [0, 0], minilm)
    assert gold[0] > gold[1]
    assert owls[1] > owls[0]


def test_of_many_sentences_some_are_embedded_and_the_best_is_among_them(minilm: MiniLM) -> None:
    hits = hits_of(MANY)
    exact = ranked_in(QUESTION, hits, minilm)
    some = ranked_in(QUESTION, with_words(hits, minilm), minilm)
    assert len(some) == len(exact) == 30
    assert all(one.vector is not None for one in exact)
    assert sum(one.vector is not None for one in some) == SHORTLIST
    assert some[0].text == exact[0].text
    assert some[0].score == pytest.approx(exact[0].score, abs=1e-5)


def test_few_sentences_or_unknown_words_are_all_embedded() -> None:
    embedder = FakeEmbedder()
    few = with_words(hits_of("# T\n\nGold melts. Tin melts.\n"), embedder)
    assert all(one.vector is not None for one in ranked_in("gold?", few, embedder))
    mixed = [*with_words(hits_of(MANY), embedder), *hits_of("# T\n\nGold melts.\n", "/1.md")]
    assert all(one.vector is not None for one in ranked_in("gold?", mixed, embedder))
    wordless = with_words(hits_of(MANY), embedder)
    assert all(one.vector is not None for one in ranked_in("?", wordless, embedder))
