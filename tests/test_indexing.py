"""Which files a run of `index` takes for new, changed, moved, removed, unreadable."""

from __future__ import annotations

import os
import random
import shutil
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from ragqa import indexing
from ragqa.errors import DocumentError, NoIndexError
from ragqa.store.snapshot import LocalSnapshot
from ragqa.store.writer import LocalWriter
from tests.fakes import FakeEmbedder
from tests.notes import Notes, cached_vectors, ordinary_user

BINARY = b"\x89PNG\0\0\x01\x02"
LONG = "first part\n\n## Two\n\nsecond part\n\n## Three\n\nthird part\n"


@pytest.fixture
def notes(tmp_path: Path) -> Notes:
    return Notes(tmp_path)


@pytest.fixture
def indexed(notes: Notes) -> Notes:
    """Three files, five passages, published."""
    notes.write("a.md", "alpha beta")
    notes.write("sub/b.txt", "gamma delta")
    notes.write("long.md", LONG)
    notes.run()
    return notes


def test_first_run_adds_and_embeds_everything(notes: Notes) -> None:
    notes.write("a.md", "alpha beta")
    notes.write("sub/deep/long.md", LONG)
    assert notes.update() == {"added": 2, "embedded": 4}
    assert notes.texts() == ["Three\nthird part", "Two\nsecond part", "alpha beta", "first part"]
    assert sorted(notes.embedder.embedded) == notes.texts()


def test_second_run_does_nothing(indexed: Notes) -> None:
    ids = indexed.ids()
    assert indexed.update() == {"unchanged": 3}
    assert indexed.ids() == ids
    assert indexed.generation() == 1


def test_equal_texts_are_embedded_once(notes: Notes) -> None:
    for name in ("a.md", "b.md", "c.txt"):
        notes.write(name, "the same words")
    assert notes.update() == {"added": 3, "embedded": 1}
    assert len(notes.ids()) == 3


def test_the_embedder_is_told_how_much_there_is_to_encode(indexed: Notes) -> None:
    assert indexed.embedder.loaded_for == [5]
    indexed.update()
    assert indexed.embedder.loaded_for == [5]  # nothing: not even loaded
    indexed.write("new.md", "epsilon")
    indexed.update()
    assert indexed.embedder.loaded_for == [5, 1]


def test_added_file_leaves_the_others_alone(indexed: Notes) -> None:
    ids = indexed.ids()
    indexed.write("new.md", "epsilon")
    assert indexed.update() == {"added": 1, "unchanged": 3, "embedded": 1}
    assert indexed.ids() == ids | {"new.md": [max(max(ids.values())) + 1]}


def test_changed_file_is_embedded_where_it_changed(indexed: Notes) -> None:
    before = indexed.ids()
    indexed.write("long.md", LONG.replace("second", "altered"))
    indexed.embedder.embedded.clear()
    assert indexed.update() == {"changed": 1, "unchanged": 2, "embedded": 1}
    assert indexed.embedder.embedded == ["Two\naltered part"]
    after = indexed.ids()
    assert (after["a.md"], after["b.txt"]) == (before["a.md"], before["b.txt"])
    assert not set(after["long.md"]) & set(before["long.md"])
    assert "Two\nsecond part" not in indexed.texts()


def test_change_of_equal_size_is_seen_by_its_time(indexed: Notes) -> None:
    indexed.write("a.md", "alpha BETA")
    assert indexed.update() == {"changed": 1, "unchanged": 2, "embedded": 1}


def test_change_right_after_a_run_is_seen_without_a_new_time(notes: Notes) -> None:
    path = notes.folder / "a.md"
    path.write_text("alpha beta")
    times = path.stat()
    notes.run()
    path.write_text("alpha BETA")
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))
    assert notes.update() == {"changed": 1, "embedded": 1}
    assert notes.texts() == ["alpha BETA"]


def test_old_file_of_equal_size_and_time_is_not_read_again(indexed: Notes) -> None:
    path = indexed.folder / "a.md"
    times = path.stat()
    path.write_text("alpha BETA")
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))
    assert indexed.update() == {"unchanged": 3}


