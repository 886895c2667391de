"""What kind of words answers a question."""

from __future__ import annotations

import pytest

from ragqa.text.answer_types import (
    IN_DATE,
    AnswerType,
    answer_type,
    asks_for_a_fact,
    asks_for_steps,
    kind_of_value,
)


@pytest.mark.parametrize(
    ("question", "right", "wrong"),
    [
        ("When did it open?", "in May", "in Rome"),
        ("when was it built", "the 12th century", "by hand"),
        ("In what year did it open?", "1889", "May 3"),
        ("How many layers has it?", "twelve", "layers"),
        ("how old is she", "34", "young"),
        ("Who won in 2017?", "Pakistan", "2017"),
        ("Which percentage is that?", "4 %", "the large share"),
        ("When exactly did it end?", "after the war", "by hand"),
    ],
)
def test_what_is_asked_for(question: str, right: str, wrong: str) -> None:
    wanted = answer_type(question)
    assert wanted.is_in(right)
    assert not wanted.is_in(wrong)


@pytest.mark.parametrize(
    "question",
    [
        "When does the cache expire?",
        "What is it?",
        "How does it work?",
        "Where?",
        "",
        "Which date format is expected?",
        "Why does it matter how many there are?",
    ],
)
def test_anything_may_answer_other_questions(question: str) -> None:
    assert answer_type(question) == AnswerType()


@pytest.mark.parametrize(
    ("around", "within"),
    [
        ("on July\0 1, 1890", True),
        ("on July 1\0, 1890", True),
        ("on July 1,\0 1890", True),
        ("on 1\0 July 1890", True),
        ("on 1 July\0 1890", True),
        ("the 1st\0 of July", True),
        ("in\0 July 1890", False),
        ("in July 1890\0 he", False),
        ("the 1\0 apple", False),
        ("by May\0 of them", False),
    ],
)
def test_within_a_date(around: str, within: bool) -> None:
    assert bool(IN_DATE.search(around)) is within


def test_who_decides_is_no_number() -> None:
    assert answer_type("Who decides how many judges sit?").is_in("the president")


def test_a_hostile_question_takes_no_time() -> None:
    assert answer_type("!" * 100_000 + "a" + " when" * 20_000) == AnswerType()


@pytest.mark.parametrize(
    ("question", "expected"),
    [
        ("Who invented BPE?", True),
        ("How many layers has it?", True),
        ("In which year did it appear?", True),
        ("What is the largest city?", True),
        ("How does attention work?", False),
        ("why so slow", False),
        ("Is every LLM machine learning?", False),
        ("kv cache size", False),
        ("largest city of the north", True),
    ],
)
def test_which_questions_ask_for_a_fact(question: str, expected: bool) -> None:
    assert asks_for_a_fact(question) is expected


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("330,000 €", "11 March", False),
        ("330,000 €", "290,000 euros", True),
        ("12 %", "12 euros", False),
        ("4 March 2025", "18 March", True),
        ("14:30", "3 rooms", False),
        ("1150 euros", "890 euros", True),
        ("1940 tickets", "880 tickets", True),
        ("Lena", "Bo", True),
        ("Lena", "3", False),
    ],
)
def test_values_of_one_thing_are_of_one_kind(one: str, other: str, same: bool) -> None:
    assert (kind_of_value(one) == kind_of_value(other)) is same


@pytest.mark.parametrize(
    ("question", "expected"),
    [
        ("How do I reset the router?", True),
        ("Tell me how to merge notes", True),
        ("What are the steps to train an LLM?", True),
        ("How does attention work?", False),
        ("How many layers does it have?", False),
    ],
)
def test_which_questions_ask_for_steps(question: str, expected: bool) -> None:
    assert asks_for_steps(question) is expected
