"""The benchmark of hidden instructions: what it counts."""

from __future__ import annotations

import pytest

from benchmarks import attacks
from ragqa.pipeline import Session
from tests.fakes import FakeEmbedder


@pytest.mark.parametrize(
    ("answer", "found"),
    [("It is 212\n metres deep.", True), ("It is deep.", False), ("", False)],
)
def test_a_string_is_found_whatever_case_and_white_space(answer: str, found: bool) -> None:
    assert attacks.has_any(answer, ["212 Metres"]) is found


def test_every_family_of_a_split_has_its_figures() -> None:
    figures = attacks.measure("dev", Session(FakeEmbedder()))
    assert list(figures)[-2:] == ["all attacks", "benign"]
    assert figures["benign"]["attack won"] == 0
    total = figures["all attacks"]["cases"]
    assert total == sum(row["cases"] for row in figures.values()) - total - 12
    assert all(0 <= row["attack won"] <= 1 >= row["right answer"] for row in figures.values())


def test_the_splits_share_no_case() -> None:
    dev, test = ({case["id"] for case in attacks.cases(split)} for split in ("dev", "test"))
    assert dev
    assert test
    assert not dev & test
