"""The set of contradictions in tests/eval/contradictions.jsonl is what it should be."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

import pytest

from tests.conftest import ROOT

FILE = ROOT / "tests" / "eval" / "contradictions.jsonl"
CASES: list[dict[str, Any]] = list(map(json.loads, FILE.read_text(encoding="utf-8").splitlines()))


def test_there_are_as_many_look_alikes_as_contradictions() -> None:
    counts = Counter((bool(case["disagreeing"]), case["split"]) for case in CASES)
    assert dict(counts) == {
        (kind, split): 20 for kind in (True, False) for split in ("dev", "test")
    }
    assert len({case["id"] for case in CASES}) == len(CASES)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["id"])
def test_a_case_is_well_formed(case: dict[str, Any]) -> None:
    gold = [case["passages"][number - 1]["text"] for number in case["gold_passage"]]
    assert all(any(value in text for text in gold) for value in case["answers"])
    if case["disagreeing"]:
        assert case["disagreeing"] == case["answers"] and len(gold) == 2
        assert all(sum(value in text for value in case["answers"]) == 1 for text in gold)
    else:
        assert len(case["answers"]) in (1, len(gold))
