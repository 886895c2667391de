"""Fitting and keeping a calibration: probabilities, thresholds, and whose they are."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import numpy as np
import pytest

from ragqa.answering.calibration import (
    FILE,
    fit,
    load_calibration,
    model_names,
    save_calibration,
)
from ragqa.answering.confidence import WEIGHTS, Calibration
from ragqa.errors import RagqaError
from ragqa.system.files import data_file
from tests.fakes import FakeEmbedder, FakeGenerator, FakeReranker
from tests.notes import Notes

MODELS = {"confidence": "1234", "embedder": "fake@0/fake", "generator": None, "reranker": None}
SOME = Calibration(0.5, 2.0, 0.25)


def sample(n: int, intercept: float, slope: float) -> tuple[list[float], list[bool]]:
    """Confidences, and whether each question is answerable, drawn from a known calibration."""
    random = np.random.default_rng(0)
    confidences = random.uniform(0.01, 0.99, n)
    truth = Calibration(intercept, slope, 0.5)
    answerable = [random.random() < truth.probability(float(c)) for c in confidences]
    return list(map(float, confidences)), answerable


def test_a_probability_of_a_confidence() -> None:
    assert Calibration(0, 1, 0.5).probability(0.3) == pytest.approx(0.3)
    assert Calibration(1, 2, 0.5).probability(0.5) == pytest.approx(1 / (1 + np.exp(-1)))
    assert 0 <= Calibration(0, 100, 0.5).probability(0.0) < 1e-9
    assert 1 - 1e-9 < Calibration(0, 100, 0.5).probability(1.0) <= 1
    assert Calibration(0, 1, 0.5).refuses(0.49)
    assert not Calibration(0, 1, 0.5).refuses(0.5)


def test_fitting_finds_what_the_data_were_drawn_from() -> None:
    found = fit(*sample(20_000, 1.0, 1.5), target_precision=0.9)
    assert (found.intercept, found.slope) == pytest.approx((1.0, 1.5), abs=0.07)


@pytest.mark.parametrize("target", [0.7, 0.8, 0.9])
def test_the_threshold_refuses_as_much_as_precision_allows(target: float) -> None:
    confidences, answerable = sample(2_000, 1.0, 1.5)
    found = fit(confidences, answerable, target)
    pairs = list(zip(map(found.refuses, confidences), answerable, strict=True))
    refused = [not yes for is_refused, yes in pairs if is_refused]
    assert np.mean(refused) == pytest.approx(target, abs=0.03)


def test_the_best_f1_where_no_threshold_is_precise_enough() -> None:
    confidences = [0.1, 0.2, 0.3, 0.4, 0.8, 0.9]
    answerable = [True, False, False, False, True, True]
    found = fit(confidences, answerable, 1.0)
    assert [found.refuses(confidence) for confidence in confidences] == [True] * 4 + [False] * 2


def test_questions_that_are_all_told_apart() -> None:
    found = fit([0.1, 0.2, 0.8, 0.9], [False, False, True, True], 0.9)
    assert [found.refuses(c) for c in (0.1, 0.2, 0.8, 0.9)] == [True, True, False, False]
    assert 0 < found.probability(0.2) < found.threshold < found.probability(0.8) < 1


@pytest.mark.parametrize(
    ("answerable", "message"),
    [
        ([True] * 4, "both answerable and unanswerable questions are needed"),
        ([True, True, False, False],
         "the confidence does not tell answerable questions from others"),
    ],
)  # fmt: skip
def test_what_cannot_be_fitted(answerable: list[bool], message: str) -> None:
    with pytest.raises(RagqaError) as error:
        fit([0.1, 0.2, 0.8, 0.9], answerable, 0.9)
    assert error.value.message == message


def test_a_calibration_that_is_kept(tmp_path: Path) -> None:
    assert load_calibration(tmp_path, MODELS) is None
    file = save_calibration(tmp_path, SOME, MODELS, {"questions": 7})
    assert file == tmp_path / FILE
    assert list(tmp_path.iterdir()) == [file]
    assert load_calibration(tmp_path, MODELS) == SOME
    assert json.loads(file.read_text()) == {
        "format": 1, "intercept": 0.5, "slope": 2.0, "threshold": 0.25, "models": MODELS,
        "index": str(tmp_path), "questions": 7,
    }  # fmt: skip


def test_one_of_other_models_or_another_index_does_not_count(tmp_path: Path) -> None:
    heard: list[str] = []
    save_calibration(tmp_path, SOME, MODELS, {})
    assert load_calibration(tmp_path, {**MODELS, "generator": "other"}, heard.append) is None
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / FILE).write_bytes((tmp_path / FILE).read_bytes())
    assert load_calibration(elsewhere, MODELS, heard.append) is None
    assert heard == [
        "the calibration was made with another generator and does not count; run: ragqa calibrate",
        f"the calibration in {elsewhere} is that of another index, {tmp_path};"
        " run: ragqa calibrate",
    ]


@pytest.mark.parametrize(
    "text",
    ["", "[]", "{}", "\xff", '{"format": 2}', "[" * 100_000,
     '{"format": 1, "intercept": NaN, "slope": 1, "threshold": 1, "models": {}, "index": ""}'],
)  # fmt: skip
def test_a_damaged_one_does_not_count(tmp_path: Path, text: str) -> None:
    heard: list[str] = []
    (tmp_path / FILE).write_text(text, encoding="latin-1")
    assert load_calibration(tmp_path, MODELS, heard.append) is None
    assert heard == ["the calibration of this index cannot be read; run: ragqa calibrate"]


def test_it_stays_when_the_documents_change(tmp_path: Path) -> None:
    notes = Notes(tmp_path)
    notes.write("a.md", "one")
    notes.run()
    save_calibration(notes.directory, SOME, MODELS, {})
    notes.write("b.md", "two")
    assert notes.update() == {"added": 1, "unchanged": 1, "embedded": 1}
    (notes.directory / "index.sqlite").unlink()  # made anew, in a directory that is not empty
    notes.run()
    assert load_calibration(notes.directory, MODELS) == SOME


def test_where_it_cannot_be_kept(tmp_path: Path) -> None:
    with pytest.raises(RagqaError) as error:
        save_calibration(tmp_path / "none", SOME, MODELS, {})
    told = f"cannot keep a calibration in {tmp_path}/none: no such file or directory"
    assert error.value.message == told


def test_names_of_models() -> None:
    weights = {"confidence": hashlib.sha256(data_file(WEIGHTS).read_bytes()).hexdigest()[:8]}
    assert model_names(FakeEmbedder(), None, None) == MODELS | weights
    assert model_names(FakeEmbedder("e"), FakeGenerator(""), FakeReranker()) == weights | {
        "embedder": "e@0/fake", "generator": "fake-gguf", "reranker": "fake-reranker",
    }  # fmt: skip
