"""Attention that shows its weights, and a small transformer for clips.

How much each *query* token takes from each *key* token is a weight; a query's weights sum to one.
Tokens are ``(N, S, D)``; a mask ``(N, S)`` is True where a token is real. Equations: Vaswani et
al., NeurIPS 2017, Sect. 3; the norm before each sublayer: Xiong et al., ICML 2020; tubelets: ViViT
(Arnab et al., ICCV 2021, Sect. 3.2); every token looks at all others in space and time: the "joint
space-time attention" of TimeSformer (Bertasius et al., ICML 2021).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from vidlab.nn.clips import check_clips
from vidlab.nn.ctc import length_mask


def attend(q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None = None) -> tuple[Tensor, Tensor]:
    """``softmax(Q Kᵀ / √d) V`` and the softmax itself (Vaswani et al., equation 1).

    Queries ``(..., Q, d)``, keys ``(..., K, d)``, values ``(..., K, e)`` give ``(..., Q, e)`` and
    weights ``(..., Q, K)``. ``mask`` broadcasts to the weights, which are exactly 0 where it is
    False; each query needs one key or more.
    """
    scores = q @ k.mT / math.sqrt(q.shape[-1])
    if mask is not None:
        scores = scores.masked_fill(~mask, -math.inf)
    weights = scores.softmax(-1)
    return weights @ v, weights


class MultiHeadAttention(nn.Module):
    """Several attentions side by side, each in its own ``dim / heads`` dimensions.

    ``forward`` takes queries ``(N, Q, dim)``, keys ``(N, K, dim)`` (None: the queries, which is
    self-attention) and a mask ``(N, K)`` of real keys. It returns ``(N, Q, dim)`` and the weights
    ``(N, heads, Q, K)``; or, where ``weights=False``, None in their place: then the fused kernel
    does the same faster.

    Raises:
        ValueError: ``dim`` is no multiple of ``heads``; a sample without a real key.
    """

    def __init__(self, dim: int, heads: int):
        super().__init__()
        if dim < 1 or heads < 1 or dim % heads:
            raise ValueError(f"dim is {dim}, heads {heads}; allowed: a multiple, both from 1")
        self.heads = heads
        self.query, self.key, self.value, self.out = (nn.Linear(dim, dim) for _ in range(4))

    def forward(
        self,
        queries: Tensor,
        keys: Tensor | None = None,
        mask: Tensor | None = None,
        *,
        weights: bool = True,
    ) -> tuple[Tensor, Tensor | None]:
        keys = queries if keys is None else keys
        if mask is not None:
            mask = _for_all_queries(mask, keys)
        q, k, v = (
            layer(x).unflatten(-1, (self.heads, -1)).transpose(1, 2)
            for layer, x in ((self.query, queries), (self.key, keys), (self.value, keys))
        )
        if weights:
            mixed, shown = attend(q, k, v, mask)
        else:
            mixed, shown = F.scaled_dot_product_attention(q, k, v, mask), None
        return self.out(mixed.transpose(1, 2).flatten(2)), shown


class Block(nn.Module):
    """``x + attention(norm(x))``, then ``x + mlp(norm(x))``; the arguments are the attention's."""

    def __init__(self, dim: int, heads: int, hidden: int, dropout: float = 0.0):
        super().__init__()
        self.norm1, self.norm2 = nn.LayerNorm(dim), nn.LayerNorm(dim)
        self.attention = MultiHeadAttention(dim, heads)
        self.mlp = nn.Sequential(nn.Linear(dim, hidden), nn.GELU(), nn.Linear(hidden, dim))
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor, mask: Tensor | None = None, *, weights: bool = True):
        mixed, shown = self.attention(self.norm1(x), mask=mask, weights=weights)
        x = x + self.dropout(mixed)
        return x + self.dropout(self.mlp(self.norm2(x))), shown


class Encoder(nn.Module):
    """Blocks one after the other, and a last norm.

    ``forward`` takes tokens ``(N, S, dim)`` and a mask ``(N, S)``, and returns tokens
    ``(N, S, dim)`` and the weights of all layers ``(N, layers, heads, S, S)``, or None. What
    stands in padding is arbitrary, but never reaches a real token.
    """

    def __init__(self, layers: int, dim: int, heads: int, hidden: int, dropout: float = 0.0):
        super().__init__()
        if layers < 1:
            raise ValueError(f"layers is {layers}; allowed: 1 or more")
        self.blocks = nn.ModuleList(Block(dim, heads, hidden, dropout) for _ in range(layers))
        self.norm = nn.LayerNorm(dim)

    def forward(self, x: Tensor, mask: Tensor | None = None, *, weights: bool = True):
        shown = []
        for block in self.blocks:
            x, each = block(x, mask, weights=weights)
            shown.append(each)
        return self.norm(x), torch.stack(shown, 1) if weights else None


def sinusoids(grid: tuple[int, int, int], dim: int) -> Tensor:
    """``(T·h·w, dim)`` sines and cosines of each place's t, y and x: near places look alike.

    As in Vaswani et al., Sect. 3.5, a third of the dimensions an axis (the rest is 0); our waves
    go from four times the axis' length down to four places.
    """
    half, parts = dim // 6, []
    for axis, size in enumerate(grid):
        waves = math.pi / 2 / size * size ** torch.linspace(0, 1, half)
        angles = (torch.arange(size) + 0.5)[:, None] * waves
        shape = [size if other == axis else 1 for other in range(3)]
        part = torch.cat([angles.sin(), angles.cos()], 1).view(*shape, 2 * half)
        parts.append(part.expand(*grid, 2 * half))
    return F.pad(torch.cat(parts, -1).flatten(0, 2), (0, dim - 6 * half))


