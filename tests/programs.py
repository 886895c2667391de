"""A small folder of notes with questions about them, and ways to run the program on it."""

from __future__ import annotations

import json
import os
import pty
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from ragqa.embedding import load_embedder
from ragqa.embedding.base import Embedder
from ragqa.pipeline import build_index
from ragqa.store import index_at
from tests.conftest import Result

RAGQA = [sys.executable, "-m", "ragqa"]
DEFAULT_EMBEDDER = "all-MiniLM-L6-v2"

PERPLEXITY = """---
title: Perplexity
---

# Perplexity

Metrics for language models come in many kinds.

## What it means

A **lower** perplexity means that the model predicts the text better.
"""
BREAD = """# Sourdough

Sourdough bread rises because wild yeast in the starter makes gas. The gas of the wild yeast
makes bubbles in the bread.
"""

QUESTION = "What does a lower perplexity mean?"
ANSWER = "A lower perplexity means that the model predicts the text better [1]."
SOURCE = "  Perplexity > What it means"  # what follows place and file in the list of sources
BREAD_QUESTION = "Why does sourdough bread rise?"
NOWHERE = "Who won the world cup in 1998?"

ANSWER_KEYS = [
    "version", "state", "question", "answer", "short", "confidence", "sentences", "citations",
    "nearest", "models", "index", "timings_ms", "warnings",
]  # fmt: skip
CITATION_KEYS = [
    "number", "path", "title", "headings", "start_line", "end_line", "start_char", "end_char",
    "page", "quote", "quote_text", "stale", "also_in",
]  # fmt: skip


def write_notes(folder: Path) -> Path:
    """Two notes, in a folder that is made for them."""
    folder.mkdir(parents=True)
    (folder / "perplexity.md").write_text(PERPLEXITY)
    (folder / "bread.md").write_text(BREAD)
    return folder.resolve()


@cache
def load_embedder_once(model: str, threads: int = 0) -> Embedder:
    """The same embedder for all tests: loading it takes longer than what most of them do."""
    return load_embedder(model, threads)


def make_index(directory: Path, folder: Path) -> Path:
    """An index of a folder, by the bundled embedder."""
    build_index(index_at(directory), [folder], load_embedder_once, lambda *_: None)
    return directory


def parsed(out: str) -> dict[str, Any]:
    """The one JSON document on stdout."""
    assert out.endswith("\n")
    assert out.count("\n") == 1
    value = json.loads(out)
    assert isinstance(value, dict)
    return value


def error_of(out: str) -> tuple[str, int]:
    """Code and exit code of an error document, whose keys are checked."""
    document = parsed(out)
    assert list(document) == ["version", "error"]
    assert document["version"] == 1
    assert list(document["error"]) == ["code", "message", "hint", "exit_code"]
    return document["error"]["code"], document["error"]["exit_code"]


def without_seconds(text: str) -> str:
    """Text with `N s` for each duration."""
    return re.sub(r"\d+\.\d s\b", "N s", text)


def bash(script: str, **options: Any) -> Result:
    """A bash script in which `ragqa` is the program."""
    function = f'ragqa() {{ "{sys.executable}" -m ragqa "$@"; }}\n'
    done = subprocess.run(
        ["bash", "-c", function + script],
        capture_output=True,
        encoding="utf-8",
        timeout=300,
        check=False,
        **{"stdin": subprocess.DEVNULL, **options},
    )
    return Result(done.returncode, done.stdout, done.stderr)


def on_terminal(
    *arguments: object, environment: Mapping[str, str] | None = None, stderr_too: bool = False
) -> Result:
    """The program with stdout (and stderr, when asked) on a pseudo-terminal of 300 columns."""
    here, there = pty.openpty()
    process = subprocess.Popen(
        [*RAGQA, *map(str, arguments)],
        stdin=subprocess.DEVNULL,
        stdout=there,
        stderr=there if stderr_too else subprocess.PIPE,
        env={**os.environ, "TERM": "xterm-256color", "COLUMNS": "300", **(environment or {})},
    )
    os.close(there)
    sent = b""
    while data := _read_terminal(here):
        sent += data
    os.close(here)
    _, err = process.communicate(timeout=60)
    return Result(process.returncode, sent.decode().replace("\r\n", "\n"), (err or b"").decode())


def _read_terminal(descriptor: int) -> bytes:
    try:
        return os.read(descriptor, 65536)
    except OSError:  # what Linux says when the other end is closed
        return b""


def without_powers() -> list[str]:
    """What to put before a command so that file permissions hold for it: they do not bind root."""
    if os.geteuid() != 0:
        return []
    if not (setpriv := shutil.which("setpriv")):
        pytest.skip("file permissions do not bind root, and there is no setpriv")
    return [setpriv, "--bounding-set=-dac_override,-dac_read_search"]
