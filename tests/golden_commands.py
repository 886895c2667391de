"""What the commands print, recorded in `tests/golden/`, and what runs them again.

A scenario is a text file whose steps run in order, in a sandbox with a home of its own and a copy
of `corpus/`:

    # Lines of prose before a step are kept.
    $ ragqa search quantization        a line for bash, in which `ragqa` is the program;
    > -k 1                             `> ` continues it
    out| ...                           a line of stdout
    err| ...                           a line of stderr
    exit 0

`out: no newline` follows a last line that does not end in one. What varies from run to run is
recorded as a word in braces or as N. Decimal numbers with three places or more may differ a little,
as another processor rounds otherwise; everything else must be the same.

    python -m tests.golden_commands [--record | --exact] [FILE ...]

compares, and prints what differs; `--record` puts what is printed now into the files instead.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import unified_diff
from pathlib import Path

import ragqa
from tests.conftest import CORPUS

FOLDER = Path(__file__).parent / "golden"
SCENARIOS = sorted(FOLDER.glob("*.txt"))
CORPUS_DATE = 1_717_200_000  # 2024-06-01: the time of each file of the corpus
SECONDS = 300  # that a step may take
TOLERANCE = 0.01
NUMBER = re.compile(r"[+-]?\d+(?:\.\d+(?:e-\d+)?|e-\d+)")
PRINTED = ("out|", "err|", "out:", "err:", "exit ")  # what a line begins with that was printed

# Lines on stderr that come only where something takes long.
PROGRESS = re.compile(r"^[a-z ]+: \d+ of \d+(?:, \d+ s left)?\n", re.MULTILINE)
# In what these match, each number becomes N.
VARYING = re.compile(
    r"""
    \b\d+\.\d\ s\b                                             # how long it took
    | "(?:timings_ms|bytes)":\ \{[^}]*\}
    | "(?:seconds|milliseconds|at|threads)":\ [\d.]+
    | ^timings:\ .*
    | (?<="latency_p\d\d_ms":\ )\{"value":\ [\d.]+,\ "low":\ [\d.]+,\ "high":\ [\d.]+
    | ^size\ .*
    | "ragqa":\ "[\d.]+" | ^ragqa\ [\d.]+$
    """,
    re.VERBOSE | re.MULTILINE,
)
REPLACED = (
    (re.compile(r"\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d(?:\+00:00)?"), "{time}"),
    (re.compile(r"^(latency_p\d\d_ms) +\d+ +\d+ to \d+", re.MULTILINE), r"\1 N N to N"),
    (re.compile(r'"runtimes": \{[^}]*\}'), '"runtimes": {runtimes}'),
    (re.compile(r"\b(?:BF16|Q8_0) \+ reader\b"), "{form} + reader"),
    (re.compile(r"/\.docs/[0-9a-f]{16}\b"), "/.docs/{folder}"),
)


@dataclass(frozen=True, slots=True)
class Step:
    """A command, the prose before it, and what it printed, in lines as they are recorded."""

    prose: tuple[str, ...]
    command: str
    printed: tuple[str, ...]

    @property
    def shown(self) -> list[str]:
        """The command as it stands in a file, in lines."""
        first, *more = self.command.split("\n")
        return [f"$ {first}", *(f"> {line}" if line else ">" for line in more)]


# Files --------------------------------------------------------------------------------------


def read_scenario(file: Path) -> list[Step]:
    """The steps of a file."""
    steps: list[Step] = []
    prose: list[str] = []
    for line in file.read_text(encoding="utf-8").split("\n")[:-1]:
        if line.startswith("$ "):
            steps.append(Step(tuple(prose), line[2:], ()))
            prose = []
        elif prose or not line.startswith((">", *PRINTED)):
            prose.append(line)
        elif line.startswith(">"):
            last = steps[-1]
            steps[-1] = Step(last.prose, f"{last.command}\n{line[2:]}", ())
        else:
            last = steps[-1]
            steps[-1] = Step(last.prose, last.command, (*last.printed, line))
    return steps


def write_scenario(file: Path, steps: Sequence[Step]) -> None:
    """Put steps into a file."""
    lines = (line for step in steps for line in (*step.prose, *step.shown, *step.printed))
    text = "".join(f"{line}\n" for line in lines)
    file.write_text(text, encoding="utf-8")


# Running ------------------------------------------------------------------------------------


def play(steps: Sequence[Step], sandbox: Path, models: Path) -> Iterator[Step]:
    """The steps with what they print now; `models` has the weights made ready at first use."""
    here, home = sandbox / "here", sandbox / "home"
    shutil.copytree(CORPUS, here / "corpus")
    for file in here.rglob("*.*"):
        os.utime(file, (CORPUS_DATE, CORPUS_DATE))
    (home / "cache" / "ragqa").mkdir(parents=True)
    (home / "cache" / "ragqa" / "models").symlink_to(models)
    for step in steps:
        yield Step(step.prose, step.command, tuple(_printed(step.command, here, home)))


def _printed(command: str, here: Path, home: Path) -> Iterator[str]:
    function = f'ragqa() {{ "{sys.executable}" -m ragqa "$@"; }}\n'
    done = subprocess.run(
        ["bash", "-c", function + command],
        cwd=here,
        env=_environment(home),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=SECONDS,
        check=False,
    )
    for name, data in (("out", done.stdout), ("err", done.stderr)):
        text = _normalized(data.decode("utf-8", "backslashreplace"), here, home)
        *lines, rest = text.split("\n")
        yield from (f"{name}| {line}" if line else f"{name}|" for line in lines)
        if rest:
            yield from (f"{name}| {rest}", f"{name}: no newline")
    yield f"exit {done.returncode}"


def _environment(home: Path) -> dict[str, str]:
    """All that a step knows of its surroundings."""
    binaries = Path(sys.executable).parent
    folders = {f"XDG_{name}_HOME": home / name.lower() for name in ("DATA", "CONFIG", "CACHE")}
    return {
        "PATH": f"{binaries}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": str(Path(ragqa.__file__).parents[1]),
        "HOME": str(home),
        **{name: str(folder) for name, folder in folders.items()},
        "XDG_RUNTIME_DIR": str(home),  # no server that may be running
        "LANG": "C.UTF-8",
        "TZ": "UTC",
    }


def _normalized(text: str, here: Path, home: Path) -> str:
    """Text without what varies from run to run, or from machine to machine."""
    for path, name in (
        (str(here.resolve()), "{here}"),
        (str(home.resolve()), "{home}"),
        (sysconfig.get_path("purelib"), "{packages}"),
    ):
        text = text.replace(path, name)
    for pattern, replacement in REPLACED:
        text = pattern.sub(replacement, text)
    return VARYING.sub(_without_numbers, PROGRESS.sub("", text))


def _without_numbers(match: re.Match[str]) -> str:
    return re.sub(r"\d+(?:\.\d+)*(?: [kM]B)?", "N", match[0])


# Comparing ----------------------------------------------------------------------------------


def difference(expected: Step, actual: Step, exact: bool = False) -> str:
    """How what a step prints now differs from what was recorded, as a unified diff, or nothing."""
    before, after = list(expected.printed), list(actual.printed)
    if not exact and len(before) == len(after):
        pairs = zip(before, after, strict=True)
        after = [old if is_close(old, new) else new for old, new in pairs]
    diff = list(unified_diff(before, after, "recorded", "now", lineterm="", n=1))
    return "\n".join([*expected.shown, *diff]) if diff else ""


def is_close(one: str, other: str) -> bool:
    """True for the same text but for small differences of scores."""
    if NUMBER.sub("N", one) != NUMBER.sub("N", other):
        return False
    pairs = zip(NUMBER.findall(one), NUMBER.findall(other), strict=True)
    return all(a == b or _are_close_scores(a, b) for a, b in pairs)


def _are_close_scores(one: str, other: str) -> bool:
    places = max(len(number.partition(".")[2]) for number in (one, other))
    is_score = places >= 3 or "e" in one + other
    return is_score and abs(float(one) - float(other)) <= TOLERANCE


def differences(file: Path, sandbox: Path, models: Path, exact: bool = False) -> list[str]:
    """Those of all steps of a scenario, in its order."""
    steps = read_scenario(file)
    played = zip(steps, play(steps, sandbox, models), strict=True)
    return [found for old, new in played if (found := difference(old, new, exact))]


# The command --------------------------------------------------------------------------------


def main() -> int:
    """Compare the scenarios that are named, or all; or record them."""
    parser = argparse.ArgumentParser(description="Run the golden commands and compare.")
    parser.add_argument("files", nargs="*", type=Path, default=SCENARIOS, metavar="FILE")
    parser.add_argument("--record", action="store_true", help="put what is printed into the files")
    parser.add_argument("--exact", action="store_true", help="scores may not differ either")
    wanted = parser.parse_args()
    found = []
    with tempfile.TemporaryDirectory() as scratch:
        models = Path(scratch) / "models"
        models.mkdir()
        for file in wanted.files:
            sandbox = Path(scratch) / file.stem
            if wanted.record:
                steps = play(read_scenario(file), sandbox, models)
                write_scenario(file, list(steps))
            else:
                found += differences(file, sandbox, models, wanted.exact)
    print("\n\n".join(found) or ("recorded" if wanted.record else "no difference"))
    return int(bool(found))


if __name__ == "__main__":
    sys.exit(main())
