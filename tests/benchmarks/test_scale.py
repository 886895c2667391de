"""The scale benchmark: what it makes is an index, and what it prints are its figures."""

from __future__ import annotations

import itertools
import json
import re
import sys
from pathlib import Path

import numpy as np
import pytest

from benchmarks import scale
from ragqa.store.snapshot import LocalSnapshot

SENTENCES = ["Gold melts late.", "Tin melts early.", "Bread rises slowly.", "Owls fly at night."]


def test_texts_are_sentences_put_together_and_no_two_alike() -> None:
    texts = list(itertools.islice(scale.recombined(SENTENCES, [5, 40], 1), 500))
    assert len(set(texts)) == 500
    assert all(re.fullmatch(r"(Gold|Tin|Bread|Owls)( \w+)+\.( \w+( \w+)+\.)*", t) for t in texts)


def test_perturbed_vectors_stay_near_and_are_normalized() -> None:
    vectors = np.eye(384, dtype=np.float32)[:5]
    moved = scale.perturbed(vectors, np.array([3, 3, 0]), 1)
    assert np.allclose(np.linalg.norm(moved, axis=1), 1, atol=1e-5)
    cosines = moved @ vectors.T
    assert cosines.argmax(1).tolist() == [3, 3, 0]
    assert 0.7 < cosines.max(1).min() <= cosines.max(1).max() < 0.9


def test_the_nearest_are_those_of_a_plain_comparison(tmp_path: Path) -> None:
    stored = np.random.default_rng(0).standard_normal((200, 8)).astype(np.float32)
    np.save(tmp_path / "all.npy", stored)
    asked = stored[:3] + 0.1
    found = scale.nearest(tmp_path / "all.npy", asked)
    assert found.tolist() == np.argsort(-(asked @ stored.T), axis=1)[:, :10].tolist()


@pytest.mark.slow
def test_figures_of_small_indexes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    texts = [f"{a} {b}" for a in SENTENCES for b in SENTENCES]
    monkeypatch.setattr(scale, "real_passages", lambda *_: texts)
    out, plot = tmp_path / "figures.json", tmp_path / "plot.svg"
    arguments = ["--sizes", "200", "400", "--work", str(tmp_path), "--json", str(out)]
    monkeypatch.setattr(sys, "argv", ["scale.py", *arguments, "--plot", str(plot)])
    scale.main()
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines[2:]] == ["200", "400"]
    for size, figures in zip((200, 400), json.loads(out.read_text()), strict=True):
        assert figures["recall_at_10"] > 0.99  # equal cosines may stand in another order
        assert figures["search_ms"]["p50"] > 0
        with LocalSnapshot(tmp_path / str(size) / "index") as reader:
            assert reader.counts() == (size // scale.PER_DOCUMENT, size)
    assert "<svg" in plot.read_text()
