"""Texts that come with a question, as hits."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from ragqa.records import GivenText, Hit
from ragqa.retrieval.given import hits_of_texts
from tests.fakes import FakeEmbedder
from tests.hits import query_of


def _hits(
    question: str, texts: Sequence[GivenText], embedder: FakeEmbedder | None = None
) -> list[Hit]:
    return hits_of_texts(query_of(question), texts, embedder or FakeEmbedder())


def test_each_text_is_one_hit_in_the_order_given() -> None:
    texts = [GivenText(f"passage:{n}", f"T{n}", f"Text {n} is here.") for n in range(1, 4)]
    hits = _hits("Text 3", texts)
    assert [hit.path for hit in hits] == ["passage:1", "passage:2", "passage:3"]
    assert [hit.document_title for hit in hits] == ["T1", "T2", "T3"]
    assert max(hits, key=lambda hit: hit.similarity).path == "passage:3"


@pytest.mark.parametrize("text", ["", " \n\t ", "\n"])
def test_a_text_without_a_visible_character_is_left_out(text: str) -> None:
    texts = [GivenText("passage:1", "", text), GivenText("passage:2", "", "Gold melts.")]
    assert [hit.path for hit in _hits("gold", texts)] == ["passage:2"]


def test_a_long_text_is_one_hit_as_near_as_its_nearest_part() -> None:
    filler = "\n\n".join(f"Bread number {n} rises with yeast." for n in range(60))
    embedder = FakeEmbedder(max_tokens=32)
    text = f"{filler}\n\nGold melts at high heat.\n\n{filler}"
    [hit] = _hits("gold melts at high heat", [GivenText("c.txt", "", text)], embedder)
    [far] = _hits("gold melts at high heat", [GivenText("c.txt", "", filler)], embedder)
    assert all(embedder.count_tokens([part])[0] <= 32 for part in embedder.embedded)
    assert hit.similarity > far.similarity + 0.1
    assert hit.passage.text.count("Bread number 59") == 2


def test_offsets_are_those_of_the_text() -> None:
    text = "Skip\n\n  Gold melts.  \n\nTin too.\n"
    [hit] = _hits("gold", [GivenText("-", "", text)])
    for block in hit.passage.blocks:
        assert text[block.start : block.end] == block.source
        assert text.count("\n", 0, block.start) + 1 == block.line


def test_a_text_without_title_is_called_by_its_name() -> None:
    [hit] = _hits("gold", [GivenText("notes.txt", "", "Gold melts.")], FakeEmbedder())
    assert hit.document_title == "notes.txt"


def test_without_texts_nothing_is_embedded() -> None:
    embedder = FakeEmbedder()
    assert _hits("gold", [], embedder) == []
    assert embedder.embedded == []
