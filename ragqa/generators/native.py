"""llama.cpp itself: models loaded so that they do not crash, print nothing, and read fast.

Knows nothing of prompts, or of where weights come from.
"""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ragqa.generators.base import Message
from ragqa.system.descriptors import stderr_in_use

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
            n_threads=threads,
            n_threads_batch=threads,
            n_gpu_layers=0,
            flash_attn=True,
            lora_path=str(adapter) if adapter else None,
            seed=0,
            verbose=False,
        )


def is_built_for_bf16() -> bool:
    """Whether llama.cpp was built for a processor that multiplies this form of numbers."""
    with native_output_silenced():
        import llama_cpp

        return b"AVX512_BF16 = 1" in llama_cpp.llama_print_system_info()


def scores_after(
    llama: Any, tokens: Sequence[int], past: int, last: int
) -> npt.NDArray[np.float32]:
    """Scores of what may follow each of the `last` of `tokens`: float32 [last, vocabulary].

    The class computes them after the last token of all, or keeps those of the whole context.
    `past` is how many tokens were read before these. Raises RuntimeError.
    """
    context, batch = llama._ctx, llama._batch
    rows = []
    context.kv_cache_seq_rm(-1, past, -1)
    with native_output_silenced():
        for start in range(0, len(tokens), llama.n_batch):
            part = tokens[start : start + llama.n_batch]
            wanted = range(max(0, len(tokens) - last - start), len(part))
            batch.set_batch(part, past + start, logits_all=False)
            for i in wanted:
                batch.batch.logits[i] = True
            context.decode(batch)
            found = (context.get_logits_ith(i) for i in wanted)
            rows += [np.ctypeslib.as_array(row, (llama.n_vocab(),)).copy() for row in found]
    return np.stack(rows)


def chat_text(llama: Any, template: str, messages: Sequence[Message]) -> str:
    """A conversation by a chat template, which may raise anything: its author programmed it."""
    from llama_cpp.llama_chat_format import Jinja2ChatFormatter

    bos, eos = (
        llama._model.token_get_text(token) if token >= 0 else ""
        for token in (llama.token_bos(), llama.token_eos())
    )
    formatter = Jinja2ChatFormatter(template, eos_token=eos, bos_token=bos)
    said: list[Any] = [{"role": one.role, "content": one.text} for one in messages]
    return str(formatter(messages=said).prompt)


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
    with stderr_in_use:
        yield from _silenced()


def _silenced() -> Iterator[None]:
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
