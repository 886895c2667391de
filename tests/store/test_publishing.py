"""Large indexes: approximate search, kept up to date, as good as comparing with all vectors."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from ragqa.store.snapshot import LocalSnapshot
from ragqa.store.vectors import faiss_index, file
from ragqa.store.vectors.base import VectorIndex
from ragqa.store.vectors.faiss_index import FaissIndex
from tests.notes import Notes

WORDS = "ant bee cat dog eel fox gnu hen ibex jay kiwi lark mole newt owl pig rat seal toad".split()
QUESTIONS = ("ant bee", "owl", "seal toad rat", "jay kiwi lark mole")


@pytest.fixture
def large(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Notes:
    """An index of 300 notes that counts as large, its vector file mapped into memory."""
    monkeypatch.setattr(faiss_index, "EXACT_UP_TO", 100)
    monkeypatch.setattr(faiss_index, "MAPPED_BYTES", 1000)
    monkeypatch.setattr(file, "WHOLE_BYTES", 1000)
    monkeypatch.setattr(file, "END_BYTES", 400)
    notes = Notes(tmp_path)
    for number in range(300):
        write(notes, number)
    notes.run()
    return notes


def write(notes: Notes, number: int) -> None:
    chosen = np.random.default_rng(number).choice(WORDS, 8)
    notes.write(f"{number}.md", f"{' '.join(chosen)} number{number}\n")


def agrees_with_all_vectors(notes: Notes) -> bool:
    """Whether the search finds what comparing with every passage finds."""
    texts = {p[0]: p[2] for p in notes.numbered_passages()}
    matrix = notes.embedder.embed(list(texts.values()))
    with LocalSnapshot(notes.directory) as reader:
        for question in QUESTIONS:
            vector = notes.embedder.encode_question(question).vector
            exact = dict(zip(texts, (matrix @ vector).tolist(), strict=True))
            found = reader.dense(vector, 10)
            best = sorted(exact.values(), reverse=True)[:10]
            if not np.allclose([cosine for _, cosine in found], best, atol=1e-5):
                return False
            if not all(abs(exact[number] - cosine) < 1e-5 for number, cosine in found):
                return False
    return True


def last_index(notes: Notes) -> VectorIndex:
    with LocalSnapshot(notes.directory) as reader:
        return reader.vector_index


def test_a_large_index_is_approximate_and_its_cosines_are_exact(large: Notes) -> None:
    assert last_index(large).is_approximate
    assert agrees_with_all_vectors(large)


def test_changes_are_put_into_the_last_index_without_learning_clusters_again(
    large: Notes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(FaissIndex, "trained", lambda *_: pytest.fail("learned again"))
    for number in range(0, 60, 2):
        (large.folder / f"{number}.md").unlink()
    for number in range(300, 340):
        write(large, number)
    write(large, 1)
    report = large.run()
    assert (report.added, report.removed) == (40, 30)
    assert agrees_with_all_vectors(large)


def test_clusters_are_learned_again_once_others_fit_better(
    large: Notes, monkeypatch: pytest.MonkeyPatch
) -> None:
    learned = []
    train = FaissIndex.trained
    monkeypatch.setattr(faiss_index, "lists_for", lambda count: 4)
    monkeypatch.setattr(FaissIndex, "trained", lambda *a: learned.append(a[1]) or train(*a))
    write(large, 300)
    large.run()
    assert learned == [301]
    assert agrees_with_all_vectors(large)


def test_an_index_that_shrinks_is_exact_again(large: Notes) -> None:
    for number in range(220):
        (large.folder / f"{number}.md").unlink()
    large.run()
    assert not last_index(large).is_approximate
    assert agrees_with_all_vectors(large)


@pytest.mark.parametrize("harm", ["gone", "cut", "first byte", "last byte"])
def test_damage_to_a_large_file_is_noticed_and_made_good(large: Notes, harm: str) -> None:
    (path,) = large.directory.glob("vectors-*.faiss")
    data = bytearray(path.read_bytes())
    if harm == "gone":
        path.unlink()
    elif harm == "cut":
        path.write_bytes(data[:-100])
    else:
        data[0 if harm == "first byte" else -1] ^= 1
        path.write_bytes(data)
    assert agrees_with_all_vectors(large)  # a reader makes it anew in memory
    large.run()
    assert last_index(large).is_approximate
    assert agrees_with_all_vectors(large)


def test_a_filter_finds_its_passage_in_whatever_cluster(large: Notes) -> None:
    ids = large.ids()
    vector = large.embedder.encode_question("ant bee").vector
    with LocalSnapshot(large.directory) as reader:
        for name in ("3.md", "77.md", "299.md"):
            allowed = np.array(ids[name], dtype=np.int64)
            assert [number for number, _ in reader.dense(vector, 5, allowed)] == ids[name]
