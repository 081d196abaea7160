"""A network's first, real convolution and the max pooling behind it, in one pass, channels last.

Few input channels make it cheap to compute and dear to move about: its output is the largest
tensor of a C3D, and written out, pooled and rearranged it costs more time than all 1-bit layers
together. Here a row of it lives just until it is pooled.

Each sum adds its products in the order (channel, time, height, width) and the bias last. That is
the order of a matrix product of unfolded patches, which PyTorch used on the machines tried: there
the results are the same to the last bit. Another order may differ in the last bit, and where a
value lies that near to a sign's threshold, flip the sign.
"""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from vidlab.nn._packed_cpu import compiled, share
from vidlab.nn._packed_simd import FLOATS, load_floats, multiply_add, no_floats, store_floats

PLACES = 6  #: neighbouring places at once: 12 of the 16 registers of AVX2 hold their sums


@compiled
def stem_rows(
    x, offsets, weights, bias, out, shape, strides, step, window, size, filters, start, stop
):
    """Rows start .. stop - 1 (of batch, time, height) of the pooled output.

    Args:
        x: flat, padded input ``(B, C, T, H, W)``.
        offsets: ``(terms,)``: from a patch's first value to each of its values.
        weights: flat ``(⌈filters / 16⌉, terms, 16)``.
        bias: ``(⌈filters / 16⌉ * 16,)``.
        out: flat ``(B, T', H', W', filters)``, pooled.
        shape: T', H', W'.
        strides: how far apart in x are two clips, frames, rows.
        step: of the convolution (time, height, width).
        window: of the pooling.
        size: how many columns of the convolution the pooling sees.
    """
    wide = len(bias)
    row = np.zeros(size * wide, np.float32)
    best = np.zeros(shape[2] * wide, np.float32)
    terms = len(offsets)
    for unit in range(start, stop):
        t, h = unit // shape[1] % shape[0], unit % shape[1]
        clip = unit // (shape[0] * shape[1]) * strides[0]
        for i in range(window[0] * window[1]):
            in_t = (t * window[0] + i // window[1]) * step[0]
            in_h = (h * window[1] + i % window[1]) * step[1]
            at = clip + in_t * strides[1] + in_h * strides[2]
            for block in range(0, wide, FLOATS):
                for first in range(0, size, PLACES):
                    p0, p1 = first, min(first + 1, size - 1)
                    p2, p3 = min(first + 2, size - 1), min(first + 3, size - 1)
                    p4, p5 = min(first + 4, size - 1), min(first + 5, size - 1)
                    a0, a1, a2 = at + p0 * step[2], at + p1 * step[2], at + p2 * step[2]
                    a3, a4, a5 = at + p3 * step[2], at + p4 * step[2], at + p5 * step[2]
                    c0 = c1 = c2 = c3 = c4 = c5 = no_floats()
                    for n in range(terms):
                        w = load_floats(weights, block * terms + n * FLOATS)
                        o = offsets[n]
                        c0 = multiply_add(x, a0 + o, w, c0)
                        c1 = multiply_add(x, a1 + o, w, c1)
                        c2 = multiply_add(x, a2 + o, w, c2)
                        c3 = multiply_add(x, a3 + o, w, c3)
                        c4 = multiply_add(x, a4 + o, w, c4)
                        c5 = multiply_add(x, a5 + o, w, c5)
                    store_floats(row, p0 * wide + block, c0)
                    store_floats(row, p1 * wide + block, c1)
                    store_floats(row, p2 * wide + block, c2)
                    store_floats(row, p3 * wide + block, c3)
                    store_floats(row, p4 * wide + block, c4)
                    store_floats(row, p5 * wide + block, c5)
            for place in range(shape[2]):
                for column in range(window[2]):
                    r = np.uintp((place * window[2] + column) * wide)
                    b = np.uintp(place * wide)
                    if i == 0 and column == 0:
                        for n in range(wide):
                            best[b + np.uintp(n)] = row[r + np.uintp(n)] + bias[n]
                    else:
                        for n in range(wide):
                            value = row[r + np.uintp(n)] + bias[n]
                            kept = best[b + np.uintp(n)]
                            if value > kept or value != value:  # not a number stays seen
                                kept = value
                            best[b + np.uintp(n)] = kept
        for place in range(shape[2]):
            o = np.uintp((unit * shape[2] + place) * filters)
            b = np.uintp(place * wide)
            for n in range(filters):
                out[o + np.uintp(n)] = best[b + np.uintp(n)]


def run(
    x: torch.Tensor,
    conv: nn.Conv3d,
    window: tuple[int, int, int],
    shape: tuple[int, int, int],
) -> torch.Tensor:
    """``max_pool3d(conv(x), window)`` of ``(B, C, T, H, W)`` float32, channels last in memory.

    ``shape`` is the output's T', H', W'.
    """
    filters, terms = conv.out_channels, conv.weight[0].numel()
    pad = -filters % FLOATS
    weights = F.pad(conv.weight.detach().reshape(filters, terms), (0, 0, 0, pad))
    weights = weights.view(-1, FLOATS, terms).transpose(1, 2).contiguous()
    bias = torch.zeros(filters + pad)
    if conv.bias is not None:
        bias[:filters] = conv.bias.detach()

    t, h, w = conv.padding
    x = F.pad(x.detach(), (w, w, h, h, t, t)).contiguous()
    patch = (range(x.shape[1]), *(range(k) for k in conv.kernel_size))
    places = np.stack(np.meshgrid(*patch, indexing="ij"), -1).reshape(terms, 4)
    offsets = places @ (np.array(x.stride()[1:]) * [1, *conv.dilation])

    out = torch.empty(len(x), *shape, filters)
    numbers = (a.view(-1).numpy() for a in (weights, bias, out))
    strides = x.stride(0), x.stride(2), x.stride(3)
    size = shape[2] * window[2]
    arguments = (
        x.view(-1).numpy(), offsets, *numbers, shape, strides, tuple(conv.stride), tuple(window),
        size, filters,
    )  # fmt: skip
    share(
        lambda start, stop: stem_rows(*arguments, start, stop),
        len(x) * shape[0] * shape[1],
        torch.get_num_threads(),
    )
    return out.permute(0, 4, 1, 2, 3)
