"""Texts against accepted answers and nuggets, and how long they are."""

from __future__ import annotations

import re

import pytest

from ragqa.evaluation.comparing import best_f1, contains_any, nuggets_in, word_count


@pytest.mark.parametrize(
    ("text", "accepted", "contained"),
    [
        ("It predicts the  text\nbetter [1].", "Text better.", True),
        ("They [1] met [2] here.", "they met here", True),
        ("It was decoupled.", "decouple", True),
        ("A keyword.", "word", False),
        ("2,048 of them", "48", False),
        ("2,048 of them", "2", False),
        ("20.5 of them", "20", False),
        ("20.5 of them", "5", False),
        ("some 20.", "20", True),
        ("97% of it", "97%", True),
        ("in ~/.cache/x", "~/.cache", True),
    ],
)
def test_an_accepted_answer_stands_in_the_text(text: str, accepted: str, contained: bool) -> None:
    assert contains_any(text, ["never", accepted]) is contained


def test_f1_is_that_of_squad() -> None:
    assert best_f1("The cat sat [1].", ["a cat", "dogs"]) == pytest.approx(2 * 1 / (2 + 1))
    assert best_f1("Cat, cat!", ["cat"]) == pytest.approx(2 / 3)
    assert best_f1("", ["cat"]) == 0
    assert best_f1("dog", ["cat"]) == 0


@pytest.mark.parametrize(
    ("text", "nugget", "is_there"),
    [
        ("It was 29\u00a0\n€ net [1].", "29 ?€ net\\.", True),
        ("Log [1]\nrotation", "log rotation", True),
        ("- Yes.\n- No.", "yes. - no", True),
        ("Certified.", "certif\\b", False),
        ("Yes.", "^(?!.*no)", True),
        (" [1]", "^(?!.*no)", False),
    ],
)
def test_a_nugget_stands_in_the_text(text: str, nugget: str, is_there: bool) -> None:
    patterns = [re.compile(each, re.IGNORECASE) for each in ("zed", nugget)]
    assert nuggets_in(text, patterns) == (False, is_there)


@pytest.mark.parametrize(
    ("text", "words"),
    [("", 0), ("One, two [1].", 2), ("- 2 kg | – | x-y\n- b [12]", 4), ("[1] [2]", 0)],
)
def test_words_are_what_has_to_be_read(text: str, words: int) -> None:
    assert word_count(text) == words
