"""Words that the index has not, and those that were meant."""

from __future__ import annotations

from pathlib import Path

import pytest

from ragqa.query import make_query
from ragqa.store.filters import Filter
from ragqa.store.snapshot import LocalSnapshot
from tests.fakes import FakeEmbedder
from tests.notes import Notes


@pytest.fixture
def index(tmp_path: Path) -> Notes:
    notes = Notes(tmp_path)
    for number in (1, 2):
        notes.write(
            f"h{number}.md",
            f"# Part {number}\n\nHallucination of models, {number}. Coffee, stages, main scores.\n",
        )
    notes.run()
    return notes


@pytest.mark.parametrize(
    ("word", "meant"),
    [
        ("halucination", "hallucination"),
        ("hallucinatoin", "hallucination"),
        ("zebra", None),  # nothing like it
        ("modl", None),  # too short to tell
        ("cofee", "coffee"),
        ("socre", "scores"),
        ("satges", "stages"),
        ("form", None),
        ("many", None),
        ("hal9000000", None),
    ],
)
def test_the_word_that_was_meant(index: Notes, word: str, meant: str | None) -> None:
    with LocalSnapshot(index.directory) as snapshot:
        assert snapshot.meant_by(word) == meant


def test_a_question_is_read_with_the_words_of_the_index(index: Notes) -> None:
    with LocalSnapshot(index.directory) as snapshot:
        query = make_query("What is Halucination?", FakeEmbedder(), snapshot)
        assert query.text == "What is Halucination?"
        assert query.read_as == "What is hallucination?"
        assert query.words == ("hallucination",)
        assert not make_query("What is hallucination?", FakeEmbedder(), snapshot).corrected


def test_after_a_word_was_looked_for_a_filter_can_be_set(index: Notes) -> None:
    with LocalSnapshot(index.directory) as snapshot:
        assert snapshot.meant_by("halucination")
        some = snapshot.allowed(Filter())[:1]
        assert snapshot.lexical(["hallucination"], 5, some)