@dataclass(frozen=True)
class VideoTransformerConfig:
    """A transformer over the tubelets of a clip.

    Attributes:
        size: frames T, rows H and columns W of a clip.
        tubelet: frames, rows and columns of one token; each divides its side of ``size``.
        dim: D, width of a token; 6 or more where there are positions.
        layers, heads, hidden, dropout: of the encoder; ``hidden`` is the width of its MLPs.
        positions: add a learned vector for each place; without, a clip is a bag of tubelets.
    """

    size: tuple[int, int, int] = (16, 112, 112)
    tubelet: tuple[int, int, int] = (2, 16, 16)
    dim: int = 192
    layers: int = 6
    heads: int = 3
    hidden: int = 768
    dropout: float = 0.0
    positions: bool = True

    def __post_init__(self):
        names = ("frames", "rows", "columns")
        for name, side, part in zip(names, self.size, self.tubelet, strict=True):
            if part < 1 or side < part or side % part:
                raise ValueError(
                    f"tubelets of {part} {name} for clips of {side}; allowed: what divides {side}"
                )

    @property
    def grid(self) -> tuple[int, int, int]:
        """Tokens along time, rows and columns; they are numbered in this order."""
        t, h, w = (side // part for side, part in zip(self.size, self.tubelet, strict=True))
        return t, h, w


class VideoTransformer(nn.Module):
    """Clips to logits: tubelets, a class token before them, positions, encoder, classifier.

    The class token ("CLS") is number 0; tubelet (t, y, x) of the grid is 1 + (t·h + y)·w + x. The
    classifier reads the class token only. Positions are learned, from :func:`sinusoids` on.

    ``forward`` takes clips ``(N, 3, T, H, W)`` and optionally how many ``frames`` ``(N,)`` of each
    are real (a tubelet that reaches into the padding is masked). It returns logits
    ``(N, classes)``; :meth:`look` returns the weights, too.

    Raises:
        ValueError: a bad size, clips of another shape or not finite, a clip without a real tubelet.
    """

    def __init__(self, classes: int, config: VideoTransformerConfig | None = None):
        super().__init__()
        if classes < 2:
            raise ValueError(f"classes is {classes}; allowed: 2 or more")
        self.config = c = config or VideoTransformerConfig()
        self.embed = nn.Conv3d(3, c.dim, c.tubelet, c.tubelet)  # one linear map for all tubelets
        self.cls = nn.Parameter(0.02 * torch.randn(1, 1, c.dim))
        places = F.pad(0.5 * sinusoids(c.grid, c.dim), (0, 0, 1, 0))  # 0 for the class token
        self.positions = nn.Parameter(places[None]) if c.positions else None
        self.encoder = Encoder(c.layers, c.dim, c.heads, c.hidden, c.dropout)
        self.classifier = nn.Linear(c.dim, classes)

    def forward(self, clips: Tensor, frames: Tensor | None = None) -> Tensor:
        tokens, _ = self.encoder(self.tokens(clips), self._real(frames), weights=False)
        return self.classifier(tokens[:, 0])

    def look(self, clips: Tensor, frames: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Logits ``(N, classes)`` and weights ``(N, layers, heads, S, S)``, rows: queries."""
        tokens, weights = self.encoder(self.tokens(clips), self._real(frames))
        return self.classifier(tokens[:, 0]), weights

    def tokens(self, clips: Tensor) -> Tensor:
        """What the encoder gets, ``(N, S, dim)``."""
        c = self.config
        check_clips(clips, 3, c.tubelet)
        if tuple(clips.shape[2:]) != tuple(c.size):
            raise ValueError(
                f"clips are {tuple(clips.shape[2:])} (T, H, W); this network was made for {c.size}"
            )
        tubelets = self.embed(clips).flatten(2).mT
        tokens = torch.cat([self.cls.expand(len(clips), -1, -1), tubelets], 1)
        return tokens if self.positions is None else tokens + self.positions

    def _real(self, frames: Tensor | None) -> Tensor | None:
        """``(N, S)`` True for the class token and for tubelets of real frames only."""
        if frames is None:
            return None
        (longest, _, _), (span, _, _) = self.config.size, self.config.tubelet
        bad = (frames < span) | (frames > longest)
        if bad.any():
            n = int(bad.nonzero()[0])
            raise ValueError(
                f"clip {n} has {int(frames[n])} real frames; allowed: {span} .. {longest}"
            )
        times, rows, columns = self.config.grid
        real = length_mask(frames.to(self.cls.device) // span, times)
        return F.pad(real.repeat_interleave(rows * columns, 1), (1, 0), value=True)


def _for_all_queries(mask: Tensor, keys: Tensor) -> Tensor:
    """A mask ``(N, K)`` of real keys as ``(N, 1, 1, K)``: the same for all heads and queries."""
    if mask.dtype != torch.bool or mask.shape != keys.shape[:2]:
        raise ValueError(
            f"mask is {mask.dtype} {tuple(mask.shape)}; expected bool {tuple(keys.shape[:2])}"
        )
    empty = ~mask.any(1)
    if empty.any():
        raise ValueError(f"sample {int(empty.nonzero()[0])} has no real token to look at")
    return mask[:, None, None]