def test_touched_file_is_unchanged(indexed: Notes) -> None:
    ids = indexed.ids()
    path = indexed.touch("a.md")
    assert indexed.update() == {"unchanged": 3}
    assert (indexed.ids(), indexed.generation()) == (ids, 1)
    with LocalWriter(indexed.directory) as writer:
        assert writer.documents()[str(path)].mtime_ns == path.stat().st_mtime_ns


@pytest.mark.parametrize("target", ["renamed.md", "sub/a.md", "new/folder/a.md"])
def test_moved_file_is_not_embedded(indexed: Notes, target: str) -> None:
    before = indexed.ids()
    (indexed.folder / target).parent.mkdir(parents=True, exist_ok=True)
    (indexed.folder / "a.md").rename(indexed.folder / target)
    assert indexed.update() == {"moved": 1, "unchanged": 2}
    after = indexed.ids()
    assert after["b.txt"] == before["b.txt"]
    with LocalSnapshot(indexed.directory) as reader:
        (stored,) = reader.passages(after[Path(target).name]).values()
    assert stored.path == str(indexed.folder / target)


def test_moved_folder_moves_its_files(indexed: Notes) -> None:
    indexed.write("sub/c.md", "zeta")
    indexed.run()
    (indexed.folder / "sub").rename(indexed.folder / "elsewhere")
    assert indexed.update() == {"moved": 2, "unchanged": 2}


def test_moved_and_changed_file_is_another_one(indexed: Notes) -> None:
    (indexed.folder / "a.md").unlink()
    indexed.write("z.md", "alpha beta and more")
    assert indexed.update() == {"added": 1, "removed": 1, "unchanged": 2, "embedded": 1}


def test_file_moved_over_another_changes_that_one(indexed: Notes) -> None:
    indexed.write("c.md", "about to be replaced")
    indexed.run()
    (indexed.folder / "a.md").replace(indexed.folder / "c.md")
    assert indexed.update() == {"changed": 1, "removed": 1, "unchanged": 2}


def test_swapped_files_are_both_changed_and_not_embedded(indexed: Notes) -> None:
    indexed.write("a.md", "gamma delta")
    indexed.write("sub/b.txt", "alpha beta")
    assert indexed.update() == {"changed": 2, "unchanged": 1}


def test_copied_file_is_added_and_not_embedded(indexed: Notes) -> None:
    shutil.copy(indexed.folder / "long.md", indexed.folder / "copy.md")
    assert indexed.update() == {"added": 1, "unchanged": 3}
    assert len(indexed.ids()["copy.md"]) == 3


def test_one_of_two_copies_that_goes_was_moved_once(indexed: Notes) -> None:
    shutil.copy(indexed.folder / "a.md", indexed.folder / "a2.md")
    indexed.run()
    for name in ("a.md", "a2.md"):
        (indexed.folder / name).unlink()
    indexed.write("a3.md", "alpha beta")
    assert indexed.update() == {"moved": 1, "removed": 1, "unchanged": 2}


def test_deleted_file_leaves_the_index(indexed: Notes) -> None:
    before = indexed.ids()
    (indexed.folder / "long.md").unlink()
    assert indexed.update() == {"removed": 1, "unchanged": 2}
    assert indexed.ids() == {name: before[name] for name in ("a.md", "b.txt")}


def test_reverted_file_is_not_embedded(indexed: Notes) -> None:
    indexed.write("a.md", "something else")
    indexed.run()
    indexed.write("a.md", "alpha beta")
    assert indexed.update() == {"changed": 1, "unchanged": 2}
    assert "alpha beta" in indexed.texts()


def test_deleted_file_that_returns_is_not_embedded(indexed: Notes) -> None:
    (indexed.folder / "long.md").unlink()
    indexed.run()
    indexed.write("long.md", LONG)
    assert indexed.update() == {"added": 1, "unchanged": 2}


def test_files_of_the_index_itself_are_no_documents(notes: Notes) -> None:
    notes.directory = notes.folder / "index"
    notes.write("a.md", "alpha")
    notes.run()
    assert (notes.directory / "README.txt").exists()
    assert notes.update() == {"unchanged": 1}


# Several folders ------------------------------------------------------------------------------


