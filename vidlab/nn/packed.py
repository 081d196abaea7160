"""Packed inference: weights of one bit, XNOR and bit counts in the place of multiplications.

A sum of n products of ±1 is ``n - 2 d``, where d of the n pairs of signs differ (Han et al., MMM
2023, Sect. 1; Rastegari et al., XNOR-Net, ECCV 2016). :func:`pack` turns a trained binary network
into one that computes d from bits. The sums are the same whole numbers as those of the float
convolution of the signs, also at borders, where padding with zeros leaves terms out.

Where it runs:

- CPU with numba (``pip install 'vidlab[fast]'``): compiled kernels, on as many threads as
  ``torch.get_num_threads()`` says. :func:`available` tells why not. The first call compiles
  (some seconds); numba keeps the result on disk.
- CUDA with Triton: kernels of :mod:`vidlab.nn._packed_triton`.
- Else: the signs are unpacked and PyTorch's float convolution does the work. Right, not fast.

A packed network is for inference: its parameters ask for no gradients, and ``train()`` is refused.
Between packed layers activations lie channels last (``torch.channels_last_3d``); shapes are
``(B, C, T, H, W)`` as ever.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass
from types import MethodType

from torch import nn

from vidlab.nn._packed_layers import (
    NO_TRAINING,
    PackedBitConv,
    PackedConv3d,
    PackedStem,
    available,
)
from vidlab.nn.binary import BinaryConv3d, BitConv, Sign1

__all__ = [
    "NO_TRAINING",
    "PackedBitConv",
    "PackedConv3d",
    "PackedStem",
    "Storage",
    "available",
    "pack",
    "storage",
]


@dataclass(frozen=True)
class Storage:
    """What the binary weights of a packed network take.

    Attributes:
        weights: how many there are.
        bits: in the state dict: one each, every filter filled up to whole bytes.
        working_bits: of the copy that the CPU's kernels read, made at the first call: filters
            filled up to 64, channels to 8.
    """

    weights: int
    bits: int
    working_bits: int

    @property
    def saving(self) -> float:
        """Times smaller than float32; at most 32."""
        return 32 * self.weights / self.bits


def storage(network: nn.Module) -> Storage:
    """Count the packed weights of a network.

    Raises:
        ValueError: it has none.
    """
    layers = [m for m in network.modules() if isinstance(m, PackedConv3d)]
    if not layers:
        raise ValueError("the network has no packed convolution; pack(network) makes them")
    return Storage(
        sum(m.shape.out_channels * m.shape.terms for m in layers),
        sum(8 * m.bits.numel() for m in layers),
        sum(8 * m.shape.lane_bytes for m in layers),
    )


def pack(network: nn.Module, *, stem: bool = True) -> nn.Module:
    """A copy of a trained binary network that infers on bits; the network stays as it is.

    Every BitConv becomes a :class:`PackedBitConv`, every other BinaryConv3d a
    :class:`PackedConv3d`. The copy is in evaluation mode and asks for no gradients. All else
    (poolings, fully connected layers, …) is copied as it is.

    Args:
        network: with every binary layer binarised.
        stem: also make real convolutions of at most four channels (a network's first) a
            :class:`PackedStem`, with the pooling that follows in the same ``nn.Sequential``. It
            may round otherwise than PyTorch's convolution does (see its module).

    Raises:
        ValueError: a layer is in stage one (not binarised), or none is binary.
    """
    waiting = [
        name or "the network itself"
        for name, module in network.named_modules()
        if isinstance(module, (Sign1, BinaryConv3d)) and not module.binarised
    ]
    if waiting:
        raise ValueError(
            f"not binarised: {', '.join(waiting)}; call set_binarised(network, True) first"
        )
    packed = copy.deepcopy(network)
    if stem:
        _merge_stems(packed)
    packed = _replace(packed, {})
    if not any(isinstance(module, PackedConv3d) for module in packed.modules()):
        raise ValueError(f"{type(network).__name__} has no binary convolution to pack")
    packed.train = MethodType(train, packed)
    return packed.requires_grad_(False).eval()


def train(network: nn.Module, mode: bool = True) -> nn.Module:
    """What ``train`` of a packed network is: refused at once.

    The packed layers refuse too, but by then a batch norm or dropout before them would have
    changed its mode. (The name is the method's: pickle looks for it.)
    """
    if mode:
        raise RuntimeError(NO_TRAINING)
    return type(network).train(network, False)


def _replace(module: nn.Module, done: dict[nn.Module, nn.Module]) -> nn.Module:
    """The module or its packed form, children first; a module used twice stays one."""
    if module not in done:
        if isinstance(module, BitConv):
            done[module] = PackedBitConv(module)
        elif isinstance(module, BinaryConv3d):
            done[module] = PackedConv3d.from_binary(module)
        else:
            done[module] = module
            for name, child in module._modules.items():  # not named_children: it skips repeats
                module._modules[name] = None if child is None else _replace(child, done)
    return done[module]


def _merge_stems(network: nn.Module) -> None:
    """Put a :class:`PackedStem` where one fits; the place of its pooling is left to an identity."""
    for chain in list(network.modules()):
        if type(chain) is nn.Sequential:
            for n, module in enumerate(chain):
                if PackedStem.fits(module):
                    after = chain[n + 1] if n + 1 < len(chain) else None
                    pool = after if PackedStem.pools(after) else None
                    chain[n] = PackedStem(module, pool)
                    if pool is not None:
                        chain[n + 1] = nn.Identity()
