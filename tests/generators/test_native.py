"""llama.cpp around the model: what it writes on stderr, what it says after several tokens."""

from __future__ import annotations

import os
import subprocess
import sys

import numpy as np
import pytest

from ragqa.generators.llama_cpp import LlamaCppGenerator
from ragqa.generators.native import native_output_silenced
from ragqa.models.catalogue import BUNDLED_GENERATOR
from tests.conftest import ROOT

# File descriptor 2 -----------------------------------------------------------------------------


def test_native_output_is_silenced_and_stderr_is_back_afterwards(
    capfd: pytest.CaptureFixture[str],
) -> None:
    with native_output_silenced():
        os.write(2, b"native noise\n")
    os.write(2, b"ours\n")
    assert capfd.readouterr().err == "ours\n"


def test_stderr_is_back_after_an_error(capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(KeyError), native_output_silenced():
        raise KeyError
    os.write(2, b"ours\n")
    assert capfd.readouterr().err == "ours\n"


def test_a_closed_stderr_is_nothing_to_silence() -> None:
    script = (
        "import os; from ragqa.generators.native import native_output_silenced\n"
        "os.close(2)\n"
        "with native_output_silenced(): print('inside')\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, stdout=subprocess.PIPE, check=True
    )
    assert done.stdout == b"inside\n"


# Scores ----------------------------------------------------------------------------------------


@pytest.mark.slow
def test_scores_after_several_tokens_are_those_after_each() -> None:
    model = LlamaCppGenerator(BUNDLED_GENERATOR, 2048)
    tokens = model.encode("The capital of France is Paris. " * 90)  # more than one batch
    assert len(tokens) > 512
    together = model.logits(tokens, 0, 5)
    assert together.shape == (5, model._llama.n_vocab())
    start = len(tokens) - 5
    model.logits(tokens[:start], 0)
    for i, row in enumerate(together):
        (alone,) = model.logits([tokens[start + i]], start + i)
        assert alone.argmax() == row.argmax()
        assert np.corrcoef(alone, row)[0, 1] > 0.999
    again = model.logits(tokens[start:], start, 5)  # the last tokens, read anew
    assert (again.argmax(1) == together.argmax(1)).all()