def test_known_folders_are_visited_when_none_is_named(indexed: Notes, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    (other / "x.md").write_text("omega")
    (other / "y.md").write_text("psi")
    assert indexed.update(other) == {"added": 2, "embedded": 2}
    indexed.write("a.md", "changed")
    (other / "x.md").unlink()
    report = _run_known(indexed)
    assert (report.changed, report.removed, report.unchanged) == (1, 1, 3)


def test_known_folder_without_any_file_keeps_its_documents(indexed: Notes) -> None:
    before = indexed.numbered_passages()
    shutil.rmtree(indexed.folder)
    indexed.folder.mkdir()
    report = _run_known(indexed)
    assert report.removed == 0 and "is gone or empty" in report.warnings[0]
    assert indexed.numbered_passages() == before


def test_folder_that_is_not_visited_keeps_its_documents(indexed: Notes, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    (other / "x.md").write_text("omega")
    (indexed.folder / "a.md").unlink()
    indexed.run(other)
    assert {"a.md", "x.md"} <= set(indexed.ids())


@pytest.mark.parametrize("inner_first", [True, False])
def test_nested_folders_hold_each_file_once(indexed: Notes, inner_first: bool) -> None:
    inner = indexed.folder / "sub"
    indexed.directory = indexed.directory.with_name("another")
    order = [inner, indexed.folder] if inner_first else [indexed.folder, inner]
    for folder in order:
        indexed.run(folder)
    assert len(indexed.ids()) == 3
    (inner / "b.txt").unlink()
    indexed.write("sub/c.md", "eta")
    assert indexed.update(indexed.folder) == {
        "added": 1,
        "removed": 1,
        "unchanged": 2,
        "embedded": 1,
    }


def test_hidden_folder_that_was_named_stays_when_the_outer_one_is_visited(indexed: Notes) -> None:
    indexed.write(".private/p.md", "secret")
    indexed.run(indexed.folder / ".private")
    assert indexed.update(indexed.folder) == {"unchanged": 4}
    assert _run_known(indexed).unchanged == 4


def test_folder_that_is_gone_keeps_its_documents(indexed: Notes) -> None:
    before = indexed.ids()
    indexed.folder.rename(indexed.folder.with_name("unmounted"))
    report = _run_known(indexed)
    assert report.warnings == (
        f"{indexed.folder} is gone or empty; its documents stay in the index"
        f" (to remove them: ragqa forget {indexed.folder})",
    )
    assert (report.removed, report.passages, indexed.ids()) == (0, 5, before)
    indexed.folder.with_name("unmounted").rename(indexed.folder)
    assert indexed.update() == {"unchanged": 3}


def test_inner_folder_that_is_gone_keeps_its_documents(indexed: Notes) -> None:
    indexed.run(indexed.folder / "sub")
    shutil.rmtree(indexed.folder / "sub")
    report = indexed.run(indexed.folder)
    assert (report.removed, report.unchanged, len(report.warnings)) == (0, 2, 1)
    assert "b.txt" in indexed.ids()


def test_nothing_known_and_nothing_named_is_no_index(notes: Notes) -> None:
    with pytest.raises(NoIndexError):
        _run_known(notes)


# Files that cannot be read --------------------------------------------------------------------


def test_unreadable_file_keeps_its_passages_and_is_tried_again() -> None:
    with ordinary_user() as root:
        notes = Notes(root)
        notes.write("a.md", "alpha")
        path = notes.write("b.md", "beta")
        notes.run()
        notes.touch("b.md").chmod(0)
        for _ in range(2):
            assert notes.update() == {"unchanged": 1, "failed": 1}
            assert notes.failed() == {"b.md": "cannot be opened: permission denied"}
            assert notes.texts() == ["alpha", "beta"]
        path.chmod(0o600)
        assert notes.update() == {"unchanged": 2}
        assert notes.failed() == {}
        assert notes.generation() == 1


def test_unreadable_file_that_changed_meanwhile_is_changed() -> None:
    with ordinary_user() as root:
        notes = Notes(root)
        notes.write("a.md", "alpha")
        path = notes.write("b.md", "beta")
        notes.run()
        notes.touch("b.md").chmod(0)
        notes.run()
        path.chmod(0o600)
        notes.write("b.md", "other words")
        assert notes.update() == {"changed": 1, "unchanged": 1, "embedded": 1}
        assert (notes.texts(), notes.failed()) == (["alpha", "other words"], {})


def test_file_that_was_never_readable_is_added_once_it_is() -> None:
    with ordinary_user() as root:
        notes = Notes(root)
        notes.write("a.md", "alpha")
        path = notes.write("b.md", "beta")
        path.chmod(0)
        assert notes.update() == {"added": 1, "embedded": 1, "failed": 1}
        path.chmod(0o600)
        assert notes.update() == {"added": 1, "unchanged": 1, "embedded": 1}


def test_closed_folder_keeps_its_documents_and_is_listed() -> None:
    with ordinary_user() as root:
        notes = Notes(root)
        notes.write("a.md", "alpha")
        notes.write("closed/b.md", "beta")
        notes.run()
        (notes.folder / "closed").chmod(0)
        for _ in range(2):
            assert notes.update() == {"unchanged": 1, "failed": 1}
            assert notes.failed() == {"closed": "cannot be opened: permission denied"}
            assert notes.texts() == ["alpha", "beta"]
        (notes.folder / "closed").chmod(0o700)
        assert notes.update() == {"unchanged": 2}
        assert notes.failed() == {}


def test_file_that_turned_binary_goes_and_is_listed(indexed: Notes) -> None:
    indexed.write("a.md", BINARY)
    assert indexed.update() == {"unchanged": 2, "failed": 1}
    assert indexed.failed() == {"a.md": "a binary file, not text"}
    assert "a.md" not in indexed.ids()
    assert indexed.generation() == 2
    assert indexed.update() == {"unchanged": 2, "failed": 1}
    assert indexed.generation() == 2
    indexed.write("a.md", "alpha beta")
    assert indexed.update() == {"added": 1, "unchanged": 2}
    assert indexed.failed() == {}


@pytest.mark.parametrize("content", [b"", b"  \n\n", b"---\n---\n", BINARY])
def test_file_without_text_is_listed(indexed: Notes, content: bytes) -> None:
    path = indexed.write("empty.md", content)
    assert indexed.update() == {"unchanged": 3, "failed": 1}
    assert indexed.generation() == 1
    path.unlink()
    assert indexed.update() == {"unchanged": 3}
    assert indexed.failed() == {}


def test_binary_file_stays_listed_after_it_was_unreadable() -> None:
    with ordinary_user() as root:
        notes = Notes(root)
        notes.write("a.md", "alpha")
        path = notes.write("b.md", BINARY)
        notes.run()
        notes.touch("b.md").chmod(0)
        notes.run()
        path.chmod(0o600)
        assert notes.update() == {"unchanged": 1, "failed": 1}
        assert notes.failed() == {"b.md": "a binary file, not text"}


def test_file_that_grew_too_large_goes_and_is_listed(indexed: Notes) -> None:
    indexed.write("a.md", "alpha beta " * 1000)
    assert indexed.update(max_file_bytes=10_000) == {"unchanged": 2, "failed": 1}
    assert "larger than" in indexed.failed()["a.md"]
    assert "a.md" not in indexed.ids()
    assert indexed.update(max_file_bytes=10_000) == {"unchanged": 2, "failed": 1}
    assert indexed.generation() == 2


def test_an_edit_that_keeps_size_and_time_is_read_by_force(indexed: Notes) -> None:
    path = indexed.folder / "a.md"
    time = path.stat().st_mtime_ns
    path.write_text("alpha zeta")
    os.utime(path, ns=(time, time))
    assert indexed.update() == {"unchanged": 3}
    assert indexed.update(force=True) == {"changed": 3, "embedded": 1}
    assert "alpha zeta" in indexed.texts()
    assert "alpha beta" not in indexed.texts()
    assert indexed.update() == {"unchanged": 3}


def test_too_large_file_is_read_once_the_limit_allows(notes: Notes) -> None:
    notes.write("a.md", "alpha")
    notes.write("b.md", "beta beta")
    assert notes.update(max_file_bytes=6) == {"added": 1, "embedded": 1, "failed": 1}
    assert notes.update(max_file_bytes=9) == {"added": 1, "unchanged": 1, "embedded": 1}


def test_renamed_binary_file_was_never_there(indexed: Notes) -> None:
    path = indexed.write("x.md", BINARY)
    indexed.run()
    path.rename(indexed.folder / "y.md")
    assert indexed.update() == {"unchanged": 3, "failed": 1}
    assert set(indexed.failed()) == {"y.md"}


# Runs that must not change anything -----------------------------------------------------------


def test_empty_folder_is_an_error_and_nothing_is_lost(indexed: Notes, tmp_path: Path) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    before = indexed.numbered_passages()
    with pytest.raises(DocumentError, match="nothing readable in"):
        indexed.run(empty)
    assert indexed.numbered_passages() == before
    with LocalSnapshot(indexed.directory) as reader:
        assert reader.folders() == [str(indexed.folder)]


def test_emptied_folder_that_is_named_loses_nothing(indexed: Notes) -> None:
    before = indexed.numbered_passages()
    shutil.rmtree(indexed.folder)
    indexed.folder.mkdir()
    with pytest.raises(DocumentError):
        indexed.run()
    assert indexed.numbered_passages() == before


def test_folder_of_failures_says_why(notes: Notes) -> None:
    notes.write("a.md", BINARY)
    with pytest.raises(DocumentError, match=r"\(1 failed, e\.g\.: a binary file, not text\)"):
        notes.run()


def _touch(notes: Notes) -> None:
    notes.touch("a.md")


def _edit(notes: Notes) -> None:
    notes.write("a.md", "edited words")


def _many(notes: Notes) -> None:
    notes.write("a.md", BINARY)
    notes.write("n.md", "entirely new")
    notes.write("copy.md", LONG)
    (notes.folder / "sub" / "b.txt").rename(notes.folder / "b.txt")


def _delete(notes: Notes) -> None:
    (notes.folder / "long.md").unlink()


@pytest.mark.parametrize("change", [_touch, _edit, _many, _delete])
def test_dry_run_predicts_and_changes_nothing(
    indexed: Notes, change: Callable[[Notes], None]
) -> None:
    change(indexed)
    files = {p.name: p.read_bytes() for p in indexed.directory.iterdir() if p.name != "index.lock"}
    indexed.embedder.embedded.clear()
    predicted = indexed.update(dry_run=True)
    after = {p.name: p.read_bytes() for p in indexed.directory.iterdir() if p.name != "index.lock"}
    assert after == files
    assert indexed.embedder.embedded == []
    assert indexed.update() == predicted


def test_dry_run_of_a_first_index_predicts(notes: Notes) -> None:
    notes.write("long.md", LONG)
    assert notes.update(dry_run=True) == {"added": 1, "embedded": 3}
    assert notes.update() == {"added": 1, "embedded": 3}


class _Failing(FakeEmbedder):
    """Gives up when it has made `left` batches."""

    left = 2

    def embed(self, texts: list[str]) -> np.ndarray:  # type: ignore[override]
        if self.left == 0:
            raise MemoryError
        self.left -= 1
        return super().embed(texts)


def test_failed_run_keeps_the_old_index_and_the_new_vectors(
    indexed: Notes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(indexing, "EMBED_BATCH", 4)
    before = indexed.numbered_passages()
    (indexed.folder / "a.md").unlink()
    for number in range(20):
        indexed.write(f"{number}.md", f"word{number}")
    indexed.embedder = _Failing()
    with pytest.raises(MemoryError):
        indexed.run()
    assert indexed.numbered_passages() == before
    indexed.embedder = FakeEmbedder()
    assert indexed.update() == {"added": 20, "removed": 1, "unchanged": 2, "embedded": 12}
    assert cached_vectors(indexed.directory) == (25, 25)


# Any sequence of changes ----------------------------------------------------------------------

WORDS = "ant bee cat dog eel fox gnu hen ibis jay".split()
NAMES = [f"{folder}{name}.md" for folder in ("", "x/", "x/y/") for name in "abcd"]


def _content(choose: random.Random) -> bytes:
    """Now and then binary, often equal to that of another file, with one to three passages."""
    if choose.random() < 0.1:
        return BINARY
    parts = (
        f"# {choose.choice(WORDS)}\n\n{choose.choice(WORDS)}\n" for _ in range(choose.randint(1, 3))
    )
    return "\n".join(parts).encode()


def _change(notes: Notes, choose: random.Random) -> None:
    """One random file operation."""
    present = sorted(p for p in notes.folder.rglob("*.md") if p.name != "stays.md")
    name, target = choose.choice(NAMES), notes.folder / choose.choice(NAMES)
    target.parent.mkdir(parents=True, exist_ok=True)
    kind = choose.choice(["write", "write", "fresh", "move", "copy", "delete", "touch", "folder"])
    if kind == "write" or not present:
        notes.write(name, _content(choose))
    elif kind == "fresh":
        target.write_bytes(_content(choose))
    elif kind == "move":
        choose.choice(present).replace(target)
    elif kind == "copy":
        target.write_bytes(choose.choice(present).read_bytes())
    elif kind == "delete":
        choose.choice(present).unlink()
    elif kind == "touch":
        notes.touch(str(choose.choice(present).relative_to(notes.folder)))
    elif (notes.folder / "x").exists() and not (notes.folder / "z").exists():
        (notes.folder / "x").rename(notes.folder / "z")


def _expected(old: dict[Path, bytes], new: dict[Path, bytes]) -> dict[str, int]:
    """What a run must report of the way from the old files to the new ones."""
    was = {path: data for path, data in old.items() if data != BINARY}
    now = {path: data for path, data in new.items() if data != BINARY}
    gone = Counter(data for path, data in was.items() if path not in new)
    come = Counter(data for path, data in now.items() if path not in was)
    counts = {
        "moved": (gone & come).total(),
        "added": (come - gone).total(),
        "removed": (gone - come).total(),
        "changed": sum(path in was and was[path] != data for path, data in now.items()),
        "unchanged": sum(path in was and was[path] == data for path, data in now.items()),
        "failed": len(new) - len(now),
    }
    return {name: count for name, count in counts.items() if count}


def _files(notes: Notes) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in notes.folder.rglob("*.md")}


@pytest.mark.parametrize(
    "seed", [0, 1, *(pytest.param(seed, marks=pytest.mark.slow) for seed in range(2, 10))]
)
def test_index_is_that_of_the_folder_after_any_changes(tmp_path: Path, seed: int) -> None:
    choose, notes = random.Random(seed), Notes(tmp_path)
    notes.write("stays.md", "always here")
    notes.run()
    for step in range(12):
        old = _files(notes)
        for _ in range(choose.randint(1, 4)):
            _change(notes, choose)
        did = notes.update()
        did.pop("embedded", None)
        assert did == _expected(old, _files(notes)), (seed, step)
        (tmp_path / f"fresh{step}").mkdir()
        fresh = Notes(tmp_path / f"fresh{step}")
        fresh.run(notes.folder)
        assert notes.passages() == fresh.passages(), (seed, step)
        assert notes.failed() == fresh.failed(), (seed, step)
    assert len(notes.embedder.embedded) == len(set(notes.embedder.embedded))


def _run_known(notes: Notes) -> indexing.IndexReport:
    """`ragqa index` without a folder."""
    from ragqa.pipeline import build_index
    from ragqa.store import index_at

    return build_index(index_at(notes.directory), [], lambda _: notes.embedder, lambda *_: None)


def test_files_that_have_changed_since_the_last_run_are_counted(indexed: Notes) -> None:
    def changed() -> int:
        with LocalSnapshot(indexed.directory) as index:
            return indexing.changed_files(index)

    assert changed() == 0
    indexed.write("new.md", "epsilon")
    indexed.touch("a.md")
    (indexed.folder / "sub" / "b.txt").unlink()
    assert changed() == 3
    indexed.write("large.md", "x" * 2_000_000)
    indexed.run(max_file_bytes=1_000_000)
    assert changed() == 0  # a file that is too large is looked at in each run
    shutil.rmtree(indexed.folder)
    assert changed() == 0
