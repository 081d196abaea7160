"""Vectors of 64 bytes and of 16 floats as values inside functions that numba compiles.

numba knows numbers and arrays, but no vector registers. The types and the dozen operations here
are LLVM's own vectors; LLVM cuts them to the registers that the CPU has (one of AVX-512, two of
AVX2, four of NEON). Nothing checks bounds: the callers in :mod:`vidlab.nn._packed_cpu` do.

numba keeps compiled callers on disk and renews them when *their* file changes: after an edit
here, delete ``vidlab/nn/__pycache__``.
"""

from __future__ import annotations

import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.core.registry import cpu_target
from numba.extending import intrinsic, models, register_model

from vidlab.nn._packed_layout import LANES

# What numba compiles for: this CPU, unless NUMBA_CPU_NAME or NUMBA_CPU_FEATURES say otherwise.
FEATURES = frozenset(cpu_target.target_context.codegen().magic_tuple()[2].split(","))
HAS_LOOKUP = "+avx2" in FEATURES
HAS_VECTOR_POPCOUNT = {"+avx512bitalg", "+avx512vpopcntdq"} <= FEATURES

#: ``TABLES[16 * a + w]``: how many of the four bits of a and w differ.
TABLES = np.array([(a ^ w).bit_count() for a in range(16) for w in range(16)], np.uint8)

_BYTE, _WORD = ir.IntType(8), ir.IntType(32)
_VECTOR = ir.VectorType(_BYTE, LANES)
FLOATS = 16  #: floats of a vector
_FLOATS = ir.VectorType(ir.FloatType(), FLOATS)


class Lanes(types.Type):
    """64 bytes in vector registers."""

    def __init__(self):
        super().__init__(name="Lanes")


lanes = Lanes()


@register_model(Lanes)
class _LanesModel(models.PrimitiveModel):
    def __init__(self, manager, kind):
        super().__init__(manager, kind, _VECTOR)


class Floats(types.Type):
    """16 floats in vector registers."""

    def __init__(self):
        super().__init__(name="Floats")


floats = Floats()


@register_model(Floats)
class _FloatsModel(models.PrimitiveModel):
    def __init__(self, manager, kind):
        super().__init__(manager, kind, _FLOATS)


def _all(value: int) -> ir.Constant:
    return ir.Constant(_VECTOR, [value] * LANES)


def _pointer(context, builder, array_type, array, index, kind):
    """The address of item ``index`` of an array, as a pointer to ``kind``; no bounds, no wrap."""
    data = context.make_array(array_type)(context, builder, array).data
    return builder.bitcast(builder.gep(data, [index]), kind.as_pointer())


def _shuffle(builder, first, second, places):
    mask = ir.Constant(ir.VectorType(_WORD, len(places)), places)
    return builder.shuffle_vector(first, second, mask)


@intrinsic
def zeros(typing):
    """64 zeros."""
    return lanes(), lambda context, builder, signature, args: _all(0)


@intrinsic
def load(typing, array, index):
    """64 bytes from ``array[index]`` on."""

    def emit(context, builder, signature, args):
        place = _pointer(context, builder, signature.args[0], *args, _VECTOR)
        return builder.load(place, align=1)

    return lanes(array, types.intp), emit


@intrinsic
def store(typing, array, index, vector):
    """64 bytes to ``array[index]`` and after."""

    def emit(context, builder, signature, args):
        place = _pointer(context, builder, signature.args[0], *args[:2], _VECTOR)
        builder.store(args[2], place, align=1)
        return context.get_dummy_value()

    return types.none(array, types.intp, lanes), emit


@intrinsic
def add(typing, first, second):
    """Byte-wise sum."""
    return lanes(lanes, lanes), lambda context, builder, signature, args: builder.add(*args)


@intrinsic
def low(typing, vector):
    """The lower four bits of each byte."""
    return lanes(lanes), lambda context, builder, signature, args: builder.and_(args[0], _all(15))


@intrinsic
def high(typing, vector):
    """The upper four bits of each byte."""
    return lanes(lanes), lambda context, builder, signature, args: builder.lshr(args[0], _all(4))


@intrinsic
def looked_up(typing, tables, acts, index, entries):
    """``tables[acts[index] + entries[lane]]`` for each lane; ``entries`` in 0 .. 15."""
    short, half = ir.VectorType(_BYTE, 16), ir.VectorType(_BYTE, 32)

    def emit(context, builder, signature, args):
        kinds = signature.args
        if not HAS_LOOKUP:  # never called there, but compiled
            return _all(0)
        start = builder.load(_pointer(context, builder, kinds[1], *args[1:3], _BYTE))
        start = builder.zext(start, ir.IntType(64))
        table = builder.load(_pointer(context, builder, kinds[0], args[0], start, short), align=1)
        table = _shuffle(builder, table, table, [*range(16)] * 2)
        shuffle = cgutils.get_or_insert_function(
            builder.module, ir.FunctionType(half, [half, half]), "llvm.x86.avx2.pshuf.b"
        )
        found = [
            builder.call(shuffle, [table, _shuffle(builder, args[3], args[3], [*range(n, n + 32)])])
            for n in (0, 32)
        ]
        return _shuffle(builder, *found, [*range(LANES)])

    return lanes(tables, acts, types.intp, lanes), emit


