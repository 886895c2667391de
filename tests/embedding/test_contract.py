"""What holds for every embedder: with real models, from several threads."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from ragqa.embedding import EMBEDDERS, load_embedder
from ragqa.embedding.base import Embedder
from ragqa.models.catalogue import BUNDLED_EMBEDDER
from ragqa.models.local import embedder_folder

TEXTS = ["Bread rises because of yeast.", "", "A cat sleeps.", "\ud800 <|im_end|> é 日本"]
QUESTION = "Why does bread rise?"


@pytest.fixture(scope="module", params=EMBEDDERS)
def embedder(request: pytest.FixtureRequest) -> Embedder:
    models = {
        "minilm": BUNDLED_EMBEDDER,
        "sentence_transformer": str(embedder_folder(BUNDLED_EMBEDDER)),
    }
    assert request.param in models, "say here which model of this kind to test with"
    made = load_embedder(models[request.param])
    assert f"{type(made).__module__}:{type(made).__name__}" == EMBEDDERS[request.param]
    return made


@pytest.mark.slow
def test_vectors_are_normalized_and_near_what_they_are_about(embedder: Embedder) -> None:
    vectors, question = embedder.embed(TEXTS), embedder.encode_question(QUESTION)
    assert vectors.shape == (len(TEXTS), embedder.dimension)
    assert vectors.dtype == question.vector.dtype == np.float32
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
    assert int(np.argmax(vectors @ question.vector)) == 0
    assert embedder.embed([]).shape == (0, embedder.dimension)


@pytest.mark.slow
def test_words_of_passages_fit_those_of_questions(embedder: Embedder) -> None:
    encoded, question = embedder.encode(TEXTS), embedder.encode_question(QUESTION)
    for text, (vector, codes) in zip(TEXTS, encoded, strict=True):
        assert vector.shape == (embedder.dimension,)
        assert codes.dtype == np.uint8
        assert codes.shape[1] * 8 == question.words.shape[1]
        starts = embedder.word_starts(text)
        assert len(starts) in (len(codes), 0)
        assert starts == sorted(starts)


@pytest.mark.slow
def test_tokens_are_counted_as_they_are_read(embedder: Embedder) -> None:
    short, long = embedder.count_tokens(["bread", "bread " * 1000])
    assert 0 < short < embedder.max_tokens < long


@pytest.mark.slow
def test_threads_get_what_one_gets(embedder: Embedder) -> None:
    expected = [embedder.encode_question(text).vector for text in TEXTS]
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda text: embedder.encode_question(text).vector, TEXTS * 5))
    for number, vector in enumerate(found):
        assert np.array_equal(vector, expected[number % len(TEXTS)])


def test_a_fingerprint_names_model_and_runtime(embedder: Embedder) -> None:
    name, _, runtime = embedder.fingerprint.partition("/")
    assert name
    assert runtime
    assert embedder.threads >= 0
