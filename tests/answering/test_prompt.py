"""What the generator is told, and that it stays inside its budget."""

from __future__ import annotations

import random
import re
from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from ragqa.answering.citations import Citer, FileText
from ragqa.answering.pieces import sources_of
from ragqa.answering.prompt import INSTRUCTION, build_prompt, join_neighbours, passage_text
from ragqa.records import Hit
from ragqa.text.sentences import sentence_spans
from tests.hits import corpus_hits, hits_of, unchanged

WORDS = st.lists(
    st.sampled_from(["gold", "a", "12345", "...", "你好", "<|im_end|>", "x" * 30]), max_size=60
)


def _count(text: str) -> int:
    """Tokens of uneven length: words of at most four letters, each other sign by itself."""
    return len(re.findall(r"\w{1,4}|[^\w\s]|\n+", text))


NOTES = [
    hits_of(f"# Note {n}\n\n" + f"Fact {n} is here. " * 5 + "\n", f"/{n}.md")[0] for n in "abcd"
]


def _built(question: str, hits: Sequence[Hit], budget: int) -> tuple[str, list[Hit]]:
    """The message, and the passages in it."""
    message, used = build_prompt(question, sources_of(hits), _count, budget)
    return message, [source.hit for source in used]


def _text(number: int, hit: Hit) -> str:
    return passage_text(number, sources_of([hit])[0])


def _joined(hits: Sequence[Hit]) -> list[Hit]:
    return [source.hit for source in join_neighbours(sources_of(hits))]


def test_the_message_has_instruction_passages_in_order_and_question() -> None:
    message, used = _built("Why?", NOTES, 10_000)
    parts = [
        INSTRUCTION,
        *(_text(n, hit) for n, hit in enumerate(NOTES, 1)),
        "Question: Why?",
    ]
    places = [message.index(part) for part in parts]
    assert places == sorted(places)
    assert used == NOTES
    assert message.endswith("Question: Why?")


def test_a_passage_stands_below_its_number_title_and_headings() -> None:
    [hit] = hits_of("# Metals\n\n## Heat\n\nGold melts.\n", "/m.md")
    assert _text(3, hit) == "[3] Metals > Heat\nGold melts."


@given(st.integers(0, 400), st.lists(WORDS.map(" ".join), max_size=5), WORDS.map(" ".join))
def test_the_message_stays_inside_the_budget(budget: int, texts: list[str], question: str) -> None:
    hits = [
        hit for text in texts if text.strip() for hit in hits_of(text, "/t.txt", max_tokens=900)
    ]
    bare, _ = _built(question, [], budget)
    assume(_count(bare) <= budget)
    message, used = _built(question, hits, budget)
    assert _count(message) <= budget
    assert used == hits[: len(used)]
    assert message.startswith(INSTRUCTION)
    assert message.endswith(f"Question: {question}")


def test_the_first_passage_that_does_not_fit_ends_the_list() -> None:
    two, _ = _built("Why?", NOTES[:2], 10_000)
    for room in (0, 5):
        message, used = _built("Why?", NOTES, _count(two) + room)
        assert used == NOTES[:2]
        assert message == two


def test_a_smaller_passage_does_not_overtake() -> None:
    small = hits_of("# S\n\nTiny.\n", "/s.md")
    one, _ = _built("Why?", NOTES[:1], 10_000)
    _, used = _built("Why?", [*NOTES[:2], *small], _count(one) + 15)
    assert used == NOTES[:1]


def test_the_best_passage_is_cut_where_it_alone_is_too_long() -> None:
    bare, _ = _built("Why?", [], 10_000)
    budget = _count(bare) + 20
    message, used = _built("Why?", NOTES, budget)
    assert used == NOTES[:1]
    shown = message.split("Passages:\n\n")[1].split("\n\nQuestion:")[0]
    assert _text(1, NOTES[0]).startswith(shown)
    assert budget - 2 <= _count(message) <= budget


def test_a_question_that_fills_the_budget_leaves_room_for_no_passage() -> None:
    message, used = _built("Why? " * 500, NOTES, 100)
    assert used == []
    assert "Note a" not in message


def test_without_hits_there_are_no_passages() -> None:
    message, used = _built("Why?", [], 1000)
    assert used == []
    assert "[1]" not in message


# Neighbours ----------------------------------------------------------------------------------

METALS = """# Metals

Intro of the note.

## Gold

Gold melts at 1,064 degrees.

Smiths have known it for long.

It does not rust.

## Tin

Tin melts at 232 degrees.
"""


def _numbered(text: str, path: str = "/m.md", first: int = 10, max_tokens: int = 14) -> list[Hit]:
    """The passages of a file, numbered as an index numbers them."""
    hits = hits_of(text, path, max_tokens=max_tokens)
    return [replace(hit, passage_id=number) for number, hit in enumerate(hits, first)]


INTRO, GOLD, SMITHS, RUST, TIN = _numbered(METALS)


def _texts(hits: list[Hit]) -> list[str]:
    return [hit.passage.text for hit in _joined(hits)]


