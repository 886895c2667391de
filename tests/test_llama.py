"""llama.cpp around the model: what it writes on stderr, and weights made ready to run fast."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from ragqa.generation import LlamaCppGenerator
from ragqa.llama import native_output_silenced, prepared
from ragqa.models import BUNDLED_GENERATOR, generator_file
from tests.conftest import ROOT


@pytest.fixture
def empty_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache in which nothing is prepared yet."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache" / "ragqa" / "models"


def bundled() -> tuple[Path, str]:
    """The bundled generator's file and hash."""
    _, path, sha256 = generator_file(BUNDLED_GENERATOR)
    return path, sha256


def test_weights_are_prepared_once(empty_cache: Path) -> None:
    path, sha256 = bundled()
    made = prepared(path, sha256, 2)
    assert made == empty_cache / f"{sha256[:16]}.Q8_0.gguf"
    before = made.stat()
    assert before.st_size > path.stat().st_size
    assert prepared(path, sha256, 2) == made
    assert made.stat() == before
    assert not list(empty_cache.glob("*.part"))


def test_a_preparation_that_was_killed_is_begun_anew(empty_cache: Path) -> None:
    path, sha256 = bundled()
    empty_cache.mkdir(parents=True)
    (empty_cache / f"{sha256[:16]}.Q8_0.part").write_bytes(b"half")
    assert prepared(path, sha256, 2).stat().st_size > path.stat().st_size
    assert not list(empty_cache.glob("*.part"))


def test_what_cannot_be_converted_or_kept_is_used_as_it_is(
    empty_cache: Path, tmp_path: Path
) -> None:
    damaged = tmp_path / "damaged.gguf"
    damaged.write_bytes(b"GGUF and nothing else")
    assert prepared(damaged, "0" * 64, 2) == damaged
    assert not list(empty_cache.glob("*.gguf"))
    empty_cache.rename(tmp_path / "away")
    empty_cache.write_text("a file where the folder would be")
    path, sha256 = bundled()
    assert prepared(path, sha256, 2) == path


def test_prepared_weights_say_the_same() -> None:
    path, sha256 = bundled()
    shipped, fast = (
        LlamaCppGenerator(str(file), 512) for file in (path, prepared(path, sha256, 2))
    )
    tokens = shipped.encode("The capital of France is the city of")
    one, other = shipped.logits(tokens, 0), fast.logits(tokens, 0)
    assert np.corrcoef(one, other)[0, 1] > 0.99
    assert one.argmax() == other.argmax()


# File descriptor 2 -----------------------------------------------------------------------------


def test_native_output_is_silenced_and_stderr_is_back_afterwards(
    capfd: pytest.CaptureFixture[str],
) -> None:
    with native_output_silenced():
        os.write(2, b"native noise\n")
    os.write(2, b"ours\n")
    assert capfd.readouterr().err == "ours\n"


def test_stderr_is_back_after_an_error(capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(KeyError), native_output_silenced():
        raise KeyError
    os.write(2, b"ours\n")
    assert capfd.readouterr().err == "ours\n"


def test_a_closed_stderr_is_nothing_to_silence() -> None:
    script = (
        "import os; from ragqa.llama import native_output_silenced\n"
        "os.close(2)\n"
        "with native_output_silenced(): print('inside')\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, stdout=subprocess.PIPE, check=True
    )
    assert done.stdout == b"inside\n"
