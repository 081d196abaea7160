"""Packed 1-bit convolution on the CPU, compiled by numba. Used by :mod:`vidlab.nn.packed`.

The sums of ±1 products of 64 filters at :data:`PLACES` neighbouring places are counted at once. A
step takes eight input channels of one tap: one byte of activation signs for each place, and one
byte of weight signs for each of the 64 filters, which fill a vector of 64 bytes. It adds to each
filter's byte-wide counter how many of the eight signs differ::

                                         filter 0    filter 1   ...  filter 63
    one tap's weights, c0 .. c7          01101001    11000101        00110110
    the place's activations, c0 .. c7    01001001    01001001        01001001   (spread)
    bits that differ                     00100000    10001100        01111111
    added to the counters                   1           3               7

There are two ways to count:

- *popcount*: exclusive or, then LLVM's bit count of every byte; one instruction where the CPU
  counts bits in vectors (AVX-512 BITALG, NEON), a short sequence elsewhere.
- *lookup*, for AVX2: four activation signs choose one of 16 tables, each with 16 entries; four
  weight signs choose the entry. The instruction ``pshufb`` looks up 32 filters at once, so that
  two instructions (look up, add) do the work of 128 multiplications and additions.

Zero padding is neither +1 nor -1. Taps before and after the clip, above and below the picture are
skipped. Taps to its left and right read zero bits and so count the ones among the weights: a
number known beforehand, which the table ``base`` gives back.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from numba import njit

from vidlab.nn._packed_layout import LANES, Plan
from vidlab.nn._packed_simd import (
    FLOATS,
    HAS_LOOKUP,
    HAS_VECTOR_POPCOUNT,
    TABLES,
    add,
    base_minus_twice,
    differing,
    eight_signs,
    high,
    load,
    load_floats,
    looked_up,
    low,
    plus,
    prelu,
    store,
    store_floats,
    times,
    zeros,
)

PLACES = 4  #: neighbouring output places that are counted together
STEPS = 31  #: steps of eight signs that a counter of one byte can hold (248 of 255)
FEW = 2**26  #: products, or 64 times the signs to pack, that are not worth a second thread

#: Popcount where one instruction does it, else lookup where there is one, else LLVM's sequence.
USE_LOOKUP = HAS_LOOKUP and not HAS_VECTOR_POPCOUNT


def compiled(function: Callable) -> Callable:
    """numba's compiler: no Python lock while it runs; kept on disk where a folder can be written.

    Compilation waits for the first call.
    """
    try:
        return njit(nogil=True, cache=True)(function)
    except RuntimeError:  # no folder for the cache
        return njit(nogil=True)(function)


def inlined(function: Callable) -> Callable:
    """Compiled into its caller: a call that hands over arrays would cost more than the work."""
    return njit(inline="always")(function)


@compiled
def pack_rows(lookup, x, bias, acts, g, start, stop):
    """Write the signs of ``x + bias`` of rows start .. stop - 1 (of batch, time, height).

    Args:
        x: ``(B * T * H * W, groups * channels)`` float32.
        bias: ``(groups * channels,)`` float32.
        acts: flat ``(B * T * H, groups, padded_width, bytes * copies)``; for lookup the two copies
            are the start of the table for the lower and for the upper four bits, for popcount the
            four copies are the same byte.
    """
    copies = 2 if lookup else 4
    step = g.bytes * copies
    group_step = g.padded_width * step
    places = min(g.width, g.padded_width - g.padding_w)
    whole = g.channels // 8
    for row in range(start, stop):
        for place in range(places):
            source = x[row * g.width + place]
            for group in range(g.groups):
                at = (row * g.groups + group) * group_step + (place + g.padding_w) * step
                target = acts[at : at + step]
                first = group * g.channels
                for n in range(g.bytes):
                    if n < whole:
                        c = first + 8 * n
                        signs = np.uint32(eight_signs(source, c, bias, c))
                    else:
                        signs = np.uint32(0)
                        for bit in range(g.channels - 8 * whole):
                            c = first + 8 * n + bit
                            if source[c] + bias[c] >= 0:
                                signs |= np.uint32(1 << bit)
                    if lookup:
                        target[2 * n] = (signs & 15) << 4
                        target[2 * n + 1] = signs & 240
                    else:
                        for copy in range(4):
                            target[4 * n + copy] = signs


@inlined
def count_lookup(tables, weights, w, acts, a0, a1, a2, a3, steps, counts):
    """Differing signs of 64 filters at four places, by table; at most :data:`STEPS` steps."""
    c0, c1, c2, c3 = zeros(), zeros(), zeros(), zeros()
    for n in range(steps):
        both = load(weights, w + LANES * n)
        entries = low(both)
        c0 = add(c0, looked_up(tables, acts, a0 + 2 * n, entries))
        c1 = add(c1, looked_up(tables, acts, a1 + 2 * n, entries))
        c2 = add(c2, looked_up(tables, acts, a2 + 2 * n, entries))
        c3 = add(c3, looked_up(tables, acts, a3 + 2 * n, entries))
        entries = high(both)
        c0 = add(c0, looked_up(tables, acts, a0 + 2 * n + 1, entries))
        c1 = add(c1, looked_up(tables, acts, a1 + 2 * n + 1, entries))
        c2 = add(c2, looked_up(tables, acts, a2 + 2 * n + 1, entries))
        c3 = add(c3, looked_up(tables, acts, a3 + 2 * n + 1, entries))
    store(counts, 0, c0)
    store(counts, LANES, c1)
    store(counts, 2 * LANES, c2)
    store(counts, 3 * LANES, c3)


@inlined
def count_popcount(weights, w, acts, a0, a1, a2, a3, steps, counts):
    """Differing signs of 64 filters at four places, by popcount; at most :data:`STEPS` steps."""
    c0, c1, c2, c3 = zeros(), zeros(), zeros(), zeros()
    for n in range(steps):
        both = load(weights, w + LANES * n)
        c0 = add(c0, differing(acts, a0 + 4 * n, both))
        c1 = add(c1, differing(acts, a1 + 4 * n, both))
        c2 = add(c2, differing(acts, a2 + 4 * n, both))
        c3 = add(c3, differing(acts, a3 + 4 * n, both))
    store(counts, 0, c0)
    store(counts, LANES, c1)
    store(counts, 2 * LANES, c2)
    store(counts, 3 * LANES, c3)


@inlined
def add_run(lookup, tables, weights, w, acts, a0, a1, a2, a3, steps, counts, totals):
    """A run of steps of any length, in pieces that a byte can count, added to ``totals``."""
    pieces = (steps + STEPS - 1) // STEPS
    done = 0
    for piece in range(pieces):
        size = (steps - done) // (pieces - piece)
        if lookup:
            s = 2 * done
            count_lookup(
                tables, weights, w + LANES * done, acts, a0 + s, a1 + s, a2 + s, a3 + s, size,
                counts,
            )  # fmt: skip
        else:
            s = 4 * done
            count_popcount(
                weights, w + LANES * done, acts, a0 + s, a1 + s, a2 + s, a3 + s, size, counts
            )
        for lane in range(PLACES * LANES):
            totals[lane] += counts[lane]
        done += size


@inlined
def finish(sums, shortcut, scale, gain, offset, before, slope, after):
    """``Sign2(BN(scale * sums) + shortcut)`` of 16 filters at one place.

    Nothing is merged, so that each step rounds as the layer by itself would. (Arrays are kept out:
    handing them to an inlined function costs counting references, 200 cycles a call.)
    """
    u = plus(plus(times(times(sums, scale), gain), offset), shortcut)
    return plus(prelu(plus(u, before), slope), after)


@compiled
def convolve(
    lookup, tables, acts, weights, base, kinds_t, kinds_h, kinds_w, taps, affine, residual,
    skip_channels, out, g, start, stop,
):  # fmt: skip
    """Units start .. stop - 1 of the output; a unit is 64 filters (or fewer) at one row.

    Args:
        acts: from :func:`pack_rows`.
        weights: flat ``(groups, blocks, kernel_t, kernel_h, kernel_w, bytes, 64)``.
        base: flat ``(kinds of t, of h, of w, groups * filters)`` int32 and 64 more that are read
            but not used: the sum where no sign differs.
        kinds_t, kinds_h, kinds_w: the kind of each output place: which of its taps are inside.
        taps: ``(2, 2, most kinds)``: first tap inside and the one after the last, for each kind
            of t and of h.
        affine: ``(6, groups * filters)`` float32, rows scale, gain, offset, before, slope,
            after; see :func:`finish`.
        residual: flat ``(B * out_t * out_h * out_w, skip_channels)`` float32; empty: no shortcut.
        out: flat ``(B * out_t * out_h * out_w, groups * filters)`` float32.
    """
    copies = 2 if lookup else 4
    step = g.bytes * copies
    group_step = g.padded_width * step
    joined = g.dilation_w == 1  # then the taps of a row lie one after another
    runs = 1 if joined else g.kernel_w
    steps = g.bytes * g.kernel_w if joined else g.bytes
    rows = g.batch * g.out_t * g.out_h
    counts = np.zeros(PLACES * LANES, np.uint8)
    totals = np.zeros(PLACES * LANES, np.uint16)
    skip = np.zeros(LANES, np.float32)
    out_channels = g.groups * g.filters
    numbers = np.zeros(6 * LANES, np.float32)
    result = np.zeros(LANES, np.float32)
    for unit in range(start, stop):
        block, row = unit // rows, unit % rows
        group, part = block // g.blocks, block % g.blocks
        many = min(LANES, g.filters - part * LANES)
        channel = group * g.filters + part * LANES
        for k in range(6):
            for n in range(many):
                numbers[k * LANES + n] = affine[k, channel + n]
        batch, t, h = row // (g.out_t * g.out_h), row // g.out_h % g.out_t, row % g.out_h
        side = channel % skip_channels
        kind_t, kind_h = kinds_t[t], kinds_h[h]
        for first in range(0, g.out_w, PLACES):
            for lane in range(PLACES * LANES):
                totals[lane] = 0
            last = g.out_w - 1
            a0 = first * g.stride_w * step
            a1 = min(first + 1, last) * g.stride_w * step
            a2 = min(first + 2, last) * g.stride_w * step
            a3 = min(first + 3, last) * g.stride_w * step
            for i in range(taps[0, 0, kind_t], taps[0, 1, kind_t]):
                for j in range(taps[1, 0, kind_h], taps[1, 1, kind_h]):
                    in_t = t * g.stride_t - g.padding_t + i * g.dilation_t
                    in_h = h * g.stride_h - g.padding_h + j * g.dilation_h
                    source = (batch * g.time + in_t) * g.height + in_h
                    at = (source * g.groups + group) * group_step
                    w = ((block * g.kernel_t + i) * g.kernel_h + j) * g.kernel_w * g.bytes * LANES
                    for run in range(runs):
                        a = at + run * g.dilation_w * step
                        add_run(
                            lookup, tables, weights, w + run * g.bytes * LANES, acts,
                            a + a0, a + a1, a + a2, a + a3, steps, counts, totals,
                        )  # fmt: skip
            for p in range(min(PLACES, g.out_w - first)):
                place = row * g.out_w + first + p
                r = place * skip_channels
                if residual.shape[0] > 0 and side + LANES <= skip_channels:
                    for n in range(0, LANES, FLOATS):
                        store_floats(skip, n, load_floats(residual, r + side + n))
                elif residual.shape[0] > 0:
                    for n in range(many):
                        skip[n] = residual[r + (channel + n) % skip_channels]
                kind = (kind_t * g.kinds_h + kind_h) * g.kinds_w + kinds_w[first + p]
                b = kind * out_channels + channel
                for n in range(0, LANES, FLOATS):
                    sums = base_minus_twice(base, b + n, totals, p * LANES + n)
                    done = finish(
                        sums,
                        load_floats(skip, n),
                        load_floats(numbers, n),
                        load_floats(numbers, LANES + n),
                        load_floats(numbers, 2 * LANES + n),
                        load_floats(numbers, 3 * LANES + n),
                        load_floats(numbers, 4 * LANES + n),
                        load_floats(numbers, 5 * LANES + n),
                    )
                    store_floats(result, n, done)
                o = place * out_channels + channel
                if many == LANES:
                    for n in range(0, LANES, FLOATS):
                        store_floats(out, o + n, load_floats(result, n))
                else:
                    for n in range(many):
                        out[o + n] = result[n]


def share(work: Callable[[int, int], None], total: int, threads: int) -> None:
    """Call ``work(start, stop)`` for pieces of ``range(total)``, on several threads.

    The threads live for this call only: no pool that a forked worker would inherit broken, no
    setting that other code would see. Each takes a next piece when it is done with one, so that a
    busy core does not hold up the others.
    """
    size = max(1, -(-total // (4 * threads)))
    pieces = iter(range(0, total, size))

    def take() -> None:
        for start in pieces:
            work(start, min(start + size, total))

    if threads == 1 or total <= size:
        take()
        return
    with ThreadPoolExecutor(threads - 1) as pool:
        others = [pool.submit(take) for _ in range(threads - 1)]
        take()
    for other in others:
        other.result()


def run(
    plan: Plan,
    weights: np.ndarray,
    x: np.ndarray,
    threshold: np.ndarray,
    affine: np.ndarray,
    residual: np.ndarray,
    out: np.ndarray,
    threads: int,
    lookup: bool = USE_LOOKUP,
) -> None:
    """One packed convolution and what follows it; see :func:`pack_rows` and :func:`convolve`."""
    g = plan.geometry
    rows = g.batch * g.time * g.height
    acts = np.zeros(rows * g.groups * g.padded_width * g.bytes * (2 if lookup else 4), np.uint8)
    some = threads if 64 * x.size > FEW else 1
    share(lambda a, b: pack_rows(lookup, x, threshold, acts, g, a, b), rows, some)
    units = g.groups * g.blocks * g.batch * g.out_t * g.out_h
    numbers = TABLES, acts, weights, plan.flat_base, *plan.kinds, plan.taps, affine
    rest = residual.ravel(), residual.shape[1], out.ravel(), g
    some = threads if out.size * plan.terms > FEW else 1
    share(lambda a, b: convolve(lookup, *numbers, *rest, a, b), units, some)
