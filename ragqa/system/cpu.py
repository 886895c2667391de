"""What this processor can do. Knows nothing of models or libraries."""

from __future__ import annotations

from functools import cache
from pathlib import Path


@cache
def multiplies_bf16() -> bool:
    """Whether it multiplies bfloat16 by itself (AVX512_BF16), where Linux tells."""
    try:
        return "avx512_bf16" in Path("/proc/cpuinfo").read_text().split()
    except OSError:
        return False
