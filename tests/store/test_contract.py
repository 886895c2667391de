"""What holds for every kind of index, and of vector index."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from ragqa.errors import IndexBusyError, NoIndexError
from ragqa.pipeline import build_index
from ragqa.records import IndexReport
from ragqa.store import INDEXES, index_at
from ragqa.store.base import Index
from ragqa.store.filters import Filter
from ragqa.store.vectors import VECTOR_INDEXES, vector_index
from ragqa.store.vectors.base import VectorIndex
from tests.fakes import FakeEmbedder

NOTES = {"bread": "Bread rises.\n", "tea": "Tea is hot.\n", "cats": "Cats sleep all day.\n"}


class Shelf:
    """Notes, and an index of them."""

    def __init__(self, folder: Path, kind: str) -> None:
        self.folder, self.embedder = folder / "notes", FakeEmbedder()
        self.folder.mkdir()
        for name, text in NOTES.items():
            self.write(name, text)
        self.index: Index = index_at(folder / "index", kind)

    def write(self, name: str, text: str) -> Path:
        path = self.folder / f"{name}.md"
        path.write_text(text)
        return path

    def update(self) -> IndexReport:
        return build_index(self.index, [self.folder], lambda _: self.embedder, lambda *_: None)

    def texts(self) -> list[str]:
        with self.index.snapshot() as snapshot:
            near = snapshot.dense(self.embedder.encode_question("bread").vector, 10)
            stored = snapshot.passages([number for number, _ in near])
            assert len(stored) == snapshot.counts()[1]
            return sorted(item.passage.text for item in stored.values())


@pytest.fixture(params=INDEXES)
def shelf(request: pytest.FixtureRequest, tmp_path: Path) -> Shelf:
    return Shelf(tmp_path.resolve(), request.param)


def test_nothing_is_there_before_it_is_published(shelf: Shelf) -> None:
    assert not shelf.index.exists()
    with pytest.raises(NoIndexError), shelf.index.snapshot():
        pass
    assert shelf.update().added == 3
    assert shelf.index.exists()
    assert shelf.texts() == sorted(text.strip() for text in NOTES.values())


def test_a_snapshot_stays_with_its_generation(shelf: Shelf) -> None:
    shelf.update()
    with shelf.index.snapshot() as snapshot:
        snapshot.settle()
        identity = snapshot.identity
        shelf.write("tea", "Tea is cold.\n")
        assert shelf.update().changed == 1
        assert [number for number, _ in snapshot.lexical(["hot"], 5)]
        assert not snapshot.lexical(["cold"], 5)
        assert (snapshot.generation, snapshot.identity) == (1, identity)
    with shelf.index.snapshot() as snapshot:
        assert snapshot.generation == 2
        assert snapshot.identity != identity
        assert snapshot.lexical(["cold"], 5)


def test_what_is_not_published_is_taken_back(shelf: Shelf) -> None:
    shelf.update()
    with shelf.index.writer() as writer:
        writer.remove(str(shelf.folder / "tea.md"))
        assert writer.passage_count() == 2
    assert len(shelf.texts()) == 3


def test_there_is_one_writer(shelf: Shelf) -> None:
    shelf.update()
    with shelf.index.writer(), pytest.raises(IndexBusyError), shelf.index.writer():
        pass


def test_candidates_and_filters(shelf: Shelf) -> None:
    shelf.update()
    with shelf.index.snapshot() as snapshot:
        allowed = snapshot.allowed(Filter(paths=("tea.md",)))
        assert len(allowed) == 1
        vector = shelf.embedder.encode_question("bread rises").vector
        assert [number for number, _ in snapshot.dense(vector, 5, allowed)] == allowed.tolist()
        (best, cosine), *others = snapshot.dense(vector, 5)
        assert snapshot.fields([best])[best].body == "Bread rises."
        assert all(cosine >= other for _, other in others)
        assert snapshot.by_cosine(vector)[0][0] == best
        assert snapshot.lexical(["bread", "tea"], 5, allowed)[0][0] == allowed[0]
        statistics = snapshot.statistics(["bread", "zebra"])
        assert (statistics.passages, dict(statistics.frequencies)) == (3, {"bread": 1, "zebra": 0})


def test_documents_by_path(shelf: Shelf) -> None:
    shelf.write("empty", "")
    shelf.update()
    path = str(shelf.folder / "tea.md")
    with shelf.index.snapshot() as snapshot:
        document = snapshot.document(path)
        assert document
        (number,) = snapshot.passages_of(document.id)
        assert snapshot.passages([number])[number].path == path
        encoded = snapshot.encoded([number], 24)[number]
        assert np.allclose(encoded[0], shelf.embedder.embed(["Tea is hot."])[0])
        assert snapshot.document("/nowhere.md") is None
        assert [Path(found).name for found, _ in snapshot.failed()] == ["empty.md"]
        assert snapshot.folders() == [str(shelf.folder)]


# Vectors ------------------------------------------------------------------------------------


@pytest.fixture(params=VECTOR_INDEXES)
def kind(request: pytest.FixtureRequest) -> type[VectorIndex]:
    return vector_index(request.param)


def _vectors(count: int, seed: int = 0) -> np.ndarray:
    made = np.random.default_rng(seed).normal(size=(count, 16)).astype(np.float32)
    return made / np.linalg.norm(made, axis=1, keepdims=True)


def test_exact_vectors(kind: type[VectorIndex], tmp_path: Path) -> None:
    vectors = _vectors(50)
    index = kind.exact(16).add(range(100, 150), [vectors[:30], vectors[30:]])
    assert not index.is_approximate
    index.write(tmp_path / "a")
    for one in (index, kind.read(tmp_path / "a"), kind.read(tmp_path / "a", to_change=True)):
        found = one.search(vectors[7], 3)
        expected = np.argsort(-(vectors @ vectors[7]))[:3] + 100
        assert [number for number, _ in found] == expected.tolist()
        assert found[0][1] == pytest.approx(1)
        allowed = np.array([110, 120], dtype=np.int64)
        assert {number for number, _ in one.search(vectors[7], 9, allowed)} == {110, 120}


def test_approximate_vectors(kind: type[VectorIndex]) -> None:
    vectors = _vectors(2000)
    index = kind.trained(16, len(vectors), vectors)
    index.add(range(2000), [vectors])
    assert index.is_approximate
    assert index.suits(2000)
    assert not index.suits(2_000_000)
    assert index.search(vectors[7], 1, everywhere=True)[0][0] == 7
    index.remove(np.arange(7, 100, dtype=np.int64))
    assert index.ids().tolist() == [*range(7), *range(100, 2000)]
    assert index.search(vectors[7], 1, everywhere=True)[0][0] != 7


def test_small_collections_need_no_training(kind: type[VectorIndex]) -> None:
    assert kind.sample_size(100) == 0
    assert 0 < kind.sample_size(10_000_000) < 10_000_000
