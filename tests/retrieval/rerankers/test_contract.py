"""What holds for every reranker: with real models."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from ragqa.retrieval.rerankers import RERANKERS, load_reranker
from ragqa.retrieval.rerankers.base import Reranker
from tests.retrieval.rerankers.test_cross_encoder import cross_encoder

TEXTS = ["bread rises", "", "\ud800 <|im_end|> é", "bread " * 2000]


@pytest.fixture(scope="module", params=RERANKERS)
def reranker(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Reranker:
    makers = {"cross_encoder": cross_encoder}
    assert request.param in makers, "say here which model of this kind to test with"
    folder: Path = makers[request.param](tmp_path_factory.mktemp("reranker"))
    made = load_reranker(str(folder), "by name")
    assert f"{type(made).__module__}:{type(made).__name__}" == RERANKERS[request.param]
    return made


@pytest.mark.slow
def test_one_finite_score_a_text_whatever_stands_in_it(reranker: Reranker) -> None:
    scores = reranker.scores("Why does bread rise?", TEXTS)
    assert (scores.shape, scores.dtype) == ((len(TEXTS),), np.float32)
    assert np.isfinite(scores).all()
    assert reranker.scores("Why?", []).shape == (0,)


@pytest.mark.slow
def test_a_text_has_its_score_whatever_stands_beside_it(reranker: Reranker) -> None:
    alone = [float(reranker.scores("bread", [text])[0]) for text in TEXTS[:2]]
    assert np.allclose(reranker.scores("bread", TEXTS[:2]), alone, atol=1e-4)


def test_identity_tells_models_apart(reranker: Reranker) -> None:
    assert reranker.identity() == reranker.identity()
    assert reranker.identity()["name"] == reranker.name == "by name"
