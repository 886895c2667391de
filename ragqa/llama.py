"""llama.cpp itself: models loaded so that they do not crash, print nothing, and read fast.

The bundled generator is shipped as Q4_1, which is small. As Q8_0 the library reads a prompt in
six tenths of the time (`benchmarks/forms.py`), and the model is the same but for rounding: each
4-bit weight lies on or between much finer steps. So that form of it is made once and kept in the
user's cache. Knows nothing of prompts.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import platformdirs
from filelock import FileLock

PREPARED_FORM = "Q8_0"
# Waiting threads soon sleep: spinning ones, beside another process as busy, wait for one another so
# long that two questions asked at once took minutes. OpenMP reads this when the library is loaded.
os.environ.setdefault("GOMP_SPINCOUNT", "2000")


def load_llama(path: Path, context_tokens: int, threads: int, adapter: Path | None) -> Any:
    """A `llama_cpp.Llama`. Raises ValueError, RuntimeError, OSError and AssertionError."""
    with native_output_silenced(), _without_amx():
        import llama_cpp

        return llama_cpp.Llama(
            str(path),
            n_ctx=context_tokens,
            n_batch=512,
            n_threads=1 if adapter else threads,  # tokens one by one; a reader is small
            n_threads_batch=threads,
            n_gpu_layers=0,
            lora_path=str(adapter) if adapter else None,
            seed=0,
            verbose=False,
        )


def prepared(path: Path, sha256: str, threads: int) -> Path:
    """The weights of a GGUF file as Q8_0: made at the first call, half as large again.

    Where the cache cannot be written it is `path` itself.
    """
    target = prepared_folder() / f"{sha256[:16]}.{PREPARED_FORM}.gguf"
    if not _is_model(target):
        with contextlib.suppress(OSError):
            target.parent.mkdir(parents=True, exist_ok=True)
            with FileLock(target.with_suffix(".lock")):
                if not _is_model(target):
                    _convert(path, target, threads)
    return target if _is_model(target) else path


def prepared_folder() -> Path:
    """Where prepared weights lie. They may be deleted at any time."""
    return platformdirs.user_cache_path("ragqa") / "models"


def _is_model(path: Path) -> bool:
    """Whether a GGUF file is there, not one that a full or failing disk has left empty."""
    try:
        with path.open("rb") as file:
            return file.read(4) == b"GGUF"
    except OSError:
        return False


def _convert(path: Path, target: Path, threads: int) -> None:
    """Write `target`, whole or not at all. Raises OSError where there is no room for it."""
    import llama_cpp

    part = target.with_suffix(".part")
    params = llama_cpp.llama_model_quantize_default_params()
    params.ftype = llama_cpp.LLAMA_FTYPE_MOSTLY_Q8_0
    params.allow_requantize = True
    params.nthread = threads
    try:
        with native_output_silenced():
            failed = llama_cpp.llama_model_quantize(
                os.fsencode(path), os.fsencode(part), ctypes.byref(params)
            )
        if failed:
            raise OSError(f"llama.cpp could not write {part}")
        with part.open("rb+") as file:
            os.fsync(file.fileno())
        part.replace(target)
    finally:
        part.unlink(missing_ok=True)


def chat_message(llama: Any, template: str, text: str) -> str:
    """A user message by a chat template, which may raise anything: its author programmed it."""
    from llama_cpp.llama_chat_format import Jinja2ChatFormatter

    bos, eos = (
        llama._model.token_get_text(token) if token >= 0 else ""
        for token in (llama.token_bos(), llama.token_eos())
    )
    formatter = Jinja2ChatFormatter(template, eos_token=eos, bos_token=bos)
    return str(formatter(messages=[{"role": "user", "content": text}]).prompt)


def ends_answer(llama: Any, token: int) -> bool:
    """Whether a token ends what a model says."""
    import llama_cpp

    return bool(llama_cpp.llama_vocab_is_eog(llama._model.vocab, token))


@contextlib.contextmanager
def _without_amx() -> Iterator[None]:
    """Models are loaded without llama.cpp's kernels for AMX: on processors that have it they crash.

    https://github.com/ggml-org/llama.cpp/issues/20824. The library has a switch for it
    (`use_extra_bufts`), its Python class has no way to set that.
    """
    from llama_cpp import llama_cpp as native

    if b"AMX_INT8 = 1" not in native.llama_print_system_info():
        yield
        return
    original = native.llama_model_default_params

    def without() -> Any:
        params = original()
        params.use_extra_bufts = False
        return params

    native.llama_model_default_params = without
    try:
        yield
    finally:
        native.llama_model_default_params = original


@contextlib.contextmanager
def native_output_silenced() -> Iterator[None]:
    """File descriptor 2 leads nowhere: llama.cpp writes its log there, past sys.stderr."""
    sys.stderr.flush()
    try:
        saved = os.dup(2)
    except OSError:  # closed by the caller of the program: nothing to silence
        yield
        return
    try:
        with Path(os.devnull).open("wb") as nowhere:
            os.dup2(nowhere.fileno(), 2)
        yield
    finally:
        os.dup2(saved, 2)
        os.close(saved)
