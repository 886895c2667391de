"""Which files on this machine a model's name means: of the catalogue, a path, the hub's cache.

Nothing is fetched. Knows nothing of how a model is run.
"""

from __future__ import annotations

import hashlib
import os
import re
from pathlib import Path

from ragqa.errors import ModelError, UsageError
from ragqa.models.catalogue import CATALOGUE, entry
from ragqa.models.hashes import checked_hash, file_hash
from ragqa.system.files import data_file

HUB_NAME = re.compile(r"[\w.-]+/[\w.-]+")


def span_adapter() -> Path:
    """The adapter with which the bundled generator points at words; see `data/reader.md`."""
    return data_file("reader.gguf")


def generator_file(model: str, directory: Path = Path()) -> tuple[str, Path, str]:
    """Name, path and SHA-256 of a GGUF model given by catalogue name or path.

    A relative path is from `directory` on; errors name it as it was given.

    Raises UsageError for a file that does not exist, ModelError for one that is not GGUF or,
    when bundled, not the file that it should be.
    """
    known = entry(model, "generator")
    given = known.path() if known else Path(model).expanduser()
    path = directory / given
    if not known:
        _require(path, model, "generator", is_file=True)
    try:
        with path.open("rb") as file:
            is_gguf = file.read(4) == b"GGUF"
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise ModelError(f"cannot read the model {given}: {reason}", "name another file") from error
    if not is_gguf:
        raise ModelError(f"not a GGUF model: {given}", "name a file that ends in .gguf")
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


def _require(path: Path, name: str, kind: str, is_file: bool) -> None:
    """UsageError unless the path exists and is of the right sort."""
    if path.is_file() if is_file else path.is_dir():
        return
    names = ", ".join(candidate.name for candidate in CATALOGUE if candidate.kind == kind)
    what = "a GGUF file" if is_file else "a sentence-transformers folder"
    raise UsageError(f"no such model: {name}", f"give the path of {what}, or one of: {names}")
