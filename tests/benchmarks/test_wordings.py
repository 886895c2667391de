"""The benchmark of wordings: when a fact counts as answered whatever the words, and its table."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from benchmarks import wordings
from ragqa.evaluation.questions import Question
from ragqa.evaluation.run import NuggetVerdicts, Outcome
from ragqa.records import Answer


def asked(fact: str, way: str, complete: bool, state: str = "answered") -> wordings.Asked:
    question = Question("Which?", nuggets=(re.compile("this"), re.compile("that")))
    answer = Answer(state=state, question="Which?", sentences=(), models={}, index=None)
    verdicts = NuggetVerdicts((True, complete), (True, True), 2)
    outcome = Outcome(question, answer, 1.0, nuggets=verdicts)
    return wordings.Asked(wordings.Wording(fact, way, question), outcome)


def test_a_fact_counts_where_all_its_wordings_are_complete() -> None:
    found = wordings.figures(
        [
            asked("a", "question", True),
            asked("a", "keywords", True),
            asked("b", "question", True),
            asked("b", "keywords", False, "not_in_documents"),
        ]
    )
    assert (found["facts"], found["facts_complete_in_all_ways"]) == (2, 1)
    ways = {way: (row["complete"], row["refused"]) for way, row in found["ways"].items()}
    assert ways == {"all": (0.75, 0.25), "question": (1, 0), "keywords": (0.5, 0.5)}
    lines = wordings.table("ours", found).splitlines()
    assert lines[0] == "ours: 1 of 2 facts complete in all ways (0.500)"
    assert lines[2].split() == ["all", "4", "0.750", "0.250", "0.0"]


def test_wordings_are_those_of_a_split(tmp_path: Path) -> None:
    file = tmp_path / "wordings.jsonl"
    lines = [
        {"fact": fact, "way": "keywords", "question": f"q {fact}", "split": split}
        for fact, split in (("a", "dev"), ("b", "test"))
    ]
    file.write_text("".join(json.dumps(line) + "\n" for line in lines))
    assert [item.fact for item in wordings.wordings_of(file, "all")] == ["a", "b"]
    assert [item.fact for item in wordings.wordings_of(file, "test")] == ["b"]


def test_a_set_that_is_not_there_is_an_error_of_usage(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as error:
        wordings.main(["elsewhere"])
    assert error.value.code == 2
    assert "no such set: elsewhere" in capsys.readouterr().err


@pytest.mark.slow
def test_a_folder_is_asked_in_all_ways(tmp_path: Path) -> None:
    (tmp_path / "pen.md").write_text("# Pen\n\nThe pen was made in Oslo.\n")
    question = Question("Where was the pen made?", nuggets=(re.compile("Oslo"),))
    found = wordings.ask([wordings.Wording("a", "question", question)], tmp_path)
    assert wordings.figures(found)["facts_complete_in_all_ways"] == 1