@intrinsic
def differing(typing, acts, index, weights):
    """Bits of each lane's byte of ``weights`` that differ from the byte ``acts[index]``.

    That byte is stored four times over: CPUs load and spread four bytes at the price of one.
    """
    spread = ir.VectorType(_WORD, LANES // 4)

    def emit(context, builder, signature, args):
        place = _pointer(context, builder, signature.args[0], *args[:2], _WORD)
        signs = builder.load(place, align=1)
        signs = builder.insert_element(ir.Constant(spread, ir.Undefined), signs, _WORD(0))
        signs = _shuffle(builder, signs, signs, [0] * (LANES // 4))
        count = cgutils.get_or_insert_function(
            builder.module, ir.FunctionType(_VECTOR, [_VECTOR]), f"llvm.ctpop.v{LANES}i8"
        )
        return builder.call(count, [builder.xor(builder.bitcast(signs, _VECTOR), args[2])])

    return lanes(acts, types.intp, lanes), emit


@intrinsic
def eight_signs(typing, x, i, bias, j):
    """Bit n: is ``x[i + n] + bias[j + n] >= 0``? For n in 0 .. 7."""
    eight = ir.VectorType(ir.FloatType(), 8)

    def emit(context, builder, signature, args):
        kinds = signature.args
        value = builder.load(_pointer(context, builder, kinds[0], *args[:2], eight), align=4)
        shift = builder.load(_pointer(context, builder, kinds[2], *args[2:], eight), align=4)
        zero = ir.Constant(eight, [0.0] * 8)
        positive = builder.fcmp_ordered(">=", builder.fadd(value, shift), zero)
        return builder.bitcast(positive, _BYTE)

    return types.uint8(x, types.intp, bias, types.intp), emit


@intrinsic
def no_floats(typing):
    """16 zeros."""

    def emit(context, builder, signature, args):
        return ir.Constant(_FLOATS, [0.0] * FLOATS)

    return floats(), emit


@intrinsic
def load_floats(typing, array, index):
    """16 floats from ``array[index]`` on."""

    def emit(context, builder, signature, args):
        place = _pointer(context, builder, signature.args[0], *args, _FLOATS)
        return builder.load(place, align=4)

    return floats(array, types.intp), emit


@intrinsic
def store_floats(typing, array, index, vector):
    """16 floats to ``array[index]`` and after."""

    def emit(context, builder, signature, args):
        place = _pointer(context, builder, signature.args[0], *args[:2], _FLOATS)
        builder.store(args[2], place, align=4)
        return context.get_dummy_value()

    return types.none(array, types.intp, floats), emit


@intrinsic
def multiply_add(typing, x, index, weights, total):
    """``x[index] * weights + total``, rounded once where the CPU can."""

    def emit(context, builder, signature, args):
        number = builder.load(
            _pointer(context, builder, signature.args[0], *args[:2], ir.FloatType())
        )
        spread = builder.insert_element(ir.Constant(_FLOATS, ir.Undefined), number, _WORD(0))
        spread = _shuffle(builder, spread, spread, [0] * FLOATS)
        fused = cgutils.get_or_insert_function(
            builder.module, ir.FunctionType(_FLOATS, [_FLOATS] * 3), f"llvm.fmuladd.v{FLOATS}f32"
        )
        return builder.call(fused, [spread, *args[2:]])

    return floats(x, types.intp, floats, floats), emit


@intrinsic
def plus(typing, first, second):
    """Sum, rounded."""
    return floats(floats, floats), lambda context, builder, signature, args: builder.fadd(*args)


@intrinsic
def times(typing, first, second):
    """Product, rounded."""
    return floats(floats, floats), lambda context, builder, signature, args: builder.fmul(*args)


@intrinsic
def prelu(typing, u, slope):
    """u where u > 0, else ``slope * u``."""

    def emit(context, builder, signature, args):
        positive = builder.fcmp_ordered(">", args[0], ir.Constant(_FLOATS, [0.0] * FLOATS))
        return builder.select(positive, args[0], builder.fmul(*args))

    return floats(floats, floats), emit


@intrinsic
def base_minus_twice(typing, base, b, counts, t):
    """``base[b + n] - 2 * counts[t + n]`` for n in 0 .. 15, of int32 and uint16, as floats."""
    short, whole = ir.VectorType(ir.IntType(16), FLOATS), ir.VectorType(_WORD, FLOATS)

    def emit(context, builder, signature, args):
        kinds = signature.args
        most = builder.load(_pointer(context, builder, kinds[0], *args[:2], whole), align=4)
        count = builder.load(_pointer(context, builder, kinds[2], *args[2:], short), align=2)
        twice = builder.shl(builder.zext(count, whole), ir.Constant(whole, [1] * FLOATS))
        return builder.sitofp(builder.sub(most, twice), _FLOATS)

    return floats(base, types.intp, counts, types.intp), emit
