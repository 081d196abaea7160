"""The layers of a packed network; :mod:`vidlab.nn.packed` says what they are for."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from vidlab.nn._packed_layout import (
    ConvShape,
    Plan,
    from_bits,
    lane_weights,
    make_plan,
    to_bits,
)
from vidlab.nn.binary import BinaryConv3d, BitConv, best_scale

NO_TRAINING = "a packed network cannot be trained; train the binary network and pack it again"
LARGEST_SUM = 2**16 - 1  #: terms of a sum that the CPU's kernels can count


def available() -> str | None:
    """None where the compiled CPU kernels can run, else a sentence that says why they cannot."""
    try:
        from vidlab.nn import _packed_cpu  # noqa: F401
    except ImportError as error:
        return f"packed kernels need numba: pip install 'vidlab[fast]' ({error})"
    return None


def refuse_gradient(x: Tensor) -> None:
    """Raise a sentence where x asks for what packed layers do not give."""
    if torch.is_grad_enabled() and x.requires_grad:
        raise RuntimeError(NO_TRAINING + " (x asks for a gradient; use torch.no_grad())")


class PackedConv3d(nn.Module):
    """:class:`~vidlab.nn.binary.BinaryConv3d` on bits; make it with :meth:`from_binary`.

    Args:
        shape: sizes of the convolution.
        bits: ``(Cout, ⌈terms / 8⌉)`` uint8, see :func:`vidlab.nn._packed_layout.to_bits`.
        scale: ``(Cout,)`` factors of the sums, or None.

    ``forward`` takes ``(B, Cin, T, H, W)``, real; what counts is whether a value is >= 0. It
    returns the sums, ``(B, Cout, T', H', W')`` float32, whole numbers where there is no scale.
    """

    def __init__(self, shape: ConvShape, bits: Tensor, scale: Tensor | None = None):
        super().__init__()
        self.shape = shape
        self.register_buffer("bits", bits)
        self.register_buffer("scale", scale)
        self._layouts: dict = {}

    @classmethod
    def from_binary(cls, conv: BinaryConv3d) -> PackedConv3d:
        """Pack the signs of a convolution's weights.

        Raises:
            ValueError: it is in stage one (not binarised), or padded by a word.
        """
        if not conv.binarised:
            raise ValueError("this convolution is not binarised; call set_binarised(network, True)")
        if isinstance(conv.padding, str):
            raise ValueError(f"padding is {conv.padding!r}; packed layers take numbers")
        shape = ConvShape(
            conv.in_channels, conv.out_channels, *map(
                tuple, (conv.kernel_size, conv.stride, conv.padding, conv.dilation)
            ), conv.groups,
        )  # fmt: skip
        weight = conv.weight.detach()
        bits = torch.from_numpy(to_bits((weight >= 0).cpu().numpy())).to(weight.device)
        return cls(shape, bits, best_scale(weight).float() if conv.scale else None).eval()

    def train(self, mode: bool = True) -> PackedConv3d:
        """Only ``train(False)`` is possible."""
        if mode:
            raise RuntimeError(NO_TRAINING)
        return super().train(False)

    def extra_repr(self) -> str:
        s = self.shape
        return (
            f"{s.in_channels}, {s.out_channels}, kernel_size={s.kernel}, stride={s.stride}, "
            f"padding={s.padding}, dilation={s.dilation}, groups={s.groups}"
        )

    def forward(self, x: Tensor) -> Tensor:
        self.check(x)
        affine = torch.zeros(6, self.shape.out_channels, device=x.device)
        affine[[0, 1, 4]] = 1
        if self.scale is not None:
            affine[0] = self.scale
        threshold = torch.zeros(self.shape.in_channels, device=x.device, dtype=x.dtype)
        return self.fused(x, threshold, affine, None)

    def check(self, x: Tensor) -> None:
        """Raise a sentence for an input that the layer cannot take."""
        if x.ndim != 5 or x.shape[1] != self.shape.in_channels:
            raise ValueError(
                f"x has shape {tuple(x.shape)}; allowed: (B, {self.shape.in_channels}, T, H, W)"
            )
        if not x.is_floating_point():
            raise ValueError(f"x is {x.dtype}; allowed: floating point")
        if min(self.shape.out_size(tuple(x.shape[2:]))) < 1:
            raise ValueError(
                f"x is {tuple(x.shape[2:])} (T, H, W); with padding {self.shape.padding} that is "
                f"smaller than the kernel {self.shape.kernel}, dilation {self.shape.dilation}"
            )
        refuse_gradient(x)

    @torch.no_grad()
    def fused(
        self, x: Tensor, threshold: Tensor, affine: Tensor, residual: Tensor | None
    ) -> Tensor:
        """The convolution with what stands before and after it.

        With ``d`` the signs' sum of products and ``scale, gain, offset, before, slope, after`` the
        rows of ``affine``: ``u = gain * (scale * d) + offset + residual + before``, then u where
        u > 0, else ``slope * u``, plus ``after``.

        Args:
            x: ``(B, Cin, T, H, W)``, checked.
            threshold: ``(Cin,)``: the signs are those of ``x + threshold``.
            affine: ``(6, Cout)`` float32.
            residual: ``(B, C, T', H', W')``, repeated along C; Cout is a multiple of C.
        """
        batch, size = len(x), self.shape.out_size(tuple(x.shape[2:]))
        if x.dtype != torch.float32:  # decide in the given precision
            x = torch.where(x + threshold.view(-1, 1, 1, 1) >= 0, 1.0, -1.0)
            threshold = torch.zeros_like(threshold)
        threshold = threshold.float()
        if x.is_cuda:
            sums = _sums_on_cuda(self, x, threshold)
            return _finish(sums, affine, residual)
        if self.shape.terms > LARGEST_SUM or available() is not None or batch == 0:
            return _finish(_float_sums(self, x, threshold), affine, residual)
        from vidlab.nn import _packed_cpu

        out = torch.empty(batch, *size, self.shape.out_channels)
        places = batch * size[0] * size[1] * size[2]
        skip = np.zeros((0, 1), np.float32) if residual is None else _channels_last(residual)
        _packed_cpu.run(
            self.plan(batch, tuple(x.shape[2:])),
            self.lane_weights(),
            _channels_last(x),
            threshold.contiguous().numpy(),
            affine.contiguous().numpy(),
            skip,
            out.view(places, -1).numpy(),
            torch.get_num_threads(),
        )
        return out.permute(0, 4, 1, 2, 3)

    def layout(self, name: object, make: Callable[[np.ndarray], object]) -> object:
        """What ``make(bits)`` gave, kept until the bits are others (a new state dict, a move)."""
        version = 0 if self.bits.is_inference() else self.bits._version
        kept = self._layouts
        of = kept.get("bits")
        if of is None or of[0] is not self.bits or of[1] != version or len(kept) > 16:
            kept = self._layouts = {"bits": (self.bits, version)}  # 16: clips of ever new sizes
        if name not in kept:
            kept[name] = make(self.bits.cpu().numpy())
        return kept[name]

    def lane_weights(self) -> np.ndarray:
        """The weights as the CPU's kernels read them."""
        return self.layout("lanes", lambda bits: lane_weights(bits, self.shape))

    def plan(self, batch: int, size: tuple[int, int, int]) -> Plan:
        """The plan for one input size, kept for the next call."""
        return self.layout((batch, size), lambda bits: make_plan(self.shape, bits, batch, size))


class PackedBitConv(nn.Module):
    """:class:`~vidlab.nn.binary.BitConv` in two passes: pack the signs, then all the rest at once.

    ``forward`` takes ``(B, Cin, T, H, W)`` and returns what the block returned, in x's type and
    computed in float32: the sums are exact, the steps after them round as PyTorch's do.
    """

    def __init__(self, block: BitConv):
        super().__init__()
        self.conv = PackedConv3d.from_binary(block.conv)
        self.shortcut = block.shortcut
        norm = block.norm
        gain = norm.weight.detach() / torch.sqrt(norm.running_var + norm.eps)
        affine = torch.zeros(6, block.conv.out_channels, device=gain.device)
        affine[0] = 1 if self.conv.scale is None else self.conv.scale
        affine[1] = gain
        affine[2] = norm.bias.detach() - norm.running_mean * gain
        affine[4] = 1
        if not isinstance(block.sign2, nn.Identity):
            affine[3] = block.sign2.before.detach()
            affine[4] = block.sign2.prelu.weight.detach()
            affine[5] = block.sign2.after.detach()
        self.register_buffer("threshold", block.sign1.bias.detach().clone())
        self.register_buffer("affine", affine)
        self.eval()

    def forward(self, x: Tensor) -> Tensor:
        self.conv.check(x)
        # Channels are not repeated yet: the kernels do that as they read.
        residual = None if self.shortcut is None else self.shortcut.averaged(x)
        y = self.conv.fused(x, self.threshold, self.affine.float(), residual)
        return y.to(x.dtype)


class PackedStem(nn.Module):
    """A real convolution of few channels and the pooling behind it, as they were, but in one pass.

    Args:
        conv: without groups, padded by numbers.
        pool: behind it, or None; windows side by side.

    ``forward`` takes ``(B, C, T, H, W)``. Off the CPU, in other types than float32 or without
    numba the two layers run as they are.
    """

    def __init__(self, conv: nn.Conv3d, pool: nn.MaxPool3d | None):
        super().__init__()
        self.conv = conv
        self.pool = nn.Identity() if pool is None else pool
        self.window = (1, 1, 1) if pool is None else _triple(pool.kernel_size)

    def forward(self, x: Tensor) -> Tensor:
        refuse_gradient(x)
        if x.device.type == "cpu" and x.dtype == self.conv.weight.dtype == torch.float32:
            right = x.ndim == 5 and x.shape[1] == self.conv.in_channels
            if right and min(self.out_size(x)) >= 1 and available() is None:
                from vidlab.nn import _packed_stem

                return _packed_stem.run(x, self.conv, self.window, self.out_size(x))
        return self.pool(self.conv(x))  # which also says what is wrong with x

    def out_size(self, x: Tensor) -> tuple[int, int, int]:
        """Output size (time, height, width); < 1 where kernel or window do not fit."""
        c = self.conv
        shape = ConvShape(1, 1, c.kernel_size, c.stride, c.padding, c.dilation, 1)
        return tuple(
            n // k for n, k in zip(shape.out_size(tuple(x.shape[2:])), self.window, strict=True)
        )

    @staticmethod
    def fits(conv: nn.Module) -> bool:
        """Is this a convolution that the one pass was made for?"""
        return (
            type(conv) is nn.Conv3d
            and conv.in_channels <= 4
            and conv.groups == 1
            and conv.padding_mode == "zeros"
            and not isinstance(conv.padding, str)
        )

    @staticmethod
    def pools(pool: nn.Module) -> bool:
        """Is this a pooling whose windows lie side by side, all inside?"""
        return (
            type(pool) is nn.MaxPool3d
            and _triple(pool.kernel_size) == _triple(pool.stride)
            and _triple(pool.padding) == (0, 0, 0)
            and _triple(pool.dilation) == (1, 1, 1)
            and not (pool.ceil_mode or pool.return_indices)
        )


def _triple(value: int | tuple[int, int, int]) -> tuple[int, int, int]:
    return (value,) * 3 if isinstance(value, int) else tuple(value)


def _channels_last(x: Tensor) -> np.ndarray:
    """``(B, C, T, H, W)`` to ``(B * T * H * W, C)`` float32; a view where it lies so already."""
    x = x.detach().float().permute(0, 2, 3, 4, 1).contiguous()
    return x.view(-1, x.shape[-1]).numpy()


def _sums_on_cuda(conv: PackedConv3d, x: Tensor, threshold: Tensor) -> Tensor:
    from vidlab.nn import _packed_triton

    if _packed_triton.triton is None:
        return _float_sums(conv, x, threshold)
    weights = conv.layout(
        "words",
        lambda bits: torch.from_numpy(_packed_triton.words_of(bits, conv.shape)).to(x.device),
    )
    with torch.cuda.device(x.device):
        return _packed_triton.sums(conv.shape, weights, x, threshold)


def _float_sums(conv: PackedConv3d, x: Tensor, threshold: Tensor) -> Tensor:
    """The sums by PyTorch's float convolution of unpacked signs, on any device."""
    signs = torch.where(x + threshold.view(-1, 1, 1, 1) >= 0, 1.0, -1.0)
    weight = torch.from_numpy(from_bits(conv.bits.cpu().numpy(), conv.shape)).to(x.device)
    weight = weight.permute(0, 4, 1, 2, 3).float().mul_(2).sub_(1)
    s = conv.shape
    with torch.autocast(x.device.type, enabled=False):
        sums = F.conv3d(signs, weight, None, s.stride, s.padding, s.dilation, s.groups)
    return sums.round_()  # an algorithm that is not a plain sum may be off by a little


def _finish(sums: Tensor, affine: Tensor, residual: Tensor | None) -> Tensor:
    """What :meth:`PackedConv3d.fused` says stands after the sums, step by step."""
    scale, gain, offset, before, slope, after = affine.view(6, -1, 1, 1, 1)
    u = sums * scale * gain + offset
    if residual is not None:
        u = u + residual.float().repeat(1, u.shape[1] // residual.shape[1], 1, 1, 1)
    u = u + before
    return torch.where(u > 0, u, slope * u) + after
