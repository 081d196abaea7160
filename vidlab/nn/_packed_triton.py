"""Packed 1-bit convolution on CUDA, in Triton. Used by :mod:`vidlab.nn.packed`.

Two kernels: one packs signs, 32 channels a word; one counts, for a tile of output places and
filters, the signs that differ. Padding is exact because a tap outside the clip counts nothing and
is not among a sum's terms.

These kernels have been run by Triton's interpreter only (``TRITON_INTERPRET=1``) and compiled for
GPUs of compute capability 7.0, 8.0 and 9.0, but never run on one: their results are tested, their
speed is not known. Bits are counted by plain arithmetic; the compiler makes ``popc`` of it.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from vidlab.nn._packed_layout import ConvShape, from_bits

try:
    import triton
    import triton.language as tl
except ImportError:  # comes with PyTorch's CUDA builds only; callers look whether it is None
    triton = None

WORD = 32  #: channels in a word
PLACES, FILTERS = 64, 64  #: output places and filters of a tile; filters are a power of 2, >= 16


def jit(function):
    """Triton's compiler where there is one."""
    return function if triton is None else triton.jit(function)


@jit
def pack_kernel(
    x, threshold, words, places, groups, channels, size, many,
    PLACES: tl.constexpr, WORD: tl.constexpr,
):  # fmt: skip
    """Signs of ``x + threshold``: ``(B, groups * channels, size)`` to ``(B * size, groups, many)``.

    A program packs one word of each of ``PLACES`` places (of batch and size).
    """
    place = tl.program_id(0).to(tl.int64) * PLACES + tl.arange(0, PLACES)
    group = tl.program_id(1) // many
    word = tl.program_id(1) % many
    bit = tl.arange(0, WORD)
    channel = group * channels + word * WORD + bit
    real = (place < places)[:, None] & (word * WORD + bit < channels)[None, :]
    at = (place // size)[:, None] * groups * channels + channel[None, :]
    value = tl.load(x + at * size + (place % size)[:, None], mask=real, other=-1.0)
    shift = tl.load(threshold + channel, mask=word * WORD + bit < channels, other=0.0)
    positive = ((value + shift[None, :]) >= 0) & real
    packed = tl.sum(positive.to(tl.int32) << bit[None, :], axis=1)
    tl.store(words + (place * groups + group) * many + word, packed, mask=place < places)


@jit
def ones_of(x):
    """How many bits of each int32 are 1 (added in pairs, fours, eights, all)."""
    x = x - ((x >> 1) & 0x55555555)
    x = (x & 0x33333333) + ((x >> 2) & 0x33333333)
    x = (x + (x >> 4)) & 0x0F0F0F0F
    x = x + (x >> 8)
    return (x + (x >> 16)) & 0x3F


@jit
def convolve_kernel(
    acts, weights, sums, places, groups, channels, filters, many,
    time, height, width, kernel_t, kernel_h, kernel_w, stride_t, stride_h, stride_w,
    padding_t, padding_h, padding_w, dilation_t, dilation_h, dilation_w, out_t, out_h, out_w,
    PLACES: tl.constexpr, FILTERS: tl.constexpr,
):  # fmt: skip
    """Sums of one tile: ``PLACES`` of ``(B, out_t, out_h, out_w)`` by ``FILTERS`` of one group.

    ``acts`` is ``(B, time, height, width, groups, many)``, ``weights`` ``(groups * filters,
    kernel_t, kernel_h, kernel_w, many)``, ``sums`` ``(places, groups * filters)``.
    """
    tiles = tl.cdiv(filters, FILTERS)
    group = tl.program_id(1) // tiles
    one = (tl.program_id(1) % tiles) * FILTERS + tl.arange(0, FILTERS)
    place = tl.program_id(0).to(tl.int64) * PLACES + tl.arange(0, PLACES)
    w0 = (place % out_w) * stride_w - padding_w
    h0 = (place // out_w % out_h) * stride_h - padding_h
    t0 = (place // (out_w * out_h) % out_t) * stride_t - padding_t
    batch = place // (out_w * out_h * out_t)
    taps = kernel_t * kernel_h * kernel_w
    filter_at = (group * filters + one).to(tl.int64) * taps * many
    differ = tl.zeros((PLACES, FILTERS), tl.int32)
    terms = tl.zeros((PLACES,), tl.int32)
    for tap in range(taps):
        t = t0 + tap // (kernel_h * kernel_w) * dilation_t
        h = h0 + tap // kernel_w % kernel_h * dilation_h
        w = w0 + tap % kernel_w * dilation_w
        inside = (t >= 0) & (t < time) & (h >= 0) & (h < height) & (w >= 0) & (w < width)
        inside = inside & (place < places)
        source = (((batch * time + t) * height + h) * width + w) * groups + group
        for word in range(many):
            a = tl.load(acts + source * many + word, mask=inside, other=0)
            b = tl.load(weights + filter_at + tap * many + word, mask=one < filters, other=0)
            count = ones_of(a[:, None] ^ b[None, :])
            differ += tl.where(inside[:, None], count, 0)
        terms += tl.where(inside, channels, 0)
    total = (terms[:, None] - 2 * differ).to(tl.float32)
    at = place[:, None] * groups * filters + (group * filters + one)[None, :]
    tl.store(sums + at, total, mask=(place < places)[:, None] & (one < filters)[None, :])


def words_of(bits: np.ndarray, shape: ConvShape) -> np.ndarray:
    """``(Cout, kT, kH, kW, ⌈channels / 32⌉)`` int32 of the stored bits."""
    ones = from_bits(bits, shape)
    ones = np.pad(ones, [(0, 0)] * 4 + [(0, -ones.shape[-1] % WORD)])
    packed = np.packbits(ones, axis=-1, bitorder="little")
    return np.ascontiguousarray(packed).view("<i4")


def sums(shape: ConvShape, weights: Tensor, x: Tensor, threshold: Tensor) -> Tensor:
    """The whole-numbered sums, ``(B, Cout, T', H', W')`` float32, channels last.

    Args:
        shape: sizes of the convolution.
        weights: :func:`words_of`, on x's device.
        x: ``(B, Cin, T, H, W)`` float32.
        threshold: ``(Cin,)`` float32: the signs are those of ``x + threshold``.
    """
    x = x.contiguous()
    batch, size = len(x), x[0, 0].numel() if len(x) else 0
    groups, channels = shape.groups, shape.in_channels // shape.groups
    filters, many = shape.out_channels // groups, weights.shape[-1]
    out = shape.out_size(tuple(x.shape[2:]))
    result = torch.empty(batch, *out, shape.out_channels, device=x.device)
    if batch:
        words = torch.empty(batch * size * groups * many, dtype=torch.int32, device=x.device)
        grid = triton.cdiv(batch * size, PLACES), groups * many
        pack_kernel[grid](
            x, threshold, words, batch * size, groups, channels, size, many, PLACES, WORD
        )
        places = result.numel() // shape.out_channels
        grid = triton.cdiv(places, PLACES), groups * triton.cdiv(filters, FILTERS)
        convolve_kernel[grid](
            words, weights, result, places, groups, channels, filters, many, *x.shape[2:],
            *shape.kernel, *shape.stride, *shape.padding, *shape.dilation, *out, PLACES, FILTERS,
        )  # fmt: skip
    return result.permute(0, 4, 1, 2, 3)
