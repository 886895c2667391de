"""Write a trained adapter as GGUF, the form that llama.cpp loads; read one to train it further.

    python training/convert.py RUN OUT.gguf

RUN is what `train.py` wrote. Matrices are stored as float16. Names and metadata are those of the
GGUF specification and of llama.cpp's own converter (https://github.com/ggml-org/llama.cpp,
convert_lora_to_gguf.py). Needs the extra `train`.
"""

from __future__ import annotations

import argparse
import re
from pathlib import Path
from typing import Any

import gguf
import numpy as np
import torch
from adapter import ALPHA
from transformers import AutoConfig

from ragqa.models.catalogue import BUNDLED_GENERATOR
from ragqa.models.local import generator_file

NAMES = {
    "self_attn.q_proj": "attn_q",
    "self_attn.k_proj": "attn_k",
    "self_attn.v_proj": "attn_v",
    "self_attn.o_proj": "attn_output",
    "mlp.gate_proj": "ffn_gate",
    "mlp.up_proj": "ffn_up",
    "mlp.down_proj": "ffn_down",
}
KEY = re.compile(r"layers\.(\d+)\.(.+)\.lora_([ab])$")


def permuted(rows: np.ndarray[Any, Any], heads: int) -> np.ndarray[Any, Any]:
    """The rows of a query or key projection in llama.cpp's order of rotary dimensions."""
    size = rows.shape[0] // heads // 2
    return rows.reshape(heads, 2, size, -1).swapaxes(1, 2).reshape(rows.shape)


def restored(rows: np.ndarray[Any, Any], heads: int) -> np.ndarray[Any, Any]:
    """What `permuted` was given."""
    size = rows.shape[0] // heads // 2
    return rows.reshape(heads, size, 2, -1).swapaxes(1, 2).reshape(rows.shape)


def heads_of(name: str) -> int | None:
    """How many heads a projection has whose rows llama.cpp orders otherwise; None: it does not."""
    _, path, _ = generator_file(BUNDLED_GENERATOR)
    config = AutoConfig.from_pretrained(path.parent, gguf_file=path.name)
    heads = {"q_proj": config.num_attention_heads, "k_proj": config.num_key_value_heads}
    return heads.get(name.rpartition(".")[2])


def write(adapter: dict[str, torch.Tensor], alpha: float, out: Path) -> None:
    """`adapter` maps the names of parameters to matrices."""
    heads = {name: heads_of(name) for name in NAMES}
    writer = gguf.GGUFWriter(out, "llama")
    writer.add_type("adapter")
    writer.add_string("adapter.type", "lora")
    writer.add_float32("adapter.lora.alpha", alpha)
    for key, tensor in sorted(adapter.items()):
        found = KEY.search(key)
        if not found:
            raise SystemExit(f"not a matrix of an adapter: {key}")
        layer, name, side = found.groups()
        matrix = tensor.float().cpu().numpy()
        if side == "b" and (count := heads[name]):
            matrix = permuted(matrix, count)
        writer.add_tensor(
            f"blk.{layer}.{NAMES[name]}.weight.lora_{side}", matrix.astype(np.float16)
        )
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def read(path: Path) -> dict[str, torch.Tensor]:
    """The matrices of an adapter by the names of its parameters."""
    names = {short: name for name, short in NAMES.items()}
    heads = {name: heads_of(name) for name in NAMES}
    found = {}
    for tensor in gguf.GGUFReader(path).tensors:
        _, layer, short, _, last = tensor.name.split(".")
        name, side = names[short], last[-1]
        matrix = np.array(tensor.data, dtype=np.float32)
        if side == "b" and (count := heads[name]):
            matrix = restored(matrix, count)
        found[f"model.layers.{layer}.{name}.lora_{side}"] = torch.from_numpy(matrix.copy())
    return found


def main() -> None:
    """Convert the run's last state."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("run", type=Path)
    parser.add_argument("out", type=Path)
    options = parser.parse_args()
    state = torch.load(options.run / "state.pt", map_location="cpu")
    write(state["adapter"], ALPHA, options.out)
    print(f"{options.out}: {options.out.stat().st_size / 1e6:.1f} MB")


if __name__ == "__main__":
    main()
