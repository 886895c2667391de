"""What the confidence is fitted on, and how its fit is judged."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from ragqa.evaluation.questions import Question
from ragqa.pipeline import Session
from ragqa.store.snapshot import LocalSnapshot
from tests.conftest import ROOT
from tests.programs import DEFAULT_EMBEDDER, load_embedder_once, make_index

OSLO = Question("Where was the pen made?", sources=("pen.md",), nuggets=(re.compile("Oslo"),))


@pytest.fixture(autouse=True)
def training_on_path(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The scripts of `training/` import each other by their bare names."""
    pytest.importorskip("sklearn")
    monkeypatch.syspath_prepend(str(ROOT / "training"))
    yield
    for name in ("confidence_rows", "fit_confidence"):
        sys.modules.pop(name, None)


@pytest.fixture(scope="module")
def session(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Session]:
    notes, directory = tmp_path_factory.mktemp("notes"), tmp_path_factory.mktemp("index")
    (notes / "pen.md").write_text("# Pen\n\nThe pen was made in Oslo.\n")
    (notes / "ink.md").write_text("# Ink\n\nThe ink was made in Bergen, not in Lund.\n")
    make_index(directory, notes)
    with LocalSnapshot(directory) as snapshot:
        yield Session(load_embedder_once(DEFAULT_EMBEDDER), snapshot)


def test_a_twin_is_asked_without_the_files_that_answer(session: Session) -> None:
    from confidence_rows import rows_of_question

    rows = list(rows_of_question(OSLO, session))
    assert [row["answerable"] for row in rows] == [True, False]
    assert rows[0]["features"][0] > rows[1]["features"][0]  # the nearest passage is gone
    only = rows_of_question(replace(OSLO, answerable=False, sources=()), session)
    assert [row["answerable"] for row in only] == [False]


def test_there_is_no_twin_where_what_is_left_has_the_answer(session: Session) -> None:
    from confidence_rows import rows_of_question

    for other in (
        replace(OSLO, nuggets=(re.compile("Bergen|Oslo"),)),
        replace(OSLO, nuggets=(re.compile("Oslo"), re.compile("Lund"), re.compile("pen"))),
        replace(OSLO, nuggets=(), answers=("Oslo", "Lund")),
    ):
        assert [row["answerable"] for row in rows_of_question(other, session)] == [True]


def test_rows_are_remembered_until_something_changes(tmp_path: Path) -> None:
    from confidence_rows import remembered, state_of

    questions, kept = tmp_path / "questions.jsonl", tmp_path / "questions.features"
    questions.write_text("one")
    key = state_of([questions], 3)
    assert remembered(kept, iter([{"answerable": True}]), key) == [{"answerable": True}]
    assert remembered(kept, iter([]), key) == [{"answerable": True}]
    assert state_of([questions], 4) != key
    questions.write_text("two")
    assert remembered(kept, iter([]), state_of([questions], 3)) == []


def test_a_set_is_judged_by_weights_of_the_others() -> None:
    from fit_confidence import rows_of, without_own_set

    def rows(sign: int) -> list[dict[str, object]]:
        return [{"features": (sign * (2 * y - 1) + n / 9, 1.0), "answerable": y == 1}
                for n in range(6) for y in (0, 1)]  # fmt: skip

    made = rows_of({"odd": rows(-1), "one": rows(1), "two": rows(1)}, 2)
    says = (without_own_set(made) > 0.5) == made.y
    assert not says[made.names == "odd"].any()
    balanced = rows_of({"one": rows(1), "large": rows(-1) * 9, "two": rows(1)}, 2)
    agreed = (balanced.fitted(np.ones(len(balanced.y), dtype=bool)).weights[0]) > 0
    assert agreed  # however many rows a set has, it weighs the same


def test_figures_of_probabilities() -> None:
    from fit_confidence import figures

    found = figures(np.array([0.9, 0.7, 0.3, 0.1]), np.array([True, False, True, False]))
    assert found["AUC"] == 0.75
    assert found["Brier"] == pytest.approx((0.01 + 0.49 + 0.49 + 0.01) / 4)
    assert found["ECE"] == pytest.approx((0.1 + 0.7 + 0.7 + 0.1) / 4)
    assert (found["precision"], found["recall"]) == (0.5, 0.5)
    sure = figures(np.array([1.0, 0.0]), np.array([True, False]))
    assert (sure["ECE"], sure["precision"], sure["recall"]) == (0, 1, 1)
