"""Opening the databases of an index: formats, damage, read-only directories."""

from __future__ import annotations

import errno
import os
import sqlite3
import stat
from pathlib import Path

import pytest

from ragqa.errors import IndexDamagedError, NoIndexError, RagqaError
from ragqa.pipeline import forget
from ragqa.store import index_at, layout
from ragqa.store.snapshot import LocalSnapshot
from ragqa.store.writer import LocalWriter
from tests.notes import Notes, ordinary_user


@pytest.fixture
def notes(tmp_path: Path) -> Notes:
    notes = Notes(tmp_path)
    for number in range(60):
        notes.write(f"{number}.md", f"note number {number} says {'word ' * 40}")
    notes.run()
    return notes


def _damage(path: Path, how: str) -> None:
    data = path.read_bytes()
    if how == "truncated":
        path.write_bytes(data[: len(data) // 2 - 100])
    elif how == "cut to a page":
        path.write_bytes(data[:4096])
    elif how == "garbage":
        path.write_bytes(os.urandom(5000))
    elif how == "garbage inside":
        path.write_bytes(data[:4096] + os.urandom(len(data) - 4096))
    elif how == "text":
        path.write_text("this is no database\n" * 50)


DAMAGES = ["truncated", "cut to a page", "garbage", "garbage inside", "text"]


@pytest.mark.parametrize("how", DAMAGES)
def test_damaged_database_is_an_error_that_says_what_to_do(notes: Notes, how: str) -> None:
    _damage(notes.directory / "index.sqlite", how)
    with pytest.raises(IndexDamagedError, match="is damaged") as reading:
        notes.passages()
    assert "delete index.sqlite in it and run: ragqa index" in reading.value.hint
    notes.write("0.md", "changed, so that all of it is needed")
    with pytest.raises(IndexDamagedError, match="is damaged"):
        notes.run()


@pytest.mark.parametrize("how", DAMAGES)
def test_doing_what_the_error_says_embeds_nothing_again(notes: Notes, how: str) -> None:
    before = notes.passages()
    _damage(notes.directory / "index.sqlite", how)
    (notes.directory / "index.sqlite").unlink()
    assert notes.update() == {"added": 60}
    assert notes.passages() == before


def test_log_of_a_deleted_database_is_not_replayed(notes: Notes) -> None:
    with LocalSnapshot(notes.directory):
        notes.write("0.md", "in the log only")
        notes.run()
        assert (notes.directory / "index.sqlite-wal").stat().st_size
        log = (notes.directory / "index.sqlite-wal").read_bytes()
    (notes.directory / "index.sqlite").unlink()
    (notes.directory / "index.sqlite-wal").write_bytes(log)
    (notes.directory / "index.sqlite-shm").unlink(missing_ok=True)
    assert notes.update() == {"added": 60}
    assert len(notes.passages()) == 60


def test_newer_format_is_refused_with_a_hint(notes: Notes) -> None:
    with sqlite3.connect(notes.directory / "index.sqlite") as db:
        db.execute(f"PRAGMA user_version = {layout.FORMAT + 1}")
    db.close()
    for use in (notes.passages, notes.run):
        with pytest.raises(IndexDamagedError, match=f"has format {layout.FORMAT + 1}") as caught:
            use()
        assert "upgrade ragqa" in caught.value.hint


def test_earlier_format_is_made_anew_from_the_documents_by_the_next_run(notes: Notes) -> None:
    before, generation = notes.passages(), notes.generation()
    with sqlite3.connect(notes.directory / "index.sqlite") as db:
        db.execute(f"PRAGMA user_version = {layout.FORMAT - 1}")
    db.close()
    message = f"the index in {notes.directory} was made by an earlier version of ragqa"
    for _ in range(2):
        with pytest.raises(IndexDamagedError) as caught:
            notes.passages()
        assert (caught.value.message, caught.value.exit_code) == (message, 3)
        assert caught.value.hint.startswith("run: ragqa index")
        notes.run(dry_run=True)  # changes nothing
    other = notes.folder.parent / "other"
    other.mkdir()
    (other / "extra.md").write_text("gnu")
    report = notes.run(other)
    assert report.added == 61  # not only what is in the folder that is named
    assert report.embedded == 1  # the text that is new
    assert notes.update(other) == {"unchanged": 1}
    (other / "extra.md").unlink()
    forget(index_at(notes.directory), other, lambda _: notes.embedder)
    assert (notes.passages(), notes.generation()) == (before, generation + 2)
    assert notes.update() == {"unchanged": 60}


def test_another_program_s_database_is_refused(notes: Notes) -> None:
    (notes.directory / "index.sqlite").unlink()
    with sqlite3.connect(notes.directory / "index.sqlite") as db:
        db.execute("CREATE TABLE bookmarks (url TEXT)")
    db.close()
    for use in (notes.passages, notes.run):
        with pytest.raises(IndexDamagedError):
            use()


@pytest.mark.parametrize("size", [0, 4096])
def test_first_run_killed_before_it_made_the_tables_leaves_no_index(
    tmp_path: Path, size: int
) -> None:
    notes = Notes(tmp_path)
    notes.write("a.md", "alpha")
    notes.directory.mkdir()
    path = notes.directory / "index.sqlite"
    layout.connect(path).close()
    assert path.stat().st_size == 4096
    os.truncate(path, size)
    with pytest.raises(NoIndexError):
        notes.passages()
    assert notes.update() == {"added": 1, "embedded": 1}


def test_opening_for_writing_writes_nothing(notes: Notes) -> None:
    before = (notes.directory / "index.sqlite").read_bytes()
    with LocalWriter(notes.directory):
        pass
    assert (notes.directory / "index.sqlite").read_bytes() == before


def test_failure_tells_a_lock_and_a_full_disk_from_damage(tmp_path: Path) -> None:
    busy = layout.failure(tmp_path, sqlite3.OperationalError("database is locked"))
    full = layout.failure(tmp_path, sqlite3.OperationalError("database or disk is full"))
    malformed = layout.failure(tmp_path, sqlite3.DatabaseError("disk image is malformed"))
    codes = [error.code for error in (busy, full, malformed)]
    assert codes == ["index_busy", "error", "index_damaged"]


# Directories that cannot be written to --------------------------------------------------------


def _indexed(root: Path) -> Notes:
    notes = Notes(root)
    notes.write("a.md", "alpha")
    notes.run()
    return notes


def _lock_up(directory: Path) -> None:
    for path in directory.iterdir():
        path.chmod(0o444)
    directory.chmod(0o555)


def test_read_only_directory_opens_for_reading() -> None:
    with ordinary_user() as root:
        notes = _indexed(root)
        assert {path.name for path in notes.directory.iterdir()} == {
            *("README.txt", "embeddings.sqlite", "index.lock", "index.sqlite", "vectors-1.faiss")
        }
        _lock_up(notes.directory)
        assert notes.texts() == ["alpha"]
        notes.directory.chmod(0o700)


def test_read_only_directory_opens_for_reading_with_a_log_left_behind() -> None:
    with ordinary_user() as root:
        notes = _indexed(root)
        notes.write("b.md", "beta")
        with LocalSnapshot(notes.directory):
            notes.run()
            assert (notes.directory / "index.sqlite-wal").stat().st_size
            copy = root / "copy"
            copy.mkdir()
            for path in notes.directory.iterdir():
                (copy / path.name).write_bytes(path.read_bytes())
        notes.directory = copy
        _lock_up(copy)
        assert notes.texts() == ["alpha", "beta"]
        copy.chmod(0o700)


@pytest.mark.parametrize("locked", ["directory", "directory and files"])
def test_read_only_directory_is_refused_for_writing(locked: str) -> None:
    with ordinary_user() as root:
        notes = _indexed(root)
        notes.write("b.md", "beta")
        if locked == "directory":
            notes.directory.chmod(0o555)
        else:
            _lock_up(notes.directory)
        with pytest.raises(
            IndexDamagedError, match="cannot write to the index directory"
        ) as caught:
            notes.run()
        assert "--index" in caught.value.hint
        assert notes.texts() == ["alpha"]
        notes.directory.chmod(0o700)


def test_new_index_where_nothing_may_be_written_is_a_usage_error() -> None:
    with ordinary_user() as root:
        notes = Notes(root)
        notes.write("a.md", "alpha")
        root.chmod(0o500)
        with pytest.raises(RagqaError, match="permission denied") as caught:
            notes.run()
        root.chmod(0o700)
    assert caught.value.exit_code == 2


def test_index_directory_that_is_a_file_is_a_usage_error(tmp_path: Path) -> None:
    notes = Notes(tmp_path)
    notes.write("a.md", "alpha")
    notes.directory.write_text("in the way")
    with pytest.raises(RagqaError, match=os.strerror(errno.EEXIST).lower()) as caught:
        notes.run()
    assert caught.value.exit_code == 2


def test_directory_is_private_and_says_what_it_is(tmp_path: Path) -> None:
    notes = Notes(tmp_path)
    notes.directory = tmp_path / "deep" / "index"
    notes.write("a.md", "alpha")
    notes.run()
    assert stat.S_IMODE(notes.directory.stat().st_mode) == 0o700
    assert "can be deleted" in (notes.directory / "README.txt").read_text()
