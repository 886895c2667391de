"""What reasoning models write before they answer, left out of a stream."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ragqa.generators.thinking import without_thinking


@given(
    st.sampled_from(["", "\n", "  "]),
    st.text(alphabet="ab<>/think ", max_size=20).filter(lambda text: "</think>" not in text),
    st.text(alphabet="ab< \n", max_size=20),
    st.lists(st.integers(0, 60), max_size=10),
)
def test_thinking_is_left_out_however_the_text_is_cut(
    before: str, thought: str, answer: str, cuts: list[int]
) -> None:
    text = f"{before}<think>{thought}</think>{answer}"
    assert "".join(without_thinking(iter(_cut(text, cuts)))).strip() == answer.strip()


@given(st.text(alphabet="<think>/ ab\n", max_size=30), st.lists(st.integers(0, 30), max_size=10))
def test_a_text_that_does_not_begin_with_thinking_stays_whole(text: str, cuts: list[int]) -> None:
    if not text.lstrip().startswith("<think>"):
        assert "".join(without_thinking(iter(_cut(text, cuts)))) == text


@pytest.mark.parametrize("text", ["<think>", "<think>never ends", "<think>never </thin"])
def test_thinking_without_end_is_no_answer(text: str) -> None:
    assert list(without_thinking(iter(text))) == []


def _cut(text: str, cuts: list[int]) -> list[str]:
    places = sorted(min(cut, len(text)) for cut in cuts)
    return [text[a:b] for a, b in zip([0, *places], [*places, len(text)], strict=True)]
