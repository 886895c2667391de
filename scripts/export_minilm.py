"""Writes ragqa/data/minilm.onnx: the graph of all-MiniLM-L6-v2 without its weights.

    python scripts/export_minilm.py     (needs the `export` extra: onnx, onnxscript)

The graph takes token ids and an attention mask, both int64 [batch, sequence], and returns
normalized sentence embeddings, float32 [batch, 384]: mean pooling and normalization are in it, as
the model card of sentence-transformers/all-MiniLM-L6-v2 describes; and, for late interaction, the
vectors of the single tokens that were pooled, float32 [batch, sequence, 384]. Its large
initializers are external and carry the names of the tensors in `model.safetensors`;
`ragqa.embedding.minilm_runtimes` hands them to onnxruntime when it opens the session. So the
package ships some 40 KB instead of a second copy of 90 MB of weights.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import torch
from onnx import TensorProto, helper, numpy_helper
from safetensors.numpy import load_file
from transformers import AutoModel

from ragqa.models.catalogue import BUNDLED_EMBEDDER
from ragqa.models.local import embedder_folder
from ragqa.system.files import data_file

SMALL = 64  # initializers of fewer elements are constants of the graph, not weights


class SentenceEncoder(torch.nn.Module):
    """BERT, mean pooling over the real tokens, L2 normalization."""

    def __init__(self, encoder: torch.nn.Module) -> None:
        super().__init__()
        self.encoder = encoder

    def forward(
        self, input_ids: torch.Tensor, attention_mask: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Embeddings and token vectors of token ids and mask, both int64 [batch, sequence]."""
        hidden = self.encoder(
            input_ids=input_ids,
            attention_mask=attention_mask,
            token_type_ids=torch.zeros_like(input_ids),
        ).last_hidden_state
        weight = attention_mask.unsqueeze(-1).to(hidden.dtype)
        pooled = (hidden * weight).sum(1) / weight.sum(1).clamp(min=1e-9)
        return torch.nn.functional.normalize(pooled, dim=1), hidden


def export(folder: Path) -> onnx.ModelProto:
    """The whole graph with weights in it."""
    encoder = AutoModel.from_pretrained(folder, attn_implementation="eager").eval()
    ids = torch.randint(1000, 2000, (2, 16))
    axes = {0: torch.export.Dim("batch", max=4096), 1: torch.export.Dim("sequence", min=2, max=512)}
    program = torch.onnx.export(
        SentenceEncoder(encoder).eval(),
        (ids, torch.ones_like(ids)),
        dynamo=True,
        dynamic_shapes={"input_ids": axes, "attention_mask": axes},
        input_names=["input_ids", "attention_mask"],
        output_names=["embedding", "tokens"],
    )
    program.optimize()
    return program.model_proto


def without_weights(model: onnx.ModelProto, weights: dict[str, np.ndarray]) -> onnx.ModelProto:
    """The graph with its weights named after `weights`, transposed by nodes where needed."""
    graph = model.graph
    kept, transposes, external = [], [], {}
    for tensor in graph.initializer:
        value = numpy_helper.to_array(tensor)
        if value.size < SMALL or value.dtype != np.float32:
            kept.append(tensor)
            continue
        name, transposed = find(value, weights)
        external[name] = weights[name].shape
        op = "Transpose" if transposed else "Identity"
        transposes.append(helper.make_node(op, [name], [tensor.name]))
    del graph.initializer[:]
    graph.initializer.extend(kept + [reference(name, shape) for name, shape in external.items()])
    nodes = transposes + list(graph.node)
    for node in nodes:
        del node.metadata_props[:]
        node.doc_string = ""
    del graph.node[:]
    graph.node.extend(nodes)
    del graph.value_info[:]
    del model.metadata_props[:], graph.metadata_props[:]
    return model


def find(value: np.ndarray, weights: dict[str, np.ndarray]) -> tuple[str, bool]:
    """The tensor that equals `value`, or its transpose."""
    for name, weight in weights.items():
        if weight.shape == value.shape and np.array_equal(weight, value):
            return name, False
        if weight.ndim == 2 and weight.T.shape == value.shape and np.array_equal(weight.T, value):
            return name, True
    raise LookupError(f"no tensor of shape {value.shape} has these values")


def reference(name: str, shape: tuple[int, ...]) -> TensorProto:
    """An external initializer: a name and a shape, the data comes at load time."""
    tensor = TensorProto(name=name, data_type=TensorProto.FLOAT, dims=shape)
    tensor.data_location = TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value="model.safetensors")
    return tensor


def main() -> None:
    """Export, strip, save."""
    folder = embedder_folder(BUNDLED_EMBEDDER)
    model = without_weights(export(folder), load_file(folder / "model.safetensors"))
    target = data_file("minilm.onnx")
    target.write_bytes(model.SerializeToString())
    print(f"{target}: {target.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
