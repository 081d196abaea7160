"""What a 1-bit video network costs to store: the arithmetic of Table 2 of the 3D BitConv paper.

"Memory (Mb)" there is a count of 32-bit words in millions, without the last classifier; a 1-bit
weight is 1/32 word. We recover from the printed numbers what the text leaves open:

- **C3D, 77.996**: the parameters of conv1a to conv5b, fc6 and fc7, exactly (77,995,776).
- **1-bit C3D, 51.225**: 51,224,768 words, if each of the seven binary convolutions loses its own
  bias and gains Sign1 (one parameter a channel), batch norm (two) and Sign2 (three), *the
  shortcuts have no parameters* and conv1a has no batch norm. A 1x1x1 convolution in the three
  shortcuts that widen would add 0.17.
- **I3D "ResNet3D-50", 33.166**: 33,166,272 words, exactly, is ResNet3D of depth **18** (3x3x3
  throughout, 3x7x7 stem, real). The common I3D of depth 50 has 27.2.
- **1-bit I3D, 8.503**: 8,502,848 words is depth 50 with the first two convolutions of each
  bottleneck binary, everything else real, and Sign1 and Sign2 *not* counted. Other, odder readings
  come as close, so this one is a guess; :func:`readings` lists them.

So the last row's "3.900x" seems to compare networks of different depth.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import combinations, product

from torch import nn

from vidlab.nn.binary import binary_convolutions
from vidlab.nn.resnet3d import ResNet3DConfig, block_chain, i3d

#: Table 2 of the paper: memory of the real and of the 1-bit network, millions of words.
TABLE_2 = {"c3d": (77.996, 51.225), "i3d-50": (33.166, 8.503)}


@dataclass(frozen=True)
class Memory:
    """Parameters by what they cost.

    Attributes:
        real: parameters of 32 bits.
        bits: parameters of 1 bit.
    """

    real: int
    bits: int

    @property
    def mwords(self) -> float:
        """Millions of 32-bit words: the unit of Table 2."""
        return (self.real + self.bits / 32) / 1e6


def memory(network: nn.Module) -> Memory:
    """The cost of storing a network, without its last classifier (Table 2).

    Only weights of binary convolutions count one bit, whatever stage the network is in. Running
    means and variances of batch norm are not counted, as in the paper.
    """
    bits = {id(layer.weight) for layer in binary_convolutions(network).values()}
    kept = [p for n, p in network.named_parameters() if not n.startswith("classifier.")]
    return Memory(
        sum(p.numel() for p in kept if id(p) not in bits),
        sum(p.numel() for p in kept if id(p) in bits),
    )


def count_resnet3d(
    shape: ResNet3DConfig,
    *,
    classes: int = 0,
    binarised: Sequence[int] = (),
    projection: bool = True,
    signs: bool = True,
) -> Memory:
    """The memory of a ResNet3D by arithmetic, without building it.

    Args:
        shape: of the network.
        classes: outputs of a classifier that is counted, 0: it is not.
        binarised: convolutions of each block that are 1-bit, by their place from 1.
        projection: shortcuts that change shape are 1x1x1 convolutions with batch norm.
        signs: count the parameters of Sign1 and Sign2.
    """
    width = shape.widths[0]
    real = shape.in_channels * width * math.prod(shape.stem_kernel) + 2 * width
    bits = 0
    for stage, count in enumerate(shape.blocks):
        for block in range(count):
            chain = block_chain(shape, stage, block)
            for place, spec in enumerate(chain, 1):
                weights = spec.in_channels * spec.out_channels * math.prod(spec.kernel)
                real += 2 * spec.out_channels  # batch norm
                if place in binarised:
                    bits += weights
                    real += (spec.in_channels + 3 * spec.out_channels) * signs
                else:
                    real += weights
            first, last = chain[0].in_channels, chain[-1].out_channels
            if projection and (first != last or any(s.stride != (1, 1, 1) for s in chain)):
                real += first * last + 2 * last
    features = shape.widths[-1] * (4 if shape.bottleneck else 1)
    return Memory(real + (features + 1) * classes, bits)


@dataclass(frozen=True)
class Reading:
    """One way to read "I3D" and its memory.

    Attributes:
        depth: 18 or 50.
        inflated: kernel of a bottleneck that looks along time.
        where: blocks that do; "as usual" is :func:`~vidlab.nn.resnet3d.i3d`.
        stem: frames that the first kernel spans.
        classes: outputs of a classifier that is counted, 0: it is not.
        binarised: convolutions of each block that are 1-bit, by their place from 1.
        projection: shortcuts that change shape are real 1x1x1 convolutions.
        signs: Sign1 and Sign2 are counted.
        mwords: the memory, millions of words.
    """

    depth: int
    inflated: str
    where: str
    stem: int
    classes: int
    binarised: tuple[int, ...]
    projection: bool
    signs: bool
    mwords: float


_COMMON = "as usual"  # the blocks that the common I3D inflates: in depth 18 all of them
_WHERE = {
    _COMMON: None,
    "all blocks": lambda stage, block: True,
    "every second": lambda stage, block: block % 2 == 0,
    "last two stages": lambda stage, block: stage >= 2,
    "no block": lambda stage, block: False,
}


def readings(target: float, *, binary: bool) -> list[Reading]:
    """Everything that "I3D on ResNet3D" could mean, nearest to a memory first.

    Args:
        target: millions of words.
        binary: readings of the 1-bit network, else of the real one.
    """
    found = []
    for depth, where, stem, classes in product((18, 50), _WHERE, (1, 3, 5, 7), (0, 51, 101, 400)):
        if depth == 18 and where == "all blocks":
            continue
        for inflated in ("3x1x1", "3x3x3") if depth == 50 else ("3x3x3",):
            shape = _shape(depth, inflated, where, stem)
            for binarised, projection, signs in (
                _binarisations(depth) if binary else [((), True, 0)]
            ):
                counted = count_resnet3d(
                    shape, classes=classes, binarised=binarised, projection=projection, signs=signs
                )
                found.append(
                    Reading(
                        depth, inflated, where, stem, classes,
                        binarised, projection, bool(signs), counted.mwords,
                    )
                )  # fmt: skip
    return sorted(found, key=lambda reading: abs(reading.mwords - target))


def _shape(depth: int, inflated: str, where: str, stem: int) -> ResNet3DConfig:
    shape = i3d(depth)
    if where != _COMMON:
        flags = tuple(
            tuple(_WHERE[where](stage, block) for block in range(count))
            for stage, count in enumerate(shape.blocks)
        )
        shape = replace(shape, inflate=flags)
    return replace(shape, inflated=inflated, stem_kernel=(stem, 7, 7))


def _binarisations(depth: int) -> list[tuple[tuple[int, ...], bool, bool]]:
    places = (1, 2, 3) if depth == 50 else (1, 2)
    chosen = [c for size in range(1, len(places) + 1) for c in combinations(places, size)]
    return list(product(chosen, (False, True), (False, True)))
