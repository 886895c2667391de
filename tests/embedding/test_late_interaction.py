"""Late interaction against its definition, written out: codes, words, the best match of each."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ragqa.embedding.late_interaction import (
    BITS,
    BYTES,
    NO_CODES,
    NO_WORDS,
    PROJECTION,
    codes_of,
    projected,
    scores,
    words_of_tokens,
)
from ragqa.system.files import data_file

DIMENSION = 384
SIZES = st.lists(st.integers(0, 7), max_size=6)
SEEDS = st.integers(0, 2**32 - 1)


def _codes(random: np.random.Generator, count: int) -> npt.NDArray[np.uint8]:
    return random.integers(0, 256, (count, BYTES), dtype=np.uint8)


def _unit(random: np.random.Generator, count: int) -> npt.NDArray[np.float32]:
    vectors = random.standard_normal((count, DIMENSION))
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


def _max_sim(question: npt.NDArray[np.float32], codes: npt.NDArray[np.uint8]) -> float:
    """The definition: the mean, over the question's words, of their best match in the passage."""
    best = []
    for word in question.tolist():
        products = []
        for code in codes.tolist():
            bits = [byte >> (7 - place) & 1 for byte in code for place in range(8)]
            products.append(sum(x if bit else -x for x, bit in zip(word, bits, strict=True)))
        best.append(max(products))
    return sum(best) / len(best)


@given(st.integers(0, 5), SIZES, SEEDS)
def test_scores_are_those_of_the_definition(words: int, sizes: list[int], seed: int) -> None:
    random = np.random.default_rng(seed)
    question = random.standard_normal((words, BITS)).astype(np.float32) / BITS
    passages = [_codes(random, size) for size in sizes]
    found = scores(question, passages)
    assert (found.shape, found.dtype) == ((len(sizes),), np.float32)
    expected = [_max_sim(question, codes) if words and len(codes) else 0.0 for codes in passages]
    np.testing.assert_allclose(found, expected, atol=1e-5)


def test_without_words_a_score_is_0() -> None:
    random = np.random.default_rng(0)
    question = projected(_unit(random, 3))
    assert scores(question, [NO_CODES, NO_CODES]).tolist() == [0.0, 0.0]
    assert scores(NO_WORDS, [_codes(random, 2), NO_CODES]).tolist() == [0.0, 0.0]
    assert scores(question, []).shape == (0,)
    assert scores(NO_WORDS, []).shape == (0,)


def test_a_passage_is_scored_by_itself() -> None:
    random = np.random.default_rng(0)
    question = projected(_unit(random, 3))
    passages = [_codes(random, size) for size in (3, 0, 1, 5)]
    alone = [scores(question, [codes])[0] for codes in passages]
    np.testing.assert_allclose(scores(question, passages), alone, atol=1e-6)


def test_the_order_of_words_does_not_matter() -> None:
    random = np.random.default_rng(0)
    question, codes = projected(_unit(random, 4)), _codes(random, 9)
    same = scores(question[::-1], [codes[random.permutation(9)]])
    np.testing.assert_allclose(same, scores(question, [codes]), atol=1e-6)


def test_a_word_matches_itself_best_and_others_hardly() -> None:
    words = _unit(np.random.default_rng(0), 40)
    question, codes = projected(words), codes_of(words)
    each = np.array([[scores(q[None], [code[None]])[0] for code in codes] for q in question])
    assert (each.argmax(1) == np.arange(40)).all()
    assert 0.7 < each.diagonal().min() <= each.diagonal().max() <= 1
    assert each.mean() < 0.2


def test_a_further_word_never_lowers_a_score() -> None:
    random = np.random.default_rng(0)
    question, codes = projected(_unit(random, 4)), _codes(random, 9)
    growing = scores(question, [codes[: n + 1] for n in range(9)])
    assert growing.tolist() == sorted(growing.tolist())


@given(st.integers(0, 9), SEEDS)
def test_a_bit_is_the_sign_of_the_projection(count: int, seed: int) -> None:
    words = _unit(np.random.default_rng(seed), count)
    codes = codes_of(words)
    assert (codes.shape, codes.dtype) == ((count, BYTES), np.uint8)
    with np.load(data_file(PROJECTION)) as file:
        mean, axes = file["mean"].astype(np.float32), file["axes"].astype(np.float32)
    assert (mean.shape, axes.shape) == ((DIMENSION,), (DIMENSION, BITS))
    signs = np.unpackbits(codes, axis=1).reshape(count, BITS) > 0
    assert (signs == ((words - mean) @ axes > 0)).all()
    question = projected(words)
    assert (question.shape, question.dtype) == ((count, BITS), np.float32)
    assert ((question > 0) == signs).all()
    np.testing.assert_allclose(np.linalg.norm(question, axis=1), BITS**-0.5, rtol=1e-4)


def test_the_axes_stand_at_right_angles_and_carry_alike() -> None:
    with np.load(data_file(PROJECTION)) as file:
        axes = file["axes"].astype(np.float64)
    np.testing.assert_allclose(axes.T @ axes, np.eye(BITS), atol=5e-3)


@given(st.lists(st.integers(1, 4), max_size=6), SEEDS)
def test_a_word_is_the_mean_direction_of_its_pieces(sizes: list[int], seed: int) -> None:
    random = np.random.default_rng(seed)
    tokens = random.standard_normal((sum(sizes), 16)).astype(np.float32)
    starts = np.cumsum([0, *sizes[:-1]])[: len(sizes)]
    words = words_of_tokens(tokens, starts)
    assert (words.shape, words.dtype) == ((len(sizes), 16), np.float32)
    for word, start, size in zip(words, starts, sizes, strict=True):
        pieces = [piece / np.linalg.norm(piece) for piece in tokens[start : start + size]]
        merged = np.sum(pieces, axis=0)
        np.testing.assert_allclose(word, merged / np.linalg.norm(merged), atol=1e-5)


@pytest.mark.parametrize("count", [0, 3])
def test_no_words_give_no_vectors(count: int) -> None:
    tokens = np.ones((count, 16), dtype=np.float32)
    assert words_of_tokens(tokens, np.array([], dtype=np.intp)).shape == (0, 16)
    assert codes_of(np.empty((0, DIMENSION), dtype=np.float32)).shape == NO_CODES.shape
    assert projected(np.empty((0, DIMENSION), dtype=np.float32)).shape == NO_WORDS.shape


def test_a_vector_of_zeros_stays_finite() -> None:
    words = words_of_tokens(np.zeros((2, DIMENSION), dtype=np.float32), np.array([0, 1]))
    assert np.isfinite(projected(words)).all()
    assert not words.any()
