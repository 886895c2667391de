"""`build_index`, `forget` and the embedder that belongs to an index."""

from __future__ import annotations

from pathlib import Path

import pytest

from ragqa import pipeline
from ragqa.embedding import matching_embedder
from ragqa.errors import IndexDamagedError, UsageError
from ragqa.models.catalogue import BUNDLED_EMBEDDER
from ragqa.store import index_at
from ragqa.store.snapshot import LocalSnapshot
from tests.fakes import FakeEmbedder
from tests.notes import Notes, counted


@pytest.fixture
def notes(tmp_path: Path) -> Notes:
    notes = Notes(tmp_path)
    notes.write("a.md", "alpha")
    notes.write("sub/b.md", "beta")
    notes.run()
    return notes


def _forget(notes: Notes, folder: Path) -> int:
    return pipeline.forget(index_at(notes.directory), folder, lambda _: notes.embedder)


def test_progress_goes_through_all_stages(tmp_path: Path) -> None:
    notes = Notes(tmp_path)
    notes.write("a.md", "alpha")
    seen: list[tuple[str, int, int]] = []
    pipeline.build_index(
        index_at(notes.directory),
        [notes.folder],
        lambda _: notes.embedder,
        lambda *step: seen.append(step),
    )
    assert list(dict.fromkeys(stage for stage, *_ in seen)) == [
        "finding documents",
        "reading",
        "embedding",
    ]
    assert seen[-1] == ("embedding", 1, 1)


def test_another_embedder_is_refused_with_a_hint(notes: Notes) -> None:
    before = notes.numbered_passages()
    other = FakeEmbedder("other")
    notes.write("c.md", "gamma")
    with pytest.raises(IndexDamagedError, match="made with the embedder fake@0/fake") as caught:
        pipeline.build_index(
            index_at(notes.directory),
            [notes.folder],
            lambda _: other,
            lambda *_: None,
            embedder_model="o",
        )
    assert "--embedder" in caught.value.hint
    assert other.embedded == []
    assert notes.numbered_passages() == before


def test_index_asks_for_the_embedder_that_it_was_made_with(notes: Notes) -> None:
    asked: list[str] = []

    def load(name: str) -> FakeEmbedder:
        asked.append(name)
        return notes.embedder

    pipeline.build_index(index_at(notes.directory), [], load, lambda *_: None)
    with LocalSnapshot(notes.directory) as reader:
        matching_embedder(reader.meta, "", load)
    matching_embedder({}, "", load)
    matching_embedder({}, "wanted", load)
    assert asked == ["fake", "fake", BUNDLED_EMBEDDER, "wanted"]


def test_forget_removes_the_documents_and_the_folder(notes: Notes, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    (other / "x.md").write_text("omega")
    notes.run(other)
    kept = notes.ids()["x.md"]
    assert _forget(notes, notes.folder) == 2
    assert notes.ids() == {"x.md": kept}
    with LocalSnapshot(notes.directory) as reader:
        assert reader.folders() == [str(other)]
        assert reader.generation == 3


def test_forgotten_folder_comes_back_without_embedding(notes: Notes) -> None:
    _forget(notes, notes.folder)
    assert notes.update() == {"added": 2}


def test_forget_works_for_a_folder_that_is_gone(notes: Notes) -> None:
    notes.folder.rename(notes.folder.with_name("elsewhere"))
    assert _forget(notes, notes.folder) == 2
    assert notes.passages() == []


def test_forget_of_an_unknown_folder_names_the_known_ones(notes: Notes) -> None:
    before = notes.numbered_passages()
    with pytest.raises(UsageError, match="not a folder of this index") as caught:
        _forget(notes, notes.folder / "sub")
    assert str(notes.folder) in caught.value.hint
    assert notes.numbered_passages() == before


@pytest.mark.parametrize("inner_first", [True, False])
def test_forget_keeps_what_an_inner_folder_holds(
    notes: Notes, tmp_path: Path, inner_first: bool
) -> None:
    notes.directory = tmp_path / "another"
    inner = notes.folder / "sub"
    for folder in [inner, notes.folder] if inner_first else [notes.folder, inner]:
        notes.run(folder)
    notes.write("sub/b.md", "beta, edited")
    notes.run()
    assert _forget(notes, notes.folder) == 1
    assert set(notes.ids()) == {"b.md"}


def test_forget_of_an_inner_folder_removes_it_at_once(notes: Notes) -> None:
    notes.run(notes.folder / "sub")
    assert _forget(notes, notes.folder / "sub") == 1
    assert set(notes.ids()) == {"a.md"}


def test_forget_counts_documents_that_had_text(notes: Notes) -> None:
    notes.write("c.md", b"\0\1")
    notes.run()
    assert _forget(notes, notes.folder) == 2
    assert notes.failed() == {}


def test_report_names_failures_of_the_visited_folders_only(notes: Notes, tmp_path: Path) -> None:
    notes.write("c.md", b"\0\1")
    notes.run()
    other = tmp_path / "other"
    other.mkdir()
    (other / "x.md").write_text("omega")
    assert counted(notes.run(other)) == {"added": 1, "embedded": 1}
    assert set(notes.failed()) == {"c.md"}
