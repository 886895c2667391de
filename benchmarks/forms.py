"""How fast does the reader read, with its adapter beside the weights and in them?

    python benchmarks/forms.py [--runs N]

The bundled generator as it is shipped, and both forms that are made of it, take turns: a prompt of
300 tokens, then single tokens after it. Medians of N runs, with their range.
"""

from __future__ import annotations

import argparse
import os
import platform
import statistics
import time
from pathlib import Path

from ragqa.generation import LlamaCppGenerator
from ragqa.models import BUNDLED_GENERATOR, generator_file, reader_adapter
from ragqa.weights import OTHERWISE, WITH_BF16, prepared

PROMPT_TOKENS, STEPS = 300, 20
TEXT = (Path(__file__).parent.parent / "README.md").read_text(encoding="utf-8")


def seconds(model: LlamaCppGenerator, tokens: list[int]) -> tuple[float, float]:
    """The time of the prompt, and of one token after it."""
    started = time.perf_counter()
    model.logits(tokens, 0)
    read = time.perf_counter()
    for step in range(STEPS):
        model.logits(tokens[:1], len(tokens) + step)
    return read - started, (time.perf_counter() - read) / STEPS


def main() -> None:
    """Measure both, print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--runs", type=int, default=5)
    options = parser.parse_args()
    _, path, sha256 = generator_file(BUNDLED_GENERATOR)
    adapter = reader_adapter()
    models = {"as shipped": LlamaCppGenerator(str(path), 2048, 0, adapter)}
    files = {"as shipped": path}
    for form in (OTHERWISE, WITH_BF16):
        if made := prepared(path, sha256, adapter, form):
            files[form], models[form] = made, LlamaCppGenerator(str(made), 2048)
    found: dict[str, list[tuple[float, float]]] = {name: [] for name in models}
    for run in range(options.runs + 1):  # the first one loads
        for name, model in models.items():
            pair = seconds(model, model.encode(TEXT)[:PROMPT_TOKENS])
            found[name] += [pair] if run else []
    print(f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}")
    print(f"{'':<14}{'MB':>5}{f'{PROMPT_TOKENS} tokens, s':>16}{'range':>14}{'a token, ms':>13}")
    for name, taken in found.items():
        prompts, steps = [one[0] for one in taken], [one[1] for one in taken]
        print(
            f"{name:<14}{files[name].stat().st_size // 1_000_000:>5}"
            f"{statistics.median(prompts):>16.2f}{f'{min(prompts):.2f}-{max(prompts):.2f}':>14}"
            f"{1000 * statistics.median(steps):>13.1f}"
        )


if __name__ == "__main__":
    main()
