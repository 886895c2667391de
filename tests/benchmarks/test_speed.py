"""The benchmark of speed: what it takes for a first word, how its table reads, what it compares."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks import baselines, speed
from tests.conftest import ROOT

WRITES = "import sys, time; {before}; sys.stdout.flush(); time.sleep(0.4); print('end')"


def setting(work: Path) -> speed.Setting:
    return speed.Setting(work, ROOT / "corpus", 3, None)


def test_the_first_visible_character_counts(tmp_path: Path) -> None:
    def measured(before: str, terminal: bool) -> list[float]:
        command = [sys.executable, "-c", WRITES.format(before=before)]
        return speed.first_and_end(command, setting(tmp_path), terminal)

    for terminal in (False, True):
        first, end = measured("print('word')", terminal)
        assert 0 < first < end - 0.3
        first, end = measured(r"print('\x1b[?25l\x1b[1;31m ')", terminal)
        assert end - 0.3 < first <= end
    for failing in ("raise SystemExit(1)", "print('word'); raise SystemExit(1)", "pass"):
        with pytest.raises(SystemExit, match="no answer"):
            speed.first_and_end([sys.executable, "-c", failing], setting(tmp_path))


def test_a_table_has_ratios_to_the_row_that_stands_for_1() -> None:
    table = speed.Table()
    for value in (4.0, 2.0, 3.0):
        table.add("cold", "plain", value, of="plain")
        table.add("other", "alone", value / 100, "ms")
        table.add("cold", "ours", value / 10, of="plain")
    lines = [line.split() for line in table.text().splitlines() if line]
    assert lines == [
        ["cold", "median", "range", "ratio"],
        ["plain", "s", "3.00", "2.00-4.00", "1.00"],
        ["ours", "s", "0.30", "0.20-0.40", "0.10"],
        ["other", "median", "range", "ratio"],
        ["alone", "ms", "0.0", "0.0-0.0"],
    ]


def test_notes_are_as_many_as_wanted_and_differ(tmp_path: Path) -> None:
    speed.write_notes(tmp_path, 600)
    texts = [path.read_text() for path in tmp_path.rglob("*.md")]
    assert len(texts) == len(set(texts)) == 600


def test_every_baseline_does_what_is_measured() -> None:
    assert set(baselines.BASELINES) == {"plain", *speed.PEERS}


@pytest.mark.slow
def test_the_plain_script_finds_and_answers(tmp_path: Path) -> None:
    notes = tmp_path / "notes"
    notes.mkdir()
    (notes / "metals.md").write_text("Gold melts at 1,064 degrees. " * 20)
    (notes / "bread.txt").write_text("Bread is baked at 230 degrees. " * 20)

    def run(*arguments: str) -> dict[str, float]:
        command = [sys.executable, str(ROOT / "benchmarks" / "baselines.py"), "plain", *arguments]
        done = subprocess.run(command, check=True, capture_output=True, cwd=ROOT)
        found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
        return found

    assert run("index", str(notes), str(tmp_path / "made"))["passages"] == 2
    found = run("ask", str(tmp_path / "made"), "When does gold melt?")
    assert found["hits"] < found["first"] <= found["end"]
    assert found["tokens"] > 1


@pytest.mark.slow
def test_one_part_prints_its_rows_and_writes_them(tmp_path: Path) -> None:
    out = tmp_path / "figures.json"
    command = [sys.executable, "benchmarks/speed.py", "--only", "embedding", "--runs", "1"]
    done = subprocess.run(
        [*command, "--docs", "corpus/text", "--json", str(out)],
        check=True, capture_output=True, text=True, cwd=ROOT,
    )  # fmt: skip
    rows = {row["name"]: row for row in json.loads(out.read_text())["rows"]}
    for name in ("500 or more", "fewer"):
        assert rows[f"least cosine between both, {name}"]["median"] > 0.9999
    assert all(row["median"] > 0 for row in rows.values())
    assert all(name in done.stdout for name in rows)
