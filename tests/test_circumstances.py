"""In what an answer is given: models by their hashes, settings, a filter as JSON and back."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ragqa.answering.confidence import Calibration
from ragqa.circumstances import (
    earlier_answers,
    filter_json,
    filter_of,
    models_used,
    runtimes,
    settings_used,
)
from ragqa.embedding import load_embedder
from ragqa.errors import UsageError
from ragqa.generators import load_generator, load_span_model
from ragqa.models.catalogue import BUNDLED_EMBEDDER, BUNDLED_GENERATOR, CATALOGUE
from ragqa.models.hashes import file_hash
from ragqa.models.local import span_adapter
from ragqa.pipeline import Session
from ragqa.records import Answer
from ragqa.settings import NAMES, load_settings
from ragqa.store import index_at
from ragqa.store.filters import Filter
from tests.fakes import FakeEmbedder, FakeReranker

FILTER = {
    "path": ["a.md", "b/"], "title": ["T"], "tag": ["ml"], "alias": ["x"], "where": ["a=b"],
    "since": "2020-01-02", "until": "2021",
}  # fmt: skip


def test_the_models_of_an_answer_by_name_and_hash() -> None:
    embedder = load_embedder(BUNDLED_EMBEDDER)
    used = models_used(Session(embedder, generator=load_generator(BUNDLED_GENERATOR)))
    hashes = {entry.name: entry.sha256 for entry in CATALOGUE}
    assert used == {
        "embedder": {
            "name": BUNDLED_EMBEDDER,
            "fingerprint": embedder.fingerprint,
            "sha256": hashes[BUNDLED_EMBEDDER],
        },
        "generator": {
            "name": BUNDLED_GENERATOR,
            "sha256": hashes[BUNDLED_GENERATOR],
        },
        "reranker": None,
    }
    assert models_used(Session(embedder))["generator"] is None
    others = models_used(Session(embedder, span_model=load_span_model(), reranker=FakeReranker()))
    assert others["generator"] == {
        **used["generator"], "adapter_sha256": file_hash(span_adapter())
    }  # fmt: skip
    assert others["reranker"] == {"name": "fake-reranker", "sha256": "0"}


def test_settings_mean_the_same_in_another_folder(tmp_path: Path) -> None:
    (tmp_path / "my.gguf").touch()
    given = {"model": "my.gguf", "k": 3, "index": "/i"}
    settings = load_settings(given, {}, tmp_path)
    session = Session(FakeEmbedder(), settings=settings, threshold=0.7)
    used = settings_used(session, strict=True)
    assert set(used) == {*NAMES, "strict", "calibration", "seed"} - {
        "index", "collection", "max_file_mb"
    }  # fmt: skip
    assert used["model"] == str(tmp_path.resolve() / "my.gguf")
    assert (used["embedder"], used["reranker"]) == ("", "")
    assert (used["answer"], used["k"], used["threshold"]) == ("generate", 3, 0.7)
    assert (used["threads"], used["strict"], used["seed"]) == (os.cpu_count(), True, 0)
    assert used["calibration"] is None
    session.calibration = Calibration(0.1, 2.0, 0.7)
    assert settings_used(session)["calibration"] == [0.1, 2.0]
    assert settings_used(session)["strict"] is False


def test_the_versions_that_matter() -> None:
    found = runtimes()
    assert {"python", "machine", "onnxruntime", "llama-cpp-python", "simplemma"} <= set(found)
    assert all(isinstance(text, str) and text for text in found.values())


@pytest.mark.parametrize("options", [FILTER, {"path": ["a"]}, {"since": "2020"}])
def test_a_filter_comes_back_from_json(options: dict[str, Any]) -> None:
    only = Filter.parse(**options)
    assert filter_of(json.loads(json.dumps(filter_json(only)))) == only


def test_no_filter_is_null() -> None:
    assert filter_json(Filter()) is None
    assert filter_of(None) == Filter()


@pytest.mark.parametrize(
    "changes",
    [{"paths": 3}, {"since": "soon"}, {"since": 3}, {"where": [["a"]]}, {"where": "ab"}],
)
def test_a_damaged_filter(changes: dict[str, Any]) -> None:
    values = filter_json(Filter.parse(**FILTER)) or {}
    with pytest.raises(UsageError, match="the receipt's filter is damaged"):
        filter_of({**values, **changes})
    with pytest.raises(UsageError, match="the receipt's filter is damaged"):
        filter_of({"paths": []})


# Answers that were given before ----------------------------------------------------------------


def test_without_an_index_there_are_no_earlier_answers() -> None:
    assert earlier_answers(Session(FakeEmbedder())) is None


def test_an_answer_is_given_again_in_the_same_circumstances_alone(corpus_index: Path) -> None:
    with index_at(corpus_index).snapshot() as snapshot:
        session = Session(load_embedder(BUNDLED_EMBEDDER), snapshot)
        answers = earlier_answers(session)
        assert answers
        answers.keep("Why?", Answer("not_in_documents", "Why?"), {})

        def known(**changes: Any) -> bool:
            found = earlier_answers(replace(session, **changes))
            return found is not None and found.find("Why?") is not None

        assert known()
        assert not known(threshold=0.9)
        assert not known(settings=load_settings({"k": 3}))
        assert not known(reranker=FakeReranker())
        assert not known(allowed=np.array([1, 2]))
        assert not known(calibration=Calibration(0.1, 2.0, 0.5))
        assert known()
