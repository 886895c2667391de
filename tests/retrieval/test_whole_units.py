"""Hits with what of their lists, tables and paragraphs stands in the passages beside them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import pytest

from ragqa.records import Hit
from ragqa.retrieval.whole_units import FARTHEST, with_whole_units
from ragqa.store.snapshot import LocalSnapshot
from tests.hits import hits_of, retrieved
from tests.notes import Notes

Indexed = Callable[..., LocalSnapshot]


@pytest.fixture
def notes(tmp_path: Path) -> Notes:
    return Notes(tmp_path)


@pytest.fixture
def indexed(notes: Notes) -> Iterator[Indexed]:
    """The index of some notes, given by their names without the ending."""
    with ExitStack() as stack:

        def make(**texts: str) -> LocalSnapshot:
            for name, text in texts.items():
                notes.write(f"{name}.md", text)
            notes.run()
            return stack.enter_context(LocalSnapshot(notes.directory))

        yield make


def items(count: int, words: int = 12) -> str:
    return "".join(f"- {f'item{n} ' * words}\n" for n in range(count))


def stored(snapshot: LocalSnapshot, name: str = "a.md") -> list[Hit]:
    """A hit for each passage of a note, in their order."""
    numbered = snapshot.passages(range(1, 200))
    return [
        Hit(one.passage, one.path, 1 - number / 1000, 0.5, number)
        for number, one in sorted(numbered.items())
        if Path(one.path).name == name
    ]


def shown(hits: Sequence[Hit]) -> list[list[str]]:
    """The first word of each block of the hits."""
    return [[block.text.split()[0] for block in hit.passage.blocks] for hit in hits]


LIST = f"# T\n\nBefore it.\n\nYou need:\n\n{items(11)}\nAfter it.\n"
WHOLE = ["You", *(f"item{n}" for n in range(11))]


def test_a_list_over_several_passages_comes_back_whole(indexed: Indexed) -> None:
    snapshot = indexed(a=LIST, other="# Other\n\nYou need:\n\n- nothing\n")
    found = stored(snapshot)
    assert len(found) >= 3
    for hit in found[1:-1]:
        assert shown(with_whole_units([hit], snapshot)) == [WHOLE]
    two = indexed(a=f"# T\n\nYou need:\n\n{items(4, 20)}")
    first, second = stored(two)
    for hit in (first, second):
        assert shown(with_whole_units([hit], two)) == [WHOLE[:5]]


def test_what_stands_beside_the_list_comes_with_its_own_passage_only(indexed: Indexed) -> None:
    snapshot = indexed(a=LIST)
    found = stored(snapshot)
    first, last = (with_whole_units([hit], snapshot) for hit in (found[0], found[-1]))
    assert shown(first) == [["Before", *WHOLE]]
    assert shown(last) == [[*WHOLE, "After"]]


def test_each_block_is_in_the_best_hit_only(indexed: Indexed) -> None:
    snapshot = indexed(a=LIST)
    found = stored(snapshot)
    whole = with_whole_units(found[::-1], snapshot)
    assert shown(whole) == [[*WHOLE, "After"], ["Before"]]
    assert [hit.passage_id for hit in whole] == [found[-1].passage_id, found[0].passage_id]
    assert whole[0] == replace(found[-1], passage=whole[0].passage)


def test_a_row_is_found_with_its_table(indexed: Indexed) -> None:
    rows = "".join(f"| {f'row{n} ' * 9}| {n} |\n" for n in range(9))
    snapshot = indexed(a=f"# T\n\nPrices:\n\n| Thing | Price |\n|---|---|\n{rows}")
    for hit in stored(snapshot):
        assert shown(with_whole_units([hit], snapshot)) == [
            ["Prices:", "Thing", *(f"row{n}" for n in range(9))]
        ]


def test_a_cut_paragraph_is_whole_and_keeps_its_place(indexed: Indexed, notes: Notes) -> None:
    text = "# T\n\n" + " ".join(f"Sentence number {n} is here." for n in range(40)) + "\n"
    snapshot = indexed(a=text)
    [hit] = with_whole_units(stored(snapshot)[2:3], snapshot)
    assert hit.passage.text.split() == text.split()[2:]
    for block in hit.passage.blocks:
        assert text[block.start : block.end] == block.source


def test_of_another_note_nothing_is_taken(indexed: Indexed) -> None:
    snapshot = indexed(a="# T\n\n- one\n", b="# T\n\n- two\n", c="# T\n\n- three\n")
    for name, text in (("a.md", "one"), ("b.md", "two"), ("c.md", "three")):
        [hit] = with_whole_units(stored(snapshot, name), snapshot)
        assert hit.passage.text == text


def test_of_two_notes_with_one_text_one_is_whole(indexed: Indexed, notes: Notes) -> None:
    snapshot = indexed(a=LIST, b=LIST)
    hits = retrieved("item4 item7 item0", notes.embedder, snapshot, 9)
    assert all(len(hit.also_in) == 1 for hit in hits)
    first, *others = with_whole_units(hits, snapshot)
    assert {first.path, *first.also_in} == {str(notes.folder / name) for name in ("a.md", "b.md")}
    assert set(WHOLE) <= set(shown([first])[0])
    assert {block for hit in others for block in hit.passage.blocks}.isdisjoint(
        block for block in first.passage.blocks
    )


def test_texts_that_came_with_the_question_are_left_as_they_are(indexed: Indexed) -> None:
    snapshot = indexed(a=LIST)
    given = hits_of(f"# T\n\n{items(3)}", "/given.md")
    assert with_whole_units([*given, *stored(snapshot)[:1]], snapshot)[: len(given)] == given
    assert with_whole_units([], snapshot) == []


def test_a_unit_is_followed_so_far_and_no_farther(indexed: Indexed) -> None:
    snapshot = indexed(a=f"# T\n\n{items(2 * FARTHEST + 9, 40)}")
    found = stored(snapshot)
    assert len(found) > FARTHEST + 2
    [first] = with_whole_units(found[:1], snapshot)
    whole = [block for hit in found[: FARTHEST + 1] for block in hit.passage.blocks]
    assert list(first.passage.blocks) == whole


def test_blocks_of_an_index_without_units_stay_alone(indexed: Indexed) -> None:
    snapshot = indexed(a=LIST)
    hit = stored(snapshot)[1]
    blocks = tuple(replace(block, unit=0) for block in hit.passage.blocks)
    old = replace(hit, passage=replace(hit.passage, blocks=blocks))
    assert with_whole_units([old], snapshot) == [old]


def test_blocks_of_different_pages_are_different(indexed: Indexed) -> None:
    snapshot = indexed(a="# T\n\nOne is.\n", b="# T\n\nTwo is.\n")
    first, second = stored(snapshot), stored(snapshot, "b.md")
    paged = [
        replace(
            hit,
            path="/book.pdf",
            passage_id=0,
            passage=replace(
                hit.passage,
                blocks=tuple(replace(block, page=page) for block in hit.passage.blocks),
            ),
        )
        for page, hit in enumerate([*first, *second], 1)
    ]
    assert with_whole_units(paged, snapshot) == paged
