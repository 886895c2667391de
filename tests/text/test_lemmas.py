"""Words as a verdict compares them: inflections are one, relatives by letters are not."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ragqa.text.lemmas import compounds_of, lemmas_of, named_lemmas, spelled_as


@pytest.mark.parametrize(
    "words",
    [
        "trains trained training train",
        "model models model's model’s",
        "good better best",
        "study studies studied",
        "mouse mice",
        "LLM LLMs llms",
        "tokenizer tokenizers Tokenizer's",
        "GPU GPUs",
        "pretrain pretrained pretraining",
        "hyperparameter hyperparameters",
        "fine\u00adtune ﬁne\u200btune ｆｉｎｅｔｕｎｅ finetuned",
    ],
)
def test_forms_of_one_word_are_one(words: str) -> None:
    assert len(set(lemmas_of(words))) == 1


@pytest.mark.parametrize(
    "words",
    [
        "generation generator generic",
        "university universe universal",
        "internal internet international",
        "organ organization",
        "found founded",
        "AI m",
        "component composition",
    ],
)
def test_other_words_that_begin_alike_are_others(words: str) -> None:
    assert len(set(lemmas_of(words))) == len(words.split())


def test_what_only_holds_a_sentence_together_is_left_out() -> None:
    assert lemmas_of("It was what he does do with them, isn't it?") == []


def test_numbers_are_whole() -> None:
    assert lemmas_of("1,234,567 and 12345689 and １２") == ["1234567", "12345689", "12"]


def test_words_of_another_language_are_as_they_are_written() -> None:
    assert lemmas_of("Die Häuser, Größe und 你好") == ["die", "häuser", "größe", "und", "你好"]


def test_names() -> None:
    assert named_lemmas("The Models of OpenAI and ＭＥＴＡ") == ["model", "openai", "meta"]


@pytest.mark.parametrize("said", ["fine-tuning", "Fine tuning", "finetuning", "fine‑tuned"])
@pytest.mark.parametrize("text", ["fine-tuning", "finetuning"])
def test_compounds_are_spelled_as_in_the_text(said: str, text: str) -> None:
    theirs = lemmas_of(text)
    assert spelled_as(lemmas_of(said), theirs, compounds_of(theirs)) == theirs


def test_numbers_and_single_letters_are_no_compounds() -> None:
    theirs = lemmas_of("sigmoid 1/(1+e^z) 0 11 ez")
    assert spelled_as(theirs, theirs, compounds_of(theirs)) == theirs


@given(st.text())
def test_no_lemma_is_empty(text: str) -> None:
    assert all(lemmas_of(text + " S ss"))
