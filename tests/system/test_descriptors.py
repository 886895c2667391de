"""Closed standard streams: no file that is opened later gets their numbers."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from ragqa.generators.native import native_output_silenced
from ragqa.system.terminal import LocalTerminal
from tests.conftest import ROOT

# Writes down where 0 to 2 lead when the first thread may begin to open files.
PROGRAM = """
import os, sys
from ragqa import __main__
from ragqa.runtime import Runtime
out = sys.argv.pop(1)
def preload(runtime):
    with open(out, "w") as file:
        print(*(os.readlink(f"/proc/self/fd/{number}") for number in range(3)), file=file)
    os._exit(0)
Runtime.preload_embedder = preload
sys.argv[1:] = ["search", "x"]
__main__.main()
"""


def test_what_is_said_while_a_model_loads_is_not_lost(capfd: pytest.CaptureFixture[str]) -> None:
    begun = threading.Event()

    def load() -> None:
        with native_output_silenced():
            begun.set()
            time.sleep(0.2)
            os.write(2, b"the log of a model\n")

    thread = threading.Thread(target=load)
    thread.start()
    begun.wait()
    LocalTerminal().say("interrupted")
    thread.join()
    assert capfd.readouterr().err == "interrupted\n"


@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="needs /proc")
@pytest.mark.parametrize("closed", [(0,), (1,), (2,), (0, 2), (0, 1, 2)])
def test_closed_streams_lead_nowhere_before_anything_is_loaded(
    tmp_path: Path, closed: tuple[int, ...]
) -> None:
    out = tmp_path / "out"
    subprocess.run(
        [sys.executable, "-c", PROGRAM, str(out)],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        capture_output=True,
        check=True,
        preexec_fn=lambda: [os.close(number) for number in closed],
    )
    found = out.read_text().split()
    assert [number for number in range(3) if found[number] == os.devnull] == list(closed)
