"""Linear layers with weights of 4 or 8 bits for decoding on a CPU, where reading the weights is what takes the time."""

from __future__ import annotations

from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from yanshi.errors import InputError

GROUP = 32
"""Inputs that share a scale and an offset in 4 bits: as in GGUF's Q4_1, so what came in that format stays as it was."""
FEW = 8
"""Rows up to which the packed weights are read; more are faster with a matrix product in bfloat16."""
_MULTIPLE = 64
"""The kernels want this many outputs, or a multiple."""


class PackedLinear(nn.Module):
    """y = W x + b: few rows by a kernel that reads packed weights, many (a prompt) by the bfloat16 weights.

    8 bits: w ≈ s q with one scale for each output. 4 bits: w ≈ s (q - 8) + z with a scale and an offset for each
    `GROUP` inputs of an output. Activations stay bfloat16, since rounding them to 8 bits costs far more accuracy.
    """

    def __init__(self, linear: nn.Linear, bits: Literal[4, 8]) -> None:
        """Pack the weights of `linear`, whose bfloat16 weights are kept.

        Raises:
            InputError: If they are not on a CPU, or have no multiple of `GROUP` inputs.
        """
        super().__init__()
        weight = linear.weight
        if weight.device.type != "cpu":
            raise InputError(f"Packed weights are for CPUs; the model is on {weight.device}.")
        if weight.shape[1] % GROUP:
            raise InputError(f"Packed weights need a multiple of {GROUP} inputs, a layer has {weight.shape[1]}.")
        self.out_features, self.in_features = weight.shape
        self.bits = bits
        self.weight = weight
        self.bias = linear.bias
        padded = F.pad(weight.detach().float(), (0, 0, 0, -weight.shape[0] % _MULTIPLE))
        packed, scales = _pack8(padded) if bits == 8 else _pack4(padded)
        # Not persistent: a saved model has the weights alone.
        self.register_buffer("packed", packed, persistent=False)
        self.register_buffer("scales", scales, persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        """(…, in) → (…, out)."""
        rows = x.reshape(-1, self.in_features)
        if len(rows) > FEW:
            return F.linear(x, self.weight, self.bias)
        if self.bits == 8:
            y: Tensor = torch.ops.aten._weight_int8pack_mm(rows, self.packed, self.scales)
        else:
            y = torch.ops.aten._weight_int4pack_mm_for_cpu(rows, self.packed, GROUP, self.scales)
        y = y[:, : self.out_features].reshape(*x.shape[:-1], self.out_features)
        return y if self.bias is None else y + self.bias


def _pack8(weight: Tensor) -> tuple[Tensor, Tensor]:
    """(out, in) float32 → int8 of that shape and scales (out,) bfloat16."""
    scales = (weight.abs().amax(1) / 127.0).clamp(min=1e-8).bfloat16()
    return (weight / scales.float()[:, None]).round().clamp(-127, 127).to(torch.int8), scales


def _pack4(weight: Tensor) -> tuple[Tensor, Tensor]:
    """(out, in) float32 → packed 4-bit numbers, and (groups, out, 2) bfloat16 scale and offset of the middle."""
    out, columns = weight.shape
    groups = weight.reshape(out, columns // GROUP, GROUP)
    low, high = groups.amin(-1, keepdim=True), groups.amax(-1, keepdim=True)
    scale = ((high - low) / 15.0).clamp(min=1e-8).bfloat16().float()
    offset = (low + 8.0 * scale).bfloat16().float()
    # Rounded against the scale and offset that the kernel will use, not against those before their own rounding.
    q = ((groups - offset) / scale + 8.0).round().clamp(0, 15).to(torch.int32).reshape(out, columns)
    scales = torch.stack((scale[..., 0].t(), offset[..., 0].t()), dim=-1).contiguous().bfloat16()
    return torch.ops.aten._convert_weight_to_int4pack_for_cpu(q, 1), scales


def pack(language_model: Any, bits: Literal[4, 8], *, head: Literal[4, 8] = 8) -> None:
    """Put `PackedLinear` in the place of every linear layer of a decoder, in place, and make it bfloat16.

    Args:
        language_model: an `AutoModelForCausalLM` on a CPU, or the `language_model` of an `EmbodiedLM`.
        bits: of the layers.
        head: of the output layer, which decides between words and is read once.

    Raises:
        InputError: If a layer cannot be packed.
    """
    language_model.to(torch.bfloat16)
    output = language_model.get_output_embeddings()
    for name, module in list(language_model.named_modules()):
        if isinstance(module, nn.Linear):
            parent, _, child = name.rpartition(".")
            packed = PackedLinear(module, head if module is output else bits)
            setattr(language_model.get_submodule(parent), child, packed)
