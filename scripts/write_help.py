"""Puts what `ragqa COMMAND --help` says into the marked blocks of docs/usage.md.

    python scripts/write_help.py

A block begins with `<!-- help: COMMAND -->` and ends with `<!-- end of help -->`.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

PAGE = Path(__file__).parent.parent / "docs" / "usage.md"
BLOCK = re.compile(r"(<!-- help:(.*?) -->\n).*?(<!-- end of help -->)", re.DOTALL)


def help_of(command: str) -> str:
    """What `--help` prints of a command, or of the program where `command` is empty."""
    done = subprocess.run(
        [sys.executable, "-m", "ragqa", *command.split(), "--help"],
        env={**os.environ, "COLUMNS": "80"},
        cwd=PAGE.parent.parent,
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.strip()


def with_help(text: str) -> str:
    """The text with its blocks as they should be."""
    return BLOCK.sub(lambda m: f"{m[1]}```text\n{help_of(m[2])}\n```\n{m[3]}", text)


if __name__ == "__main__":
    PAGE.write_text(with_help(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
