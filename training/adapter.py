"""LoRA (Hu et al. 2021): beside each frozen matrix W a product B A of low rank, which is trained.

Written out, because the well-known library's version costs an eighth more time on a processor
(casts to float32 at every layer), and twenty lines need no framework. Knows nothing of the data.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import nn
from torch.nn.functional import linear

RANK, ALPHA = 16, 32


class LoraLinear(nn.Module):
    """x -> W x + (alpha / rank) B A x; A and B are kept in float32."""

    def __init__(self, base: nn.Linear) -> None:
        super().__init__()
        device = base.weight.device
        self.weight = nn.Parameter(base.weight.data.bfloat16(), requires_grad=False)
        scale = base.in_features**-0.5
        self.lora_a = nn.Parameter(torch.randn(RANK, base.in_features, device=device) * scale)
        self.lora_b = nn.Parameter(torch.zeros(base.out_features, RANK, device=device))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Shapes (..., in) -> (..., out), in bfloat16."""
        low = linear(x, self.lora_a.bfloat16())
        return linear(x, self.weight) + linear(low, (self.lora_b * (ALPHA / RANK)).bfloat16())


def add_adapter(model: Any) -> dict[str, nn.Parameter]:
    """Put an adapter beside every linear layer but the last; the trained parameters by name."""
    model.requires_grad_(False)
    for name, module in list(model.named_modules()):
        if isinstance(module, nn.Linear) and name != "lm_head":
            above, _, last = name.rpartition(".")
            setattr(model.get_submodule(above), last, LoraLinear(module))
    return {name: p for name, p in model.named_parameters() if p.requires_grad}
