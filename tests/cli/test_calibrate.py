"""`calibrate`: what is fitted, measured, shown and kept."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from ragqa.answering.calibration import FILE, load_calibration, model_names
from tests.conftest import Result
from tests.planets import PLANETS, planet
from tests.programs import DEFAULT_EMBEDDER, load_embedder_once, make_index, parsed

RunCli = Callable[..., Result]
FIGURES = [
    "refusal_precision", "refusal_recall", "wrongly_refused", "coverage", "risk", "brier",
]  # fmt: skip


@pytest.fixture(autouse=True)
def confident(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ragqa.embedding.load_embedder", load_embedder_once)


@pytest.fixture
def index(tmp_path: Path) -> Path:
    folder = tmp_path / "notes"
    folder.mkdir()
    for number, name in enumerate(PLANETS):
        (folder / f"{name}.md").write_text(planet(number))
    return make_index(tmp_path / "index", folder)


def test_a_calibration_as_text(run_cli: RunCli, index: Path) -> None:
    done = run_cli("calibrate", "--index", index, "--limit", 40)
    head, _, table = done.out.partition("\n\n")
    assert done.code == 0
    found = load_calibration(index, model_names(load_embedder_once(DEFAULT_EMBEDDER), None, None))
    assert found is not None
    assert (
        head
        == f"""\
questions: 40 from the documents: 20 to fit, 20 to measure
refused: below a probability of {found.threshold:.3f}
aim: 90% of what is refused is not answerable
probability: 1 / (1 + exp(-({found.intercept:.3f} + {found.slope:.3f} * logit)))"""
    )
    titles, *rows, kept = table.splitlines()
    assert titles.split() == ["expected", "measured", "95", "%", "interval", "before", "n"]
    assert [row.split()[0] for row in rows] == FIGURES
    pattern = r"\w+ +(\d\.\d{3}) +(\d\.\d{3}) +\d\.\d{3} to \d\.\d{3} +(\d\.\d{3}|-) +\d+  [a-z].*"
    assert all(re.fullmatch(pattern, row) for row in rows)
    assert kept == f"kept: {index}/{FILE}"
    few = "warning: 40 questions are few for a threshold; 200 or more are better"
    assert few in done.err.splitlines()
    told = run_cli("status", "--index", index).out
    assert f"refusals   below a probability of {found.threshold:.3f}, fitted by ragqa" in told


def test_a_calibration_as_json_and_page(run_cli: RunCli, index: Path, tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    done = run_cli("calibrate", "--index", index, "--limit", 40, "--json", "--html", page)
    found = parsed(done.out)
    assert done.code == 0
    assert list(found) == [
        "version", "calibration", "target_precision", "source", "fitted_on", "measured_on",
        "expected", "measured", "before", "curves", "warnings", "models", "file",
    ]  # fmt: skip
    assert [list(found[name]) for name in ("expected", "measured", "before")] == [FIGURES] * 3
    assert found["measured"]["refusal_recall"]["n"] == 5
    assert (found["fitted_on"], found["measured_on"], found["target_precision"]) == (20, 20, 0.9)
    assert found["file"] == f"{index}/{FILE}"
    kept = json.loads((index / FILE).read_text())
    assert {name: kept[name] for name in found["calibration"]} == found["calibration"]
    assert kept["models"] == found["models"]
    assert page.read_text().count("<svg") == 3
    assert "held out" in page.read_text()


def test_questions_of_a_file(run_cli: RunCli, index: Path, tmp_path: Path) -> None:
    file = tmp_path / "questions.jsonl"
    ways = ("What is {}?", "Tell me of {}.", "Where is {}?", "{}")
    asked = [(way.format(name), True) for way in ways for name in PLANETS]
    asked += [(f"Who invented the {word}?", False) for word in "lamp hammer violin wheel".split()]
    lines = (json.dumps({"question": text, "answerable": yes}) for text, yes in asked)
    file.write_text("\n".join(lines))
    found = parsed(run_cli("calibrate", file, "--index", index, "--json").out)
    assert (found["source"], found["fitted_on"] + found["measured_on"]) == (str(file), 44)
    assert found["measured"]["refusal_recall"]["value"] == 1


def test_what_cannot_be_calibrated(
    run_cli: RunCli, index: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "questions.jsonl"
    file.write_text('{"question": "What is Zed?"}\n' * 39)
    done = run_cli("calibrate", file, "--index", index)
    assert done == Result(2, "", "ragqa: 39 questions are too few; give at least 40\n")
    file.write_text('{"question": "What is Zed?", "passages": [{"text": "Zed is."}]}\n' * 40)
    done = run_cli("calibrate", file, "--index", index)
    assert done == Result(
        2,
        "",
        "ragqa: questions that bring their passages say nothing of the index;"
        " give questions without passages\n",
    )
    file.write_text('{"question": "What is Zed?"}\n' * 40)
    done = run_cli("calibrate", file, "--index", index)
    assert (done.code, done.out) == (3, "")
    assert done.err.splitlines()[-1] == (  # after what is told of progress, on a slow machine
        "ragqa: both answerable and unanswerable questions are needed; give a file that has both"
    )
    monkeypatch.undo()
    monkeypatch.setattr("ragqa.embedding.load_embedder", load_embedder_once)
    assert run_cli("calibrate", "--index", tmp_path / "none").code == 3
    assert run_cli("calibrate", "--index", index, "--target-precision", 2).code == 2
    assert not (index / FILE).exists()
