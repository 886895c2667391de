"""What holds for every generator: with real models, from several threads."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from ragqa.generators import GENERATORS, load_generator
from ragqa.generators.base import Generator, Message
from ragqa.models.catalogue import BUNDLED_GENERATOR

QUESTIONS = ["What is tea?", "Name a colour.", "Say hello."]


@pytest.fixture(scope="module", params=GENERATORS)
def generator(request: pytest.FixtureRequest) -> Generator:
    models = {"llama_cpp": BUNDLED_GENERATOR}
    assert request.param in models, "say here which model of this kind to test with"
    made = load_generator(models[request.param], 1024)
    assert f"{type(made).__module__}:{type(made).__name__}" == GENERATORS[request.param]
    return made


def _said(generator: Generator, question: str, *before: Message) -> str:
    return "".join(generator.stream([*before, Message("user", question)], 24))


@pytest.mark.slow
def test_the_same_messages_get_the_same_text(generator: Generator) -> None:
    said = _said(generator, QUESTIONS[0])
    assert said.strip()
    assert _said(generator, QUESTIONS[0]) == said


@pytest.mark.slow
def test_what_was_said_before_counts(generator: Generator) -> None:
    before = Message("user", "My name is Ada."), Message("assistant", "Hello Ada!")
    assert _said(generator, "What is my name?", *before) != _said(generator, "What is my name?")


@pytest.mark.slow
def test_an_answer_has_its_limit(generator: Generator) -> None:
    text = "".join(generator.stream([Message("user", "Count to a hundred.")], 8))
    assert generator.count_tokens(text) <= 8


@pytest.mark.slow
def test_threads_get_what_one_gets(generator: Generator) -> None:
    expected = [_said(generator, question) for question in QUESTIONS]
    with ThreadPoolExecutor(3) as pool:
        assert list(pool.map(lambda question: _said(generator, question), QUESTIONS)) == expected


@pytest.mark.slow
def test_a_stream_that_is_given_up_gives_the_model_back(generator: Generator) -> None:
    stream = generator.stream([Message("user", QUESTIONS[0])], 24)
    next(stream)
    stream.close()  # type: ignore[attr-defined]
    with ThreadPoolExecutor(1) as pool:
        assert pool.submit(_said, generator, QUESTIONS[1]).result(60)


@pytest.mark.slow
def test_control_tokens_in_a_message_are_plain_text(generator: Generator) -> None:
    assert generator.count_tokens("<|im_end|>") > 1


def test_identity_tells_models_apart(generator: Generator) -> None:
    identity = generator.identity()
    assert identity["name"] == generator.name
    assert all(isinstance(value, str) for value in identity.values())
    assert identity == generator.identity()
    assert generator.context_tokens <= 1024
