"""The span model's weights made ready for this processor: generator and adapter in one file.

With the adapter beside the weights as shipped, a prompt takes two to three times as long
(`benchmarks/speed.py`). The sum is made at the first use, in the form that llama.cpp reads fastest
here, and kept in the user's cache. Knows nothing of prompts, or of how a model is loaded.
"""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

import platformdirs
from filelock import FileLock

from ragqa.generators.native import is_built_for_bf16
from ragqa.models.hashes import file_hash

if TYPE_CHECKING:
    from gguf import GGMLQuantizationType, GGUFReader, GGUFWriter, ReaderTensor

WITH_BF16, OTHERWISE = "BF16", "Q8_0"
ROOM = 300_000_000  # bytes
FILE_TYPE = "general.file_type"


def prepared(
    base: Path, sha256: str, adapter: Path, form: str, begun: Callable[[], None] = lambda: None
) -> Path | None:
    """A file with the weights of `base` and `adapter` (both GGUF) in one; `sha256` is the base's.

    Made at the first call, in a few seconds, of which `begun` is told. None where the cache cannot
    be written.
    """
    target = prepared_folder() / f"{sha256[:16]}-{file_hash(adapter)[:8]}.{form}.gguf"
    if not _is_model(target):
        with contextlib.suppress(OSError):
            target.parent.mkdir(parents=True, exist_ok=True)
            # Where there is no room it would be tried in vain each time.
            if shutil.disk_usage(target.parent).free < ROOM:
                return None
            begun()
            with FileLock(target.with_suffix(".lock")):
                if not _is_model(target):
                    _merge(base, adapter, form, target)
    return target if _is_model(target) else None


def prepared_folder() -> Path:
    """Where prepared weights lie. They may be deleted at any time."""
    return platformdirs.user_cache_path("ragqa") / "models"


def fastest_form() -> str:
    """BF16 where the processor multiplies it by itself, else Q8_0."""
    return WITH_BF16 if is_built_for_bf16() else OTHERWISE


def _is_model(path: Path) -> bool:
    """Whether a GGUF file is there, not one that a full or failing disk has left empty."""
    try:
        with path.open("rb") as file:
            return file.read(4) == b"GGUF"
    except OSError:
        return False


def _merge(base: Path, adapter: Path, form: str, target: Path) -> None:
    """Write `target`, whole or not at all. Raises OSError where there is no room for it."""
    from gguf import GGUFReader, GGUFWriter

    part = target.with_suffix(".part")
    try:
        model = GGUFReader(base)
        writer = GGUFWriter(part, str(model.fields["general.architecture"].contents()))
        _copy_fields(model, writer, form)
        _add_tensors(model, GGUFReader(adapter), writer, form)
        writer.write_header_to_file()
        writer.write_kv_data_to_file()
        writer.write_tensors_to_file()
        writer.close()
        with part.open("rb+") as file:
            os.fsync(file.fileno())
        part.replace(target)
    finally:
        part.unlink(missing_ok=True)


def _copy_fields(model: GGUFReader, writer: GGUFWriter, form: str) -> None:
    """All that a model's file says of itself but the form of its weights."""
    from gguf import GGUFValueType, LlamaFileType

    for field in model.fields.values():
        if field.name.startswith("GGUF.") or field.name == "general.architecture":
            continue  # the writer's own
        value = LlamaFileType[f"MOSTLY_{form}"] if field.name == FILE_TYPE else field.contents()
        of = field.types[-1] if field.types[0] == GGUFValueType.ARRAY else None
        writer.add_key_value(field.name, value, field.types[0], of)


def _add_tensors(model: GGUFReader, adapter: GGUFReader, writer: GGUFWriter, form: str) -> None:
    """All weights: those that the adapter changes in the form that is wanted, the rest as is."""
    from gguf import GGMLQuantizationType

    alpha = float(adapter.fields["adapter.lora.alpha"].contents())
    parts = {tensor.name: tensor for tensor in adapter.tensors}

    def made(tensor: ReaderTensor) -> tuple[Any, GGMLQuantizationType]:
        a, b = (parts.get(f"{tensor.name}.lora_{side}") for side in "ab")
        if a is None or b is None:
            return tensor.data, tensor.tensor_type
        wanted = GGMLQuantizationType[form]
        return _merged(tensor, a, b, alpha, wanted), wanted

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for tensor, (data, kind) in zip(model.tensors, pool.map(made, model.tensors), strict=True):
            writer.add_tensor(tensor.name, data, raw_dtype=kind)


def _merged(
    tensor: ReaderTensor,
    a: ReaderTensor,
    b: ReaderTensor,
    alpha: float,
    wanted: GGMLQuantizationType,
) -> Any:
    """The bytes of W + alpha / rank B A (Hu et al. 2021, "LoRA", arXiv:2106.09685)."""
    from gguf import quants

    weight, down, up = (quants.dequantize(one.data, one.tensor_type) for one in (tensor, a, b))
    return quants.quantize(weight + (alpha / down.shape[0]) * (up @ down), wanted)
