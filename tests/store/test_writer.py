"""The writer: one at a time, whole publishes, nothing left behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from ragqa.errors import IndexBusyError, UsageError
from ragqa.store import layout
from ragqa.store.snapshot import LocalSnapshot
from ragqa.store.writer import LocalWriter
from tests.conftest import ROOT, Result
from tests.notes import Notes, found_by_words

HOLD = """
import sys, time
from pathlib import Path
from ragqa.store.writer import LocalWriter
with LocalWriter(Path(sys.argv[1])) as writer:
    writer.add_folder("/staged")
    print("held", flush=True)
    time.sleep(300)
"""


@pytest.fixture
def notes(tmp_path: Path) -> Notes:
    notes = Notes(tmp_path)
    notes.write("a.md", "alpha")
    notes.run()
    return notes


@contextmanager
def _holder(directory: Path) -> Iterator[subprocess.Popen[str]]:
    """Another process in the middle of its run."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(directory)], stdout=subprocess.PIPE, text=True, cwd=ROOT
    )
    assert process.stdout is not None
    try:
        assert process.stdout.readline() == "held\n"
        yield process
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


def test_second_writer_is_told_who_writes_while_readers_go_on(notes: Notes) -> None:
    with _holder(notes.directory) as process:
        with pytest.raises(IndexBusyError, match=f"being written by process {process.pid} "):
            notes.run()
        assert notes.texts() == ["alpha"]


def test_killed_writer_blocks_nobody_and_leaves_nothing(notes: Notes) -> None:
    with _holder(notes.directory) as process:
        process.send_signal(signal.SIGKILL)
        process.wait()
        notes.write("b.md", "beta")
        assert notes.update() == {"added": 1, "unchanged": 1, "embedded": 1}
    with LocalSnapshot(notes.directory) as reader:
        assert reader.folders() == [str(notes.folder)]
    assert not (notes.directory / "writer.json").exists()


def test_second_process_exits_with_3_and_names_the_first(
    notes: Notes, run_process: Callable[..., Result]
) -> None:
    with LocalWriter(notes.directory):
        result = run_process("index", notes.folder, "--index", notes.directory)
    assert (result.code, result.out) == (3, "")
    assert f"process {os.getpid()} " in result.err


def test_waiting_writer_gets_its_turn(notes: Notes) -> None:
    with _holder(notes.directory) as process:
        killer = subprocess.Popen(["sh", "-c", f"sleep 0.5; kill -9 {process.pid}"])
        assert notes.update(wait=60) == {"unchanged": 1}
        killer.wait()


def test_damaged_note_of_the_holder_does_not_matter(notes: Notes) -> None:
    with LocalWriter(notes.directory):
        (notes.directory / "writer.json").write_text("[1, 2")
        with pytest.raises(IndexBusyError, match="written by another process"):
            notes.run()


def test_lock_is_released_when_the_database_cannot_be_opened(notes: Notes) -> None:
    path = notes.directory / "index.sqlite"
    data = path.read_bytes()
    path.write_bytes(b"garbage" * 1000)
    for _ in range(2):
        with pytest.raises(Exception, match="is damaged"):
            notes.run()
    path.write_bytes(data)
    assert notes.update() == {"unchanged": 1}


def test_writer_does_not_wait_for_an_open_reader(notes: Notes) -> None:
    with LocalSnapshot(notes.directory):
        notes.write("b.md", "beta")
        started = time.monotonic()
        notes.run()
        assert time.monotonic() - started < layout.BUSY_SECONDS


def test_log_is_folded_into_the_database_when_nobody_reads(notes: Notes) -> None:
    with LocalSnapshot(notes.directory):
        notes.write("b.md", "beta")
        notes.run()
        assert (notes.directory / "index.sqlite-wal").stat().st_size > 0
    notes.write("c.md", "gamma")
    notes.run()
    assert not list(notes.directory.glob("*-wal"))


def test_only_a_publish_makes_a_generation(notes: Notes) -> None:
    generations = [notes.generation()]
    for change in (
        lambda: None,
        lambda: notes.touch("a.md"),
        lambda: notes.write("empty.md", ""),
        lambda: notes.write("b.md", "beta"),
        lambda: (notes.folder / "empty.md").unlink(),
        lambda: (notes.folder / "b.md").unlink(),
    ):
        change()
        report = notes.run()
        generations.append(notes.generation())
        assert report.generation == generations[-1]
    assert generations == [1, 1, 1, 1, 2, 2, 3]


def test_leftovers_of_killed_runs_vanish_with_the_next_publish(notes: Notes) -> None:
    for name in ("vectors-2.faiss.part", "vectors-2.faiss", "vectors-0.faiss"):
        (notes.directory / name).write_bytes(b"half")
    assert notes.texts() == ["alpha"]
    notes.write("b.md", "beta")
    notes.run()
    assert [path.name for path in notes.directory.glob("vectors*")] == ["vectors-2.faiss"]
    assert notes.texts() == ["alpha", "beta"]


def test_error_inside_a_run_takes_everything_back(notes: Notes) -> None:
    before = notes.numbered_passages()
    with pytest.raises(ZeroDivisionError), LocalWriter(notes.directory) as writer:
        writer.remove(str(notes.folder / "a.md"))
        writer.add_folder("/other")
        assert writer.passage_count() == 0
        raise ZeroDivisionError
    assert notes.numbered_passages() == before
    with LocalSnapshot(notes.directory) as reader:
        assert reader.folders() == [str(notes.folder)]


def test_removed_passages_are_not_found(notes: Notes) -> None:
    notes.write("secret.md", "xylophone")
    notes.run()
    with LocalSnapshot(notes.directory) as reader:
        assert len(found_by_words(reader, "xylophone")) == 1
    (notes.folder / "secret.md").unlink()
    notes.run()
    with LocalSnapshot(notes.directory) as reader:
        assert found_by_words(reader, "xylophone") == []


def test_a_directory_with_other_files_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "README.txt").write_text("mine")
    (tmp_path / "main.c").write_text("int main;")
    before = tmp_path.stat().st_mode
    with (
        pytest.raises(UsageError, match=r"is no index and not empty: it holds main\.c"),
        LocalWriter(tmp_path),
    ):
        pass
    assert (tmp_path / "README.txt").read_text() == "mine"
    assert tmp_path.stat().st_mode == before


def test_only_vector_files_of_our_own_are_removed(tmp_path: Path) -> None:
    notes = Notes(tmp_path)
    notes.write("a.md", "one")
    notes.run()
    other = notes.directory / "vectors-mine.faiss"
    other.write_bytes(b"mine")
    notes.write("a.md", "two")
    notes.run()
    assert other.read_bytes() == b"mine"
