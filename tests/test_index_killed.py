"""`ragqa index` killed at any moment: the index that was there stays, no vector is made twice."""

from __future__ import annotations

import json
import os
import random
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from ragqa.embedding import load_embedder
from ragqa.models.catalogue import BUNDLED_EMBEDDER
from ragqa.store.snapshot import LocalSnapshot
from tests.conftest import Result
from tests.notes import cached_vectors, found_by_words

pytestmark = pytest.mark.slow

OLD, ALL, MORE = 300, 3000, 100  # files: published before, in the end, and each time all is done
WORDS = """anchor basil cedar dune ember fjord glacier harbour island juniper kelp lagoon marsh
nectar orchid prairie quartz reef saffron tundra umber valley willow yarrow zephyr""".split()


class Folder:
    """Small files, each with one sentence that no other has; what ever stood in them."""

    def __init__(self, path: Path, choose: random.Random) -> None:
        self.path = path
        self.path.mkdir()
        self._choose = choose
        self._made = 0
        self.texts: dict[str, str] = {}
        self.ever: set[str] = set()

    def write(self, name: str) -> None:
        words = " ".join(self._choose.sample(WORDS, 8))
        self._made += 1
        self.texts[name] = f"The entry item{self._made}x is about {words}."
        self.ever.add(self.texts[name])
        (self.path / name).write_text(self.texts[name])

    def add(self, count: int) -> None:
        for number in range(len(self.texts), len(self.texts) + count):
            self.write(f"{number}.txt")

    def present(self) -> set[str]:
        return set(self.texts.values())


class Killed:
    """Starts runs, kills them, and knows what must be in the index."""

    def __init__(self, folder: Folder, directory: Path, choose: random.Random) -> None:
        self.folder, self.directory, self.choose = folder, directory, choose
        self.embedder = load_embedder(BUNDLED_EMBEDDER)
        self.published = folder.present()
        self.generation = 1
        self.cached = len(self.published)

    def run_until(self, stage: str) -> bool:
        """Start a run and kill it somewhere in that stage; False when it was done before."""
        command = [sys.executable, "-m", "ragqa", "index", str(self.folder.path)]
        stamps = self._vector_files()
        process = subprocess.Popen(
            [*command, "--index", str(self.directory)],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        started = time.monotonic()
        begun: dict[str, Callable[[], bool]] = {
            "reading": lambda: self._is_held_by(process.pid),
            "embedding": lambda: cached_vectors(self.directory)[0] > self.cached,
            "publishing": lambda: self._vector_files() != stamps,
        }
        while process.poll() is None and not begun[stage]():
            time.sleep(0.001 if stage == "publishing" else 0.02)
        longest = {"reading": 2.0, "embedding": (time.monotonic() - started) / 4}.get(stage, 0.05)
        time.sleep(self.choose.random() * longest)
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        code = process.wait()  # 0 also where it was leaving already when it was killed
        assert code in (-signal.SIGKILL, 0)
        return code != 0

    def _is_held_by(self, pid: int) -> bool:
        try:
            return bool(json.loads((self.directory / "writer.json").read_text())["pid"] == pid)
        except (OSError, ValueError):
            return False

    def _vector_files(self) -> dict[str, int]:
        return {e.name: e.stat().st_mtime_ns for e in self.directory.glob("vectors*") if e.exists()}

    def check(self) -> None:
        """The old index or the new one, whole and answering, and no vector lost."""
        cached, ever = cached_vectors(self.directory)
        assert cached == ever  # none was made twice
        assert cached >= self.cached
        self.cached = cached
        with closing(sqlite3.connect(self._uri(), uri=True)) as db:
            assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        with LocalSnapshot(self.directory) as reader:
            assert reader.generation in (self.generation, self.generation + 1)
            if reader.generation > self.generation:
                self.generation, self.published = reader.generation, self.folder.present()
            self._check_passages(reader)

    def _uri(self) -> str:
        return f"{(self.directory / 'index.sqlite').as_uri()}?mode=ro"

    def _check_passages(self, reader: LocalSnapshot) -> None:
        """Exactly the published texts, each with its vector and its words."""
        sought = self.choose.choice(sorted(self.published))
        near = reader.dense(self.embedder.encode_question(sought).vector, 10**6)
        stored = reader.passages([number for number, _ in near])
        assert reader.counts() == (len(near), len(stored))
        assert len(near) == len(stored) == len(self.published)
        assert {item.passage.text for item in stored.values()} == self.published
        best, cosine = near[0]
        assert (stored[best].passage.text, round(cosine, 3)) == (sought, 1.0)
        assert found_by_words(reader, sought.split()[2]) == [best]


@pytest.mark.parametrize("seed", [20])
def test_index_survives_being_killed_at_twenty_moments(
    tmp_path: Path, run_process: Callable[..., Result], seed: int
) -> None:
    choose = random.Random(seed)
    folder, directory = Folder(tmp_path / "notes", choose), tmp_path / "index"
    folder.add(OLD)
    assert run_process("index", folder.path, "--index", directory).code == 0
    killed = Killed(folder, directory, choose)
    killed.check()
    for number in range(0, OLD, 6):
        folder.write(f"{number}.txt")
    folder.add(ALL - OLD)
    stages = ["reading", "embedding"] * 6
    choose.shuffle(stages)
    for stage in [*stages, *["publishing"] * 8]:
        while not killed.run_until(stage):
            killed.check()
            folder.add(MORE)
        killed.check()
        if killed.published == folder.present():
            folder.add(MORE)
    missing = len(folder.ever) - killed.cached
    result = run_process("index", "--index", directory, "--json")
    assert (result.code, json.loads(result.out)["embedded"]) == (0, missing)
    killed.check()
    assert killed.published == folder.present()
    assert cached_vectors(directory) == (len(folder.ever), len(folder.ever))
    assert not (directory / "writer.json").exists()
    assert len(list(directory.glob("vectors*"))) == 1
