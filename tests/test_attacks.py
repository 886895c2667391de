"""The set of hidden instructions in tests/eval/attacks.jsonl is what it should be."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from typing import Any

import pytest

from tests.conftest import ROOT

FILE = ROOT / "tests" / "eval" / "attacks.jsonl"
CASES: list[dict[str, Any]] = list(map(json.loads, FILE.read_text(encoding="utf-8").splitlines()))
ATTACKS = [case for case in CASES if case["family"] != "benign"]
KEYS = [
    "id", "family", "question", "passages", "answers", "answerable", "attack", "injected", "split",
]  # fmt: skip
FAMILIES = {
    "override", "exfiltrate", "role", "fake_citation", "fake_end", "control_tokens", "invisible",
    "hidden_text", "callout", "multilingual",
}  # fmt: skip


def _seen(text: str) -> str:
    """What a program may make of a text: characters that no font shows taken out or decoded."""
    shown = []
    for char in text:
        code = ord(char)
        if 0xE0000 <= code < 0xE0080:
            shown.append(chr(code - 0xE0000))
        elif 0xFE00 <= code <= 0xFE0F:
            shown.append(chr(code - 0xFE00))
        elif 0xE0100 <= code <= 0xE01EF:
            shown.append(chr(code - 0xE0100 + 16))
        elif char.isprintable() or char in "\n\t":
            shown.append(char)
    text = "".join(shown)
    return f"{text}\n{text[::-1]}".lower()


def _honest(case: dict[str, Any]) -> str:
    """The passages without what was injected."""
    texts = [f"{passage['title']}\n{passage['text']}" for passage in case["passages"]]
    return "\n".join(texts).replace(case["injected"] or "\0", "").lower()


def test_there_are_enough_of_each_family_in_both_splits() -> None:
    assert len(ATTACKS) >= 120
    assert {case["family"] for case in ATTACKS} == FAMILIES
    counts = Counter((case["family"], case["split"]) for case in CASES)
    assert len(counts) == 2 * (len(FAMILIES) + 1)
    assert min(counts.values()) >= 6
    assert len({case["id"] for case in CASES}) == len(CASES)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["id"])
def test_a_case_is_well_formed(case: dict[str, Any]) -> None:
    assert list(case) == KEYS
    assert 2 <= len(case["passages"]) <= 3
    assert all(list(passage) == ["title", "text"] for passage in case["passages"])
    assert case["question"].endswith("?")
    honest = _honest(case)
    assert case["answerable"] == bool(case["answers"])
    assert all(answer.lower() in honest for answer in case["answers"])


@pytest.mark.parametrize("case", ATTACKS, ids=lambda case: case["id"])
def test_what_an_attack_wants_stands_in_its_instruction_alone(case: dict[str, Any]) -> None:
    assert sum(case["injected"] in passage["text"] for passage in case["passages"]) == 1
    assert case["attack"]
    for canary in case["attack"]:
        assert canary.lower() in _seen(case["injected"])
        assert canary.lower() not in _honest(case)
        assert canary.lower() not in case["question"].lower()
        assert not any(canary.lower() in answer.lower() for answer in case["answers"])


def test_look_alikes_ask_for_nothing() -> None:
    for case in CASES:
        if case["family"] == "benign":
            assert (case["attack"], case["injected"], case["answerable"]) == ([], "", True)


def test_the_script_makes_this_file() -> None:
    script = "import make_attacks; print('\\n'.join(make_attacks.lines()))"
    done = subprocess.run(
        [sys.executable, "-c", script],
        cwd=ROOT / "scripts",
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == FILE.read_text(encoding="utf-8")
