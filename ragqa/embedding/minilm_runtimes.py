"""What computes MiniLM: token ids and mask, int64 [batch, width] -> vectors and token vectors.

Both give float32 [batch, dimension], mean-pooled and normalized, and [batch, width, dimension], and
use one thread for each call: many calls at once are faster than one with many threads. Knows
nothing of texts.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ragqa.embedding.encodings import Vectors

GRAPH = Path(__file__).parents[1] / "data" / "minilm.onnx"
Ids = npt.NDArray[np.int64]


class OnnxGraph:
    """Our graph in onnxruntime, which starts in a third of a second; weights from safetensors."""

    def __init__(self, weights: Path) -> None:
        # From 1.29 on, onnxruntime's wheels send usage data to Microsoft unless they are told not
        # to before they are imported (https://github.com/microsoft/onnxruntime/pull/27379).
        os.environ["ORT_DISABLE_TELEMETRY"] = "1"
        import onnxruntime

        graph = GRAPH.read_bytes()
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
