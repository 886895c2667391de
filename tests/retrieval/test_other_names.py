"""By which names, beside its title and headings, a question calls a passage."""

from __future__ import annotations

import pytest

from ragqa.records import Passage
from ragqa.retrieval.other_names import other_names
from ragqa.store.base import StoredPassage
from tests.hits import query_of


@pytest.mark.parametrize(
    ("question", "called"),
    [
        ("What is BPE?", ("BPE",)),
        ("What is byte-pair encoding?", ()),  # the title says so
        ("steps of bpe", ("BPE",)),
        ("What is TP for?", ("TP",)),
        ("What is tp for?", ()),  # it may be any word
        ("Who was the head of state?", ()),
        ("What does SOTA stand for?", ("SOTA",)),
        ("What does OTA stand for?", ()),
        ("", ()),
    ],
)
def test_an_alias_or_the_initials_of_a_heading(question: str, called: tuple[str, ...]) -> None:
    passage = Passage(None, ("Tensor parallelism", "State of the Art"), ())
    aliases = ("BPE", "pair encoding")
    stored = StoredPassage(1, passage, "/a.md", "", "utf-8", "Byte-pair encoding", aliases)
    assert other_names(query_of(question), stored) == called
