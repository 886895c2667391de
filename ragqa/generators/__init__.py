"""Models that write: which kinds there are, and which one a name means.

To add a kind, write a module with a class as `base.Generator` has it and name it in `GENERATORS`.
Knows nothing of passages or answers.
"""

from __future__ import annotations

from pathlib import Path
from pkgutil import resolve_name
from typing import TYPE_CHECKING

from ragqa.models.catalogue import BUNDLED_GENERATOR
from ragqa.models.local import span_adapter

if TYPE_CHECKING:
    from ragqa.generators.base import Generator, TokenModel

# The first that takes a name has it.
GENERATORS = {"llama_cpp": "ragqa.generators.llama_cpp:LlamaCppGenerator"}
# What the bytes that they write may depend on: names of installed packages.
RUNTIMES = ("llama-cpp-python",)


def load_generator(
    model: str, context_tokens: int = 4096, threads: int = 0, directory: Path = Path()
) -> Generator:
    """The generator of that name; loaded at its first use. `threads` 0 means one for each core.

    A name that is a relative path is from `directory` on.

    Raises UsageError when there is none, ModelError when its file is damaged.
    """
    kinds = map(resolve_name, GENERATORS.values())
    kind = next(kind for kind in kinds if kind.takes(model))
    made: Generator = kind(model, context_tokens, threads, directory=directory)
    return made


def load_span_model(context_tokens: int = 4096, threads: int = 0) -> TokenModel:
    """The bundled model with the adapter that makes it point at words (`data/reader.md`).

    It is no choice of the user's, so there is no dict of them.
    """
    from ragqa.generators.llama_cpp import LlamaCppGenerator

    return LlamaCppGenerator(BUNDLED_GENERATOR, context_tokens, threads, span_adapter())
