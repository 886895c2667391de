"""How long do the commands take, against two baselines in the same run?

    python benchmarks/startup.py [--runs N]

Each command is a process of its own, with a warm disk cache; the median of N runs is shown, and
its ratio to `python -c "import typer, rich"` (the least that a command line of this kind can take)
and to `python -c "import sentence_transformers"` (what a tool that embeds with it takes to start).
"""

from __future__ import annotations

import argparse
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

CORPUS = Path(__file__).parent.parent / "corpus"
RAGQA = (sys.executable, "-m", "ragqa")
QUESTION = "What does self-attention do?"


def commands() -> dict[str, tuple[str, ...]]:
    """What is measured, the two baselines first."""
    return {
        'python -c "import typer, rich"': (sys.executable, "-c", "import typer, rich"),
        'python -c "import sentence_transformers"': (
            sys.executable, "-c", "import sentence_transformers"
        ),
        "ragqa --help": (*RAGQA, "--help"),
        "ragqa index (nothing changed)": (*RAGQA, "index"),
        "ragqa search": (*RAGQA, "search", QUESTION),
        "ragqa ask": (*RAGQA, "ask", QUESTION),
        "ragqa ask --answer generate": (*RAGQA, "ask", "--answer", "generate", QUESTION),
    }  # fmt: skip


def median_seconds(command: tuple[str, ...], environment: dict[str, str], runs: int) -> float:
    """The median of several runs, after one that is not counted."""
    seconds = []
    for _ in range(runs + 1):
        started = time.perf_counter()
        subprocess.run(command, env=environment, capture_output=True, check=False)
        seconds.append(time.perf_counter() - started)
    return statistics.median(seconds[1:])


def main() -> None:
    """Index the notes in a temporary folder, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--runs", type=int, default=5)
    runs = parser.parse_args().runs
    print(f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}")
    print(f"{'':<44}{'seconds':>8}{'x typer':>9}{'x s-t':>8}")
    with tempfile.TemporaryDirectory() as folder:
        environment = {**os.environ, "RAGQA_INDEX": folder}
        subprocess.run((*RAGQA, "index", str(CORPUS)), env=environment, check=True)
        baselines: list[float] = []
        for name, command in commands().items():
            seconds = median_seconds(command, environment, runs)
            baselines.append(seconds)
            ratios = f"{seconds / baselines[0]:>9.1f}"
            ratios += f"{seconds / baselines[1]:>8.2f}" if len(baselines) > 1 else ""
            print(f"{name:<44}{seconds:>8.2f}{ratios}")


if __name__ == "__main__":
    main()
