"""What this processor can do, and how many threads do it. Knows nothing of models."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from threading import Lock
from types import TracebackType
from typing import Any


@cache
def multiplies_bf16() -> bool:
    """Whether it multiplies bfloat16 by itself (AVX512_BF16), where Linux tells."""
    try:
        return "avx512_bf16" in Path("/proc/cpuinfo").read_text().split()
    except OSError:
        return False


class BlasLimit:
    """Within it numpy's products have one thread each, however many callers are in it.

    The library's own limit is the whole process's: of two callers the one that came second would
    give back the limit of the first.
    """

    def __init__(self) -> None:
        self._counting, self._callers = Lock(), 0
        self._limit: Any = None

    def __enter__(self) -> None:
        from threadpoolctl import threadpool_limits

        with self._counting:
            self._callers += 1
            if self._callers == 1:
                self._limit = threadpool_limits(1, "blas")

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        with self._counting:
            self._callers -= 1
            if not self._callers:
                self._limit.restore_original_limits()
