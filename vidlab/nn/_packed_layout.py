"""How packed weights lie in memory, and what zero padding does to a sum. Plain numpy.

Stored (and saved with the network) are the signs alone, one bit a weight: +1 is 1, -1 is 0. See
:func:`to_bits`; a tap is one place (time, height, width) of the kernel::

    filter 0:  tap 0: c0 c1 c2 c3 ...   tap 1: c0 c1 c2 ...   ...   (filled up to a whole byte)
    filter 1:  tap 0: c0 c1 c2 c3 ...

The CPU's kernels read a second order, made from it at the first call, in which 64 filters share a
vector of 64 bytes. See :func:`lane_weights`::

                        filter 0      filter 1      ...   filter 63
    tap 0  c0 ..  c7    [01101001]    [11000101]    ...   [00110110]    <- one step of the kernel
           c8 .. c15    [10010011]    [01110001]    ...   [11010010]    <- the next one
           ...
    tap 1  c0 ..  c7    ...
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

LANES = 64  #: filters that the CPU's kernels count together, one a byte

Triple = tuple[int, int, int]


@dataclass(frozen=True)
class ConvShape:
    """What a convolution is, apart from its weights; as for ``torch.nn.Conv3d``."""

    in_channels: int
    out_channels: int
    kernel: Triple
    stride: Triple
    padding: Triple
    dilation: Triple
    groups: int

    @property
    def terms(self) -> int:
        """Products in a sum: kT kH kW Cin / groups."""
        return int(np.prod(self.kernel)) * self.in_channels // self.groups

    @property
    def lane_bytes(self) -> int:
        """Bytes of :func:`lane_weights`."""
        filters = -(-self.out_channels // self.groups // LANES) * LANES
        channels = -(-self.in_channels // self.groups // 8)
        return self.groups * filters * int(np.prod(self.kernel)) * channels

    def out_size(self, size: Triple) -> Triple:
        """Output size (time, height, width); < 1 where the kernel does not fit."""
        return tuple(
            (n + 2 * p - d * (k - 1) - 1) // s + 1
            for n, k, s, p, d in zip(
                size, self.kernel, self.stride, self.padding, self.dilation, strict=True
            )
        )


class Geometry(NamedTuple):
    """Sizes of one convolution, flat, as numba takes them."""

    batch: int
    groups: int
    channels: int  # of one group
    bytes: int  # that hold their signs at one place
    filters: int  # of one group
    blocks: int  # of 64 filters, in one group
    time: int
    height: int
    width: int
    padded_width: int  # of the packed activations
    kernel_t: int
    kernel_h: int
    kernel_w: int
    stride_t: int
    stride_h: int
    stride_w: int
    padding_t: int
    padding_h: int
    padding_w: int
    dilation_t: int
    dilation_h: int
    dilation_w: int
    out_t: int
    out_h: int
    out_w: int
    kinds_h: int  # of places, see Plan
    kinds_w: int


@dataclass(frozen=True)
class Plan:
    """One convolution on one size of input, in the numbers that the kernels want.

    At a border some taps fall outside. Places of an axis with the same taps inside are one kind.

    Attributes:
        geometry: sizes.
        terms: products in a sum.
        flat_base: ``(kinds of t, of h, of w, Cout)`` int32, flat: the sum where no counted sign
            differs. Behind it :data:`LANES` zeros, for kernels that read whole vectors.
        kinds: for t, h and w: the kind of each output place.
        taps: ``(2, 2, most kinds)``: for t and h the first tap inside and the one after the last.
    """

    geometry: Geometry
    terms: int
    flat_base: np.ndarray
    kinds: tuple[np.ndarray, np.ndarray, np.ndarray]
    taps: np.ndarray


def to_bits(signs: np.ndarray) -> np.ndarray:
    """``(Cout, Cin / groups, kT, kH, kW)`` bool to ``(Cout, ⌈terms / 8⌉)`` uint8."""
    flat = signs.transpose(0, 2, 3, 4, 1).reshape(len(signs), -1)
    return np.packbits(flat, axis=1, bitorder="little")


def from_bits(bits: np.ndarray, shape: ConvShape) -> np.ndarray:
    """``(Cout, kT, kH, kW, Cin / groups)`` uint8 of 0 and 1: :func:`to_bits` undone."""
    flat = np.unpackbits(bits, axis=1, count=shape.terms, bitorder="little")
    return flat.reshape(shape.out_channels, *shape.kernel, shape.in_channels // shape.groups)


def lane_weights(bits: np.ndarray, shape: ConvShape) -> np.ndarray:
    """Flat ``(groups, ⌈filters / 64⌉, kT, kH, kW, ⌈channels / 8⌉, 64)`` uint8.

    The weights that 64 filters multiply the same eight channels with lie side by side. Filters and
    channels are filled up with zeros, which no sum counts.
    """
    ones = from_bits(bits, shape)
    filters = shape.out_channels // shape.groups
    channels = ones.shape[-1]
    ones = ones.reshape(shape.groups, filters, -1, channels)
    ones = np.pad(ones, ((0, 0), (0, -filters % LANES), (0, 0), (0, -channels % 8)))
    packed = np.packbits(ones, axis=-1, bitorder="little")
    packed = packed.reshape(shape.groups, -1, LANES, *packed.shape[-2:])
    return np.ascontiguousarray(packed.transpose(0, 1, 3, 4, 2)).ravel()


def inside(size: int, out: int, kernel: int, stride: int, padding: int, dilation: int):
    """Which taps fall on the input, for each output place of an axis: ``(out, kernel)`` bool."""
    place = np.arange(out)[:, None] * stride - padding + np.arange(kernel) * dilation
    return (place >= 0) & (place < size)


def make_plan(shape: ConvShape, bits: np.ndarray, batch: int, size: Triple) -> Plan:
    """The plan for ``batch`` inputs of one size (time, height, width)."""
    out = shape.out_size(size)
    channels = shape.in_channels // shape.groups
    filters = shape.out_channels // shape.groups
    axes = zip(size, out, shape.kernel, shape.stride, shape.padding, shape.dilation, strict=True)
    found = [np.unique(inside(*axis), axis=0, return_inverse=True) for axis in axes]
    t, h, w = [mask.astype(np.int64) for mask, _ in found]
    kinds = tuple(kind.ravel().astype(np.int64) for _, kind in found)
    geometry = Geometry(
        batch, shape.groups, channels, -(-channels // 8), filters, -(-filters // LANES), *size,
        (out[2] - 1) * shape.stride[2] + (shape.kernel[2] - 1) * shape.dilation[2] + 1,
        *shape.kernel, *shape.stride, *shape.padding, *shape.dilation, *out, len(h), len(w),
    )  # fmt: skip

    # A sum of n products of which d have differing signs is n - 2 d. Taps outside to the left and
    # right are not among the n, but the kernels count their weights' ones into d.
    ones = from_bits(bits, shape).sum(-1, dtype=np.int64)
    products = channels * np.multiply.outer(np.multiply.outer(t.sum(1), h.sum(1)), w.sum(1))
    counted = np.einsum("at,bh,cw,fthw->abcf", t, h, 1 - w, ones, optimize=True)
    base = (products[..., None] + 2 * counted).astype(np.int32).ravel()

    taps = np.zeros((2, 2, max(len(t), len(h))), np.int64)
    for axis, mask in enumerate((t, h)):
        first = mask.argmax(1)  # taps inside are neighbours: a first one, and how many
        taps[axis, :, : len(mask)] = first, first + mask.sum(1)
    return Plan(geometry, shape.terms, np.pad(base, (0, LANES)), kinds, taps)
