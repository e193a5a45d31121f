"""Pages in a quarter of the memory: each token's keys and values in int8, with one scale for each head.

A vector is divided by its largest number, so that this becomes 127, and rounded. What it costs is a test.
"""

import torch
from torch import Tensor

from groundup.generation.pages import PAGE, Pages, gathered, untouched_zeros


def rounded(x: Tensor) -> tuple[Tensor, Tensor]:
    """x (…, width) -> whole numbers from -127 to 127 (…, width) in int8, and what they are to be multiplied by (…) in f32."""
    x = x.float()
    scale = x.abs().amax(-1) / 127
    return (x / scale.clamp(min=1e-30)[..., None]).round().to(torch.int8), scale


class Int8Pages(Pages):
    """k and v as in Pages, but int8; k_scale and v_scale: for each layer (pages, kv heads, PAGE) in f32."""

    def __init__(self, rows: int, pages: int, context: int, device: torch.device | str = "cpu"):
        super().__init__(rows, pages, context, device)
        self.k_scale: dict[int, Tensor] = {}
        self.v_scale: dict[int, Tensor] = {}
        self.dtype = torch.float32  # in which they are given back

    def layer(self, number: int, k: Tensor, v: Tensor) -> tuple[Tensor, Tensor]:
        if number not in self.k:
            self.dtype, small = k.dtype, torch.empty(0, dtype=torch.int8, device=k.device)
            for each, kept, scales in ((k, self.k, self.k_scale), (v, self.v, self.v_scale)):
                kept[number] = untouched_zeros((self.pages, each.shape[1], PAGE, each.shape[3]), small)
                scales[number] = untouched_zeros((self.pages, each.shape[1], PAGE), small.float())
        return self.k[number], self.v[number]

    def write(self, layer: int, page: Tensor, offset: Tensor, k: Tensor, v: Tensor) -> None:
        self.layer(layer, k, v)
        for each, kept, scales in ((k, self.k, self.k_scale), (v, self.v, self.v_scale)):
            kept[layer][page, :, offset], scales[layer][page, :, offset] = rounded(each.transpose(1, 2))

    def read(self, layer: int, table: Tensor) -> tuple[Tensor, Tensor]:
        k, v = (
            gathered(kept[layer], table) * gathered(scales[layer][..., None], table)
            for kept, scales in ((self.k, self.k_scale), (self.v, self.v_scale))
        )
        return k.to(self.dtype), v.to(self.dtype)