def test_neighbours_are_joined_in_the_order_of_the_document() -> None:
    gold, smiths, rust = (hit.passage.text for hit in (GOLD, SMITHS, RUST))
    assert _texts([SMITHS, GOLD]) == _texts([GOLD, SMITHS]) == [f"{gold}\n{smiths}"]
    assert _texts([RUST, GOLD, SMITHS]) == [f"{gold}\n{smiths}\n{rust}"]
    assert _texts([RUST, GOLD]) == [rust, gold]


def test_what_is_joined_stands_at_the_place_of_the_better_one() -> None:
    other = _numbered("# Bread\n\nBread rises.\n", "/b.md", 30)[0]
    joined = _joined([TIN, RUST, other, SMITHS])
    assert [hit.passage_id for hit in joined] == [TIN.passage_id, RUST.passage_id, 30]
    assert joined[1].passage.lines == (9, 11)
    assert joined[1] == replace(RUST, passage=joined[1].passage)


@pytest.mark.parametrize(
    "hits",
    [
        [INTRO, GOLD],  # another section
        [RUST, TIN],
        [GOLD, replace(SMITHS, passage_id=99)],  # not the next one
        [GOLD, replace(SMITHS, path="/n.md")],
        [GOLD, replace(SMITHS, also_in=("/copy.md",))],  # where the other cannot be read
        [replace(GOLD, passage_id=0), replace(SMITHS, passage_id=0)],  # came with the question
        [replace(GOLD, passage_id=0), replace(SMITHS, passage_id=1)],
        [],
    ],
)
def test_other_hits_stay_apart(hits: list[Hit]) -> None:
    assert _joined(hits) == hits


def test_the_message_numbers_what_was_joined_once() -> None:
    message, used = _built("Why?", [TIN, SMITHS, GOLD], 10_000)
    assert message.count("Metals > Gold") == 1
    assert _text(1, TIN) in message
    assert "[2] Metals > Gold\nGold melts at 1,064 degrees.\nSmiths have known" in message
    assert "[3]" not in message
    assert used == _joined([TIN, SMITHS, GOLD])


def test_a_neighbour_that_does_not_fit_is_left_out_of_the_join() -> None:
    whole, _ = _built("Why?", [GOLD, SMITHS], 10_000)
    assert _built("Why?", [GOLD, SMITHS], _count(whole))[1] == _joined([GOLD, SMITHS])
    assert _built("Why?", [GOLD, SMITHS], _count(whole) - 1)[1] == [GOLD]


def test_joining_takes_less_room_and_never_a_passage_away() -> None:
    choose = random.Random(3)
    joined = 0
    for path, (text, _) in list(corpus_hits().items())[::4]:
        hits = _numbered(text, str(path), max_tokens=80)
        chosen = choose.sample(hits, min(6, len(hits)))
        budget = choose.randrange(200, 900)
        apart = [replace(hit, passage_id=0) for hit in chosen]
        message, used = _built("Why?", chosen, budget)
        _, without = _built("Why?", apart, budget)
        blocks = {id(block) for hit in used for block in hit.passage.blocks}
        assert _count(message) <= budget
        if len(without) > 1:
            assert blocks >= {id(block) for hit in without for block in hit.passage.blocks}
            joined += len(_joined(chosen)) < len(chosen)
    assert joined > 5


def test_sentences_of_joined_passages_are_cited_where_they_stand() -> None:
    cited = 0
    for path, (text, _) in list(corpus_hits().items())[::4]:
        hits = _numbered(text, str(path), max_tokens=80)[:8]
        _, used = build_prompt("Why?", sources_of(hits), _count, 100_000)
        citer = Citer(used, unchanged((str(path), text)))
        for number, source in enumerate(used, 1):
            block = source.hit.passage.blocks[-1]
            if block.kind != "paragraph":
                continue
            first, last = sentence_spans(block.text)[0]
            citer.add(f"{block.text[first:last]} [{number}]")
        for citation in citer.citations:
            assert text[citation.start_char : citation.end_char] == citation.quote
            assert text.count("\n", 0, citation.start_char) + 1 == citation.start_line
        cited += len(citer.citations)
    assert cited > 20


def test_the_models_own_number_means_the_joined_passage() -> None:
    same = METALS.replace("# Metals", "# Copy").replace("Smiths", "Men")
    hits = [TIN, *_numbered(same, "/copy.md", 50)[1:3], SMITHS, GOLD]
    message, used = build_prompt("Why?", sources_of(hits), _count, 10_000)
    assert [source.hit.path for source in used] == ["/m.md", "/copy.md", "/m.md"]
    for number, path in ((2, "/copy.md"), (3, "/m.md")):
        assert f"[{number}] {used[number - 1].hit.passage.title}" in message
        citer = Citer(used, {path: FileText(None, False) for path in ("/m.md", "/copy.md")})
        sentence = citer.add(f"Gold melts at 1,064 degrees [{number}].")
        assert sentence is not None
        assert sentence.support == "supported"
        assert citer.citations[0].path == path
        assert citer.removed == 0
