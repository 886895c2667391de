"""What computes MiniLM: token ids and mask, int64 [batch, width] -> vectors and token vectors.

Both give float32 [batch, dimension], mean-pooled and normalized, and [batch, width, dimension], and
use one thread for each call: many calls at once are faster than one with many threads. Knows
nothing of texts.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ragqa.embedding.base import Vectors
from ragqa.system.files import data_file

if TYPE_CHECKING:
    from torch import Tensor

LAYERS, HEADS, EPSILON = 6, 12, 1e-12
GRAPH = "minilm.onnx"
Ids = npt.NDArray[np.int64]


class OnnxGraph:
    """Our graph in onnxruntime, which starts in a third of a second; weights from safetensors."""

    def __init__(self, weights: Path) -> None:
        # From 1.29 on, onnxruntime's wheels send usage data to Microsoft unless they are told not
        # to before they are imported (https://github.com/microsoft/onnxruntime/pull/27379).
        os.environ["ORT_DISABLE_TELEMETRY"] = "1"
        import onnxruntime

        graph = data_file(GRAPH).read_bytes()
        used = {name: one for name, one in mapped(weights).items() if name.encode() in graph}
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        options.log_severity_level = 3
        # Threads that wait busily would take the cores from what comes next: FAISS, SQLite, numpy.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        values = [onnxruntime.OrtValue.ortvalue_from_numpy(value) for value in used.values()]
        options.add_external_initializers(list(used), values)
        providers = ["CPUExecutionProvider"]
        self._session: Any = onnxruntime.InferenceSession(graph, options, providers=providers)

    def run(self, ids: Ids, mask: Ids) -> tuple[Vectors, Vectors]:
        """Vectors and token vectors."""
        inputs = {"input_ids": ids, "attention_mask": mask}
        vectors, tokens = self._session.run(["embedding", "tokens"], inputs)
        return vectors, tokens


class Bfloat16Torch:
    """The same model (Devlin et al. 2018, "BERT", arXiv:1810.04805) in torch, products in bfloat16.

    Half as fast again as the graph where the processor multiplies bfloat16 by itself, but torch
    takes a second to import. What is added up stays float32: cosines with the graph's vectors are
    .9999 and more. It is written out because transformers takes three seconds to import, and
    torch's TransformerEncoder is slower than the graph.
    """

    def __init__(self, weights: Path, threads: int) -> None:
        # Each width of a batch has programs of its own in oneDNN, which keeps 1,024: 300 MB.
        os.environ.setdefault("ONEDNN_PRIMITIVE_CACHE_CAPACITY", str(4 * threads))
        import torch

        self._tensors: dict[str, Tensor] = {}
        for name, values in mapped(weights).items():
            tensor = torch.from_numpy(values)
            multiplies = "encoder.layer." in name and "LayerNorm" not in name
            self._tensors[name] = tensor.bfloat16() if multiplies else tensor

    def run(self, ids: Ids, mask: Ids) -> tuple[Vectors, Vectors]:
        """Vectors and token vectors."""
        import torch

        torch.set_num_threads(1)  # of this thread and of later ones
        with torch.inference_mode():
            real = torch.from_numpy(mask).bool()
            tokens = self._embedded(torch.from_numpy(ids))
            for layer in range(LAYERS):
                tokens = self._layer(f"encoder.layer.{layer}", tokens, real[:, None, None])
            summed = (tokens * real[..., None]).sum(1)  # a mean's length is lost in normalizing
            return torch.nn.functional.normalize(summed).numpy(), tokens.numpy()

    def _embedded(self, ids: Tensor) -> Tensor:
        words, places, kinds = (
            self._tensors[f"embeddings.{name}_embeddings.weight"]
            for name in ("word", "position", "token_type")
        )
        return self._norm("embeddings", words[ids] + places[: ids.shape[1]] + kinds[0])

    def _layer(self, name: str, tokens: Tensor, real: Tensor) -> Tensor:
        from torch.nn import functional

        query, key, value = (
            self._linear(f"{name}.attention.self.{part}", tokens)
            .view(*tokens.shape[:2], HEADS, -1)
            .transpose(1, 2)
            for part in ("query", "key", "value")
        )
        attended = functional.scaled_dot_product_attention(query, key, value, attn_mask=real)
        attended = attended.transpose(1, 2).flatten(2)
        tokens = tokens + self._linear(f"{name}.attention.output.dense", attended)
        tokens = self._norm(f"{name}.attention.output", tokens)
        inner = functional.gelu(self._linear(f"{name}.intermediate.dense", tokens))
        return self._norm(f"{name}.output", tokens + self._linear(f"{name}.output.dense", inner))

    def _linear(self, name: str, tokens: Tensor) -> Tensor:
        from torch.nn import functional

        weight, bias = self._tensors[f"{name}.weight"], self._tensors[f"{name}.bias"]
        return functional.linear(tokens.bfloat16(), weight, bias)

    def _norm(self, name: str, tokens: Tensor) -> Tensor:
        from torch.nn import functional

        weight, bias = (self._tensors[f"{name}.LayerNorm.{part}"] for part in ("weight", "bias"))
        return functional.layer_norm(tokens, weight.shape, weight, bias, EPSILON)


def mapped(path: Path) -> dict[str, Vectors]:
    """The float32 tensors of a safetensors file, mapped: the library's own reader would copy them.

    https://github.com/huggingface/safetensors#format: the header's length, the header, the data.
    """
    data = np.memmap(path, mode="c", dtype=np.uint8)
    start = 8 + int(data[:8].view("<u8")[0])
    header: dict[str, Any] = json.loads(bytes(data[8:start]))
    return {
        name: data[start:][slice(*about["data_offsets"])].view(np.float32).reshape(about["shape"])
        for name, about in header.items()
        if about.get("dtype") == "F32"
    }
