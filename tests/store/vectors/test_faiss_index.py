"""FAISS: exact search, and the clusters of approximate search."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from ragqa.store.vectors.faiss_index import EXACT_UP_TO, FaissIndex, lists_for

MATRIX = np.eye(4, dtype=np.float32)
IDS = [7, 3, 99, 12]


@pytest.fixture
def index(tmp_path: Path) -> FaissIndex:
    """An exact index, as it is read from its file."""
    FaissIndex.exact(4).add(IDS, [MATRIX[:3], MATRIX[3:]]).write(tmp_path / "file")
    return FaissIndex.read(tmp_path / "file")


def test_search_gives_ids_and_cosines_best_first(index: FaissIndex) -> None:
    question = np.array([0.1, 0.9, 0.3, 0.2], dtype=np.float32)
    found = index.search(question, 3)
    assert [number for number, _ in found] == [3, 99, 12]
    assert [score for _, score in found] == pytest.approx([0.9, 0.3, 0.2])


@pytest.mark.parametrize("count, expected", [(0, 0), (2, 2), (100, 4)])
def test_search_gives_no_more_than_there_is(index: FaissIndex, count: int, expected: int) -> None:
    assert len(index.search(MATRIX[0], count)) == expected


def test_search_of_an_empty_index_finds_nothing() -> None:
    assert FaissIndex.exact(4).add([], []).search(MATRIX[0], 5) == []


def test_the_number_of_clusters_grows_with_the_square_root() -> None:
    assert [lists_for(n) for n in (1, 100_000, 1_000_000)] == [2, 512, 2048]


def test_only_a_large_index_learns_from_a_sample() -> None:
    assert FaissIndex.sample_size(EXACT_UP_TO) == 0
    assert FaissIndex.sample_size(EXACT_UP_TO + 1) == 50 * 256


def test_clusters_suit_numbers_that_would_have_half_to_twice_as_many() -> None:
    sample = np.random.default_rng(1).standard_normal((64, 4), dtype=np.float32)
    learned = FaissIndex.trained(4, 100, sample)
    assert lists_for(100) == 16
    assert [learned.suits(n) for n in (5, 20, 100, 400, 2000)] == [False, True, True, True, False]
    assert not FaissIndex.exact(4).suits(100)
