"""What the processor can do, as Linux tells it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from ragqa.system.cpu import multiplies_bf16


@pytest.fixture(autouse=True)
def _forgotten() -> Iterator[None]:
    """Not what it was the last time."""
    multiplies_bf16.cache_clear()
    yield
    multiplies_bf16.cache_clear()


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        ("flags\t\t: fpu avx512f avx512_bf16 amx_bf16\n", True),
        ("flags\t\t: fpu avx512f amx_bf16\n", False),
        ("flags\t\t: fpu xavx512_bf16 avx512_bf16x\n", False),
        ("", False),
    ],
)
def test_a_processor_says_whether_it_multiplies_bfloat16(
    monkeypatch: pytest.MonkeyPatch, told: str, expected: bool
) -> None:
    monkeypatch.setattr(Path, "read_text", lambda self: told)
    assert multiplies_bf16() is expected


def test_where_nothing_is_told_it_does_not(monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(self: Path) -> str:
        raise FileNotFoundError(self)

    monkeypatch.setattr(Path, "read_text", fails)
    assert multiplies_bf16() is False


def test_it_is_asked_once(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Path] = []
    monkeypatch.setattr(Path, "read_text", lambda self: str(asked.append(self)))
    assert multiplies_bf16() is multiplies_bf16()
    assert asked == [Path("/proc/cpuinfo")]
