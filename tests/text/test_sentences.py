"""Where sentences end, whole and in a stream, and what words, numbers and names are in them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ragqa.text.sentences import (
    is_negated,
    names_of,
    numbers_of,
    sentence_spans,
    split_sentences,
    stems_of,
    stream_sentences,
    words_of,
)

TOKENS = [
    *"a A b. B. 1. 12) 3.5 etc. al. No. U.S. e.g. approx. Dr. x? y! … ... [1] word Word".split(),
    *"。 ！ 」 ） \" ' ) ” * 你好".split(),
    " ",
    "  ",
    "\n",
    "\n\n",
    "\t",
    "\x1c",
    "\u00a0",
]
TEXTS = st.one_of(st.lists(st.sampled_from(TOKENS), max_size=30).map("".join), st.text())


@pytest.mark.parametrize(
    ("text", "sentences"),
    [
        ("One ends. Two ends! Three? Four", ["One ends.", "Two ends!", "Three?", "Four"]),
        ("It has 3.5 billion. It grew.", ["It has 3.5 billion.", "It grew."]),
        ("It was 2017. In 2018 more came.", ["It was 2017.", "In 2018 more came."]),
        ("Dr. Vaswani et al. wrote it.", ["Dr. Vaswani et al. wrote it."]),
        ("By J. R. R. Tolkien. Good.", ["By J. R. R. Tolkien.", "Good."]),
        ("It takes approx. 5 GB. Fine.", ["It takes approx. 5 GB.", "Fine."]),
        ("Apples, pears etc. Then bread.", ["Apples, pears etc.", "Then bread."]),
        ("Apples, pears etc. and bread.", ["Apples, pears etc. and bread."]),
        ("No. It cannot.", ["No.", "It cannot."]),
        ("See No. 5 for it.", ["See No. 5 for it."]),
        ("1. First\n2. Second", ["1. First", "2. Second"]),
        ("(1) one. (2) two.", ["(1) one.", "(2) two."]),
        ("He said “yes.” Then he left.", ["He said “yes.”", "Then he left."]),
        ("It works (mostly.) Then not.", ["It works (mostly.)", "Then not."]),
        ("**Bold.** Plain.", ["**Bold.**", "Plain."]),
        ("Well ... it depends.", ["Well ... it depends."]),
        ("你好。再见！「走吧。」他说", ["你好。", "再见！", "「走吧。」", "他说"]),
        ("Line one\nline two", ["Line one", "line two"]),
        ("See www.example.com now. Yes.", ["See www.example.com now.", "Yes."]),
        ("", []),
        (" \n\t ", []),
    ],
)
def test_sentences_end_where_a_reader_sees_an_end(text: str, sentences: list[str]) -> None:
    assert split_sentences(text) == sentences


@given(TEXTS)
def test_spans_are_in_order_and_cover_all_but_white_space(text: str) -> None:
    at = 0
    for first, last in sentence_spans(text):
        assert at <= first < last
        assert not text[at:first].strip()
        assert text[first:last] == text[first:last].strip()
        at = last
    assert not text[at:].strip()


@given(TEXTS)
def test_a_sentence_alone_is_one_sentence(text: str) -> None:
    for sentence in split_sentences(text):
        assert split_sentences(sentence) == [sentence]


@given(TEXTS, st.data())
def test_a_stream_gives_the_same_sentences_however_it_is_cut(
    text: str, data: st.DataObject
) -> None:
    cuts = sorted(data.draw(st.lists(st.integers(0, len(text)), max_size=20)))
    pieces = [text[a:b] for a, b in zip([0, *cuts], [*cuts, len(text)], strict=True)]
    assert list(stream_sentences(pieces)) == split_sentences(text)


def test_a_stream_gives_a_sentence_as_soon_as_the_next_begins() -> None:
    taken: list[str] = []

    def pieces() -> list[str]:
        for piece in ["One", " ends.", " ", "T", "wo ends."]:
            taken.append(piece)
            yield piece

    assert next(stream_sentences(pieces())) == "One ends."
    assert taken == ["One", " ends.", " ", "T"]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("GPT-3 has 175B", ["gpt", "3", "has", "175", "b"]),
        ("1,024 tokens, 3.5 GB", ["1024", "tokens", "3.5", "gb"]),
        ("It doesn’t, can't", ["it", "doesn't", "can't"]),
        ("snake_case Größe 你好", ["snake", "case", "größe", "你好"]),
        ("— … !", []),
    ],
)
def test_words(text: str, words: list[str]) -> None:
    assert words_of(text) == words


def test_stems_leave_out_stop_words_and_endings() -> None:
    assert stems_of("The models of the model's modelling") == ["model", "model", "modell"]


def test_numbers_are_not_cut_to_a_stem() -> None:
    assert stems_of("1,234,567 and 12345689") == ["1234567", "12345689"]


@given(TEXTS)
def test_no_stem_is_empty(text: str) -> None:
    assert all(stems_of(text + " S ss"))


def test_numbers_with_and_without_separators_are_the_same() -> None:
    assert numbers_of("15,908 or 15908 of 57.5") == {"15908", "57.5"}


@pytest.mark.parametrize(
    ("text", "negated"),
    [
        ("It is not open.", True),
        ("It isn’t open.", True),
        ("It can't be", True),
        ("It cannot be", True),
        ("Without any", True),
        ("None did", True),
        ("It is open.", False),
        ("Notable nothingness", False),
    ],
)
def test_negation(text: str, negated: bool) -> None:
    assert is_negated(text) is negated


def test_names_are_words_with_a_capital_that_no_sentence_start_explains() -> None:
    text = "Models by OpenAI follow Google. LLaMA and the model iGPT came Later. In Paris."
    assert names_of(text) == frozenset(stems_of("OpenAI Google LLaMA iGPT Later Paris"))


def test_code_between_fences_is_one_piece_of_a_stream() -> None:
    text = "Run it. Then look:\n\n```sh\nls -l\n\n  cd x\n```\nThat is all. Done."
    assert list(stream_sentences(text)) == [
        "Run it.",
        "Then look:",
        "```sh\nls -l\n\n  cd x\n```",
        "That is all.",
        "Done.",
    ]


def test_code_that_is_never_closed_is_the_rest() -> None:
    assert list(stream_sentences(["Look:\n``", "`\nls\n"])) == ["Look:", "```\nls"]
