"""What all tests share: a home of their own, ways to run the program, the data outside the repo."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

from ragqa.cli.output import TO_TRY

ROOT = Path(__file__).parent.parent
CORPUS = ROOT / "corpus"


class Result(NamedTuple):
    """What a run of the program left behind."""

    code: int
    out: str
    err: str


def without_nearest(done: Result) -> Result:
    """A refusal without the places that it names, and what to try: at most three, as they should
    be."""
    lines = done.err.splitlines(keepends=True)
    names = [line for line in lines if line.startswith("nearest: ")]
    assert len(names) <= 3 and all(re.match(r"nearest: \S.*:\d+", line) for line in names)
    assert (TO_TRY + "\n" in lines) == bool(names)
    said = [line for line in lines if line not in (*names, TO_TRY + "\n")]
    return done._replace(err="".join(said))


@pytest.fixture(scope="session")
def prepared_models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the weights that are prepared at first use lie: one folder for all tests."""
    return tmp_path_factory.mktemp("models")


@pytest.fixture(autouse=True)
def own_home(
    tmp_path_factory: pytest.TempPathFactory,
    prepared_models: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Path:
    """No test sees or changes the user's settings, indexes or caches."""
    home = tmp_path_factory.mktemp("home")
    for name in list(os.environ):
        if name.startswith("RAGQA_") and name != "RAGQA_EVAL_DATA":
            monkeypatch.delenv(name)
    for name in ("NO_COLOR", "FORCE_COLOR"):
        monkeypatch.delenv(name, raising=False)
    # Whole sentences, as a model would cost each test half a second; those of the default, in
    # which a model reads, unset it.
    monkeypatch.setenv("RAGQA_ANSWER", "extract")
    monkeypatch.setenv("HOME", str(home))
    for name in ("DATA", "CONFIG", "CACHE", "STATE"):
        monkeypatch.setenv(f"XDG_{name}_HOME", str(home / name.lower()))
    (home / "cache" / "ragqa").mkdir(parents=True)
    (home / "cache" / "ragqa" / "models").symlink_to(prepared_models)
    return home


@pytest.fixture
def run_cli(capsys: pytest.CaptureFixture[str]) -> Callable[..., Result]:
    """The program in this process: fast, same code as the command."""
    from ragqa.cli.caller import Caller
    from ragqa.cli.main import run as run_program
    from ragqa.system.terminal import LocalTerminal

    def run(*arguments: object) -> Result:
        capsys.readouterr()
        code = run_program([str(argument) for argument in arguments], Caller(LocalTerminal()))
        out, err = capsys.readouterr()
        return Result(code, out, err)

    return run


@pytest.fixture
def run_process() -> Callable[..., Result]:
    """The program as a process of its own; `stdin` is text, None closes it at once."""

    def run(*arguments: object, stdin: str | None = None, **options: object) -> Result:
        done = subprocess.run(
            [sys.executable, "-m", "ragqa", *map(str, arguments)],
            input=stdin or "",
            capture_output=True,
            text=True,
            encoding="utf-8",
            timeout=300,
            check=False,
            **options,  # type: ignore[call-overload]
        )
        return Result(done.returncode, done.stdout, done.stderr)

    return run


@pytest.fixture(scope="session")
def eval_data() -> Path:
    """The folder of evaluation data; tests that need it are skipped where it is absent."""
    folder = os.environ.get("RAGQA_EVAL_DATA", "")
    if not folder or not Path(folder).is_dir():
        pytest.skip("RAGQA_EVAL_DATA does not name the folder of evaluation data")
    return Path(folder)


@pytest.fixture(scope="session")
def seeds(eval_data: Path) -> Path:
    """Four real documents of the kind that ragqa is for."""
    return eval_data / "seeds"


@pytest.fixture(scope="session")
def corpus_index(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An index of `corpus/`, made once with the bundled embedder."""
    from ragqa.embedding import load_embedder
    from ragqa.pipeline import build_index
    from ragqa.store import index_at

    directory = tmp_path_factory.mktemp("corpus-index")
    build_index(index_at(directory), [CORPUS], load_embedder, lambda *_: None)
    return directory


@pytest.fixture
def one_embedder(monkeypatch: pytest.MonkeyPatch) -> None:
    """The commands of a module's tests load the embedder once."""
    from tests.programs import load_embedder_once

    monkeypatch.setattr("ragqa.embedding.load_embedder", load_embedder_once)


@pytest.fixture(scope="module")
def notes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of a few notes, for tests that change nothing in it."""
    from tests.programs import write_notes

    return write_notes(tmp_path_factory.mktemp("documents") / "notes")


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory, notes: Path) -> Path:
    """The index of those notes."""
    from tests.programs import make_index

    return make_index(tmp_path_factory.mktemp("index"), notes)
