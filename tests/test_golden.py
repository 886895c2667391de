"""The golden commands print what they printed when they were recorded: see `golden_commands`."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.golden_commands import (
    SCENARIOS,
    Step,
    difference,
    differences,
    is_close,
    read_scenario,
    write_scenario,
)


@pytest.mark.slow
@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda file: file.stem)
def test_the_commands_of_a_scenario(scenario: Path, tmp_path: Path, prepared_models: Path) -> None:
    found = differences(scenario, tmp_path, prepared_models)
    assert not found, "\n\n".join(found)


def test_a_scenario_is_written_as_it_was_read(tmp_path: Path) -> None:
    for file in SCENARIOS:
        write_scenario(tmp_path / file.name, read_scenario(file))
        assert (tmp_path / file.name).read_text(encoding="utf-8") == file.read_text("utf-8")


def test_each_step_is_recorded_with_its_exit_code() -> None:
    steps = [step for file in SCENARIOS for step in read_scenario(file)]
    assert sum("ragqa " in step.command for step in steps) > 300
    for step in steps:
        *lines, code = step.printed
        assert code.startswith("exit ") and not any(line.startswith("exit ") for line in lines)


@pytest.mark.parametrize(
    ("recorded", "now", "same"),
    [
        ("score 0.5321, place 2", "score 0.5389, place 2", True),
        ("score 0.5321, place 2", "score 0.5321, place 3", False),
        ("score 0.5321", "score 0.5521", False),
        ("score 0.5321", "scores 0.5321", False),
        ("score 0.53", "score 0.54", False),
        ('"score": 0.5', '"score": 0.5001', True),
        ("late +0.0004", "late -0.0003", True),
        ('"late": 3e-05', '"late": 0.00012', True),
    ],
)
def test_scores_may_differ_a_little_and_nothing_else(recorded: str, now: str, same: bool) -> None:
    assert is_close(recorded, now) is same


def test_a_difference_is_told_with_its_command() -> None:
    before = Step((), "ragqa config\n-h", ("out| score 0.123", "out| a", "exit 0"))
    after = Step((), "ragqa config\n-h", ("out| score 0.124", "out| b", "exit 0"))
    told = difference(before, after)
    assert told.startswith("$ ragqa config\n> -h\n--- recorded\n+++ now\n")
    assert told.endswith(" out| score 0.123\n-out| a\n+out| b\n exit 0")
    assert "+out| score 0.124" in difference(before, after, exact=True)
    assert difference(before, before, exact=True) == ""
