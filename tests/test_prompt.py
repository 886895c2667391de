"""What the generator is told, and that it stays inside its budget."""

from __future__ import annotations

import re

from hypothesis import assume, given
from hypothesis import strategies as st

from ragqa.prompt import INSTRUCTION, build_prompt, passage_text
from tests.hits import hits_of

WORDS = st.lists(
    st.sampled_from(["gold", "a", "12345", "...", "你好", "<|im_end|>", "x" * 30]), max_size=60
)


def _count(text: str) -> int:
    """Tokens of uneven length: words of at most four letters, each other sign by itself."""
    return len(re.findall(r"\w{1,4}|[^\w\s]|\n+", text))


NOTES = [
    hits_of(f"# Note {n}\n\n" + f"Fact {n} is here. " * 5 + "\n", f"/{n}.md")[0] for n in "abcd"
]


def test_the_message_has_instruction_passages_in_order_and_question() -> None:
    message, used = build_prompt("Why?", NOTES, _count, 10_000)
    parts = [
        INSTRUCTION,
        *(passage_text(n, hit) for n, hit in enumerate(NOTES, 1)),
        "Question: Why?",
    ]
    places = [message.index(part) for part in parts]
    assert places == sorted(places)
    assert used == NOTES
    assert message.endswith("Question: Why?")


def test_a_passage_stands_below_its_number_title_and_headings() -> None:
    [hit] = hits_of("# Metals\n\n## Heat\n\nGold melts.\n", "/m.md")
    assert passage_text(3, hit) == "[3] Metals > Heat\nGold melts."


@given(st.integers(0, 400), st.lists(WORDS.map(" ".join), max_size=5), WORDS.map(" ".join))
def test_the_message_stays_inside_the_budget(budget: int, texts: list[str], question: str) -> None:
    hits = [
        hit for text in texts if text.strip() for hit in hits_of(text, "/t.txt", max_tokens=900)
    ]
    bare, _ = build_prompt(question, [], _count, budget)
    assume(_count(bare) <= budget)
    message, used = build_prompt(question, hits, _count, budget)
    assert _count(message) <= budget
    assert used == hits[: len(used)]
    assert message.startswith(INSTRUCTION)
    assert message.endswith(f"Question: {question}")


def test_the_first_passage_that_does_not_fit_ends_the_list() -> None:
    two, _ = build_prompt("Why?", NOTES[:2], _count, 10_000)
    for room in (0, 5):
        message, used = build_prompt("Why?", NOTES, _count, _count(two) + room)
        assert used == NOTES[:2]
        assert message == two


def test_a_smaller_passage_does_not_overtake() -> None:
    small = hits_of("# S\n\nTiny.\n", "/s.md")
    one, _ = build_prompt("Why?", NOTES[:1], _count, 10_000)
    _, used = build_prompt("Why?", [*NOTES[:2], *small], _count, _count(one) + 15)
    assert used == NOTES[:1]


def test_the_best_passage_is_cut_where_it_alone_is_too_long() -> None:
    bare, _ = build_prompt("Why?", [], _count, 10_000)
    budget = _count(bare) + 20
    message, used = build_prompt("Why?", NOTES, _count, budget)
    assert used == NOTES[:1]
    shown = message.split("Passages:\n\n")[1].split("\n\nQuestion:")[0]
    assert passage_text(1, NOTES[0]).startswith(shown)
    assert budget - 2 <= _count(message) <= budget


def test_a_question_that_fills_the_budget_leaves_room_for_no_passage() -> None:
    message, used = build_prompt("Why? " * 500, NOTES, _count, 100)
    assert used == []
    assert "Note a" not in message


def test_without_hits_there_are_no_passages() -> None:
    message, used = build_prompt("Why?", [], _count, 1000)
    assert used == []
    assert "[1]" not in message
