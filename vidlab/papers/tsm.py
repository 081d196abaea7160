"""TSM: a 2-D network looks at its neighbours in time by moving channels, at no cost.

Lin, Gan, Han, "TSM: Temporal Shift Module for Efficient Video Understanding", ICCV 2019. Some
channels of every frame are taken from the next frame, some from the one before, the others stay
(Sect. 3.1); zeros come in at the ends. Nothing is multiplied and nothing is learned: the
convolution behind it does the mixing.

1. *Offline* (Sect. 4.1): both ways (:func:`shift`, :class:`Shift`).
2. *Where* (Sect. 3.3): inside the residual branch, so that the skip connection still has the whole
   frame; in place, before branch and skip, it costs the frame what was moved (:func:`block`).
3. *Online* (Sect. 4.2): only from the past. A network then needs, of the frame before, the moved
   channels and no more: :func:`stream` keeps them from one call to the next.

``share`` is the share of *all* channels that move. The paper's best, a quarter, is an eighth each
way; online, an eighth. Readings: C · share / 2 is rounded down; of an odd number of moved channels
the last one stays.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from vidlab.nn.frames import Block, plain_block

Direction = Literal["both", "past"]


def shift(x: Tensor, share: float = 1 / 4, direction: Direction = "both") -> Tensor:
    """Move channels by one frame: Y (Sect. 3.1, Fig. 1).

    Args:
        x: ``(N, T, C, H, W)``, X.
        share: of the channels that move, 0 .. 1.
        direction: "both": the first half of them comes from the next frame, the second from the
            one before. "past": all come from the frame before.

    Returns:
        ``(N, T, C, H, W)``; a moved channel has zeros where there is no such frame.

    Raises:
        ValueError: another shape, share or direction; a share so small that no channel moves.
    """
    ahead, back = moved_channels(check_maps(x).shape[2], share, direction)
    last = x.movedim(2, -1)  # channels side by side, as convolutions keep them: copies are fast
    pieces = (
        F.pad(last[:, 1:, ..., :ahead], (0,) * 6 + (0, 1)),
        F.pad(last[:, :-1, ..., ahead : ahead + back], (0,) * 6 + (1, 0)),
        last[..., ahead + back :],
    )
    return torch.cat(pieces, -1).movedim(-1, 2)


def shift_past(x: Tensor, moved: int, cache: Tensor | None = None) -> tuple[Tensor, Tensor]:
    """Take the first ``moved`` channels from the frame before, which may lie in an earlier piece.

    Args:
        x: ``(N, T, C, H, W)``, a piece of a film, T >= 1.
        moved: C_s, channels that move.
        cache: ``(N, 1, moved, H, W)``, those of the frame before the piece; None: it is the first,
            and zeros come in.

    Returns:
        The piece after the shift, and the cache for the next piece.

    Raises:
        ValueError: another shape, also of the cache (a film with other frames).
    """
    check_maps(x)
    if cache is None:
        cache = torch.zeros_like(x[:, :1, :moved])
    if cache.shape != x[:, :1, :moved].shape:
        raise ValueError(
            f"the cache has shape {tuple(cache.shape)}, the frames {tuple(x.shape)}; expected "
            f"{tuple(x[:, :1, :moved].shape)}: does this piece belong to another film?"
        )
    before = torch.cat((cache, x[:, :-1, :moved]), 1)
    return torch.cat((before, x[:, :, moved:]), 2), x[:, -1:, :moved].clone()


def moved_channels(channels: int, share: float, direction: Direction) -> tuple[int, int]:
    """How many of C channels come from the next frame, and how many from the one before.

    >>> moved_channels(64, 1 / 4, "both"), moved_channels(64, 1 / 8, "past")
    ((8, 8), (0, 8))
    """
    if direction not in ("both", "past"):
        raise ValueError(f'direction is {direction!r}; allowed: "both", "past"')
    if not 0 <= share <= 1:
        raise ValueError(f"share is {share}; allowed: 0 .. 1")
    ways = 2 if direction == "both" else 1
    each = int(channels * share / ways + 1e-9)  # 1/3 of 48 is 16, not 15.999
    if share and not each:
        raise ValueError(
            f"a share of {share:g} moves none of {channels} channels; allowed: 0, or "
            f"{ways / channels:g} and more"
        )
    return (each, each) if direction == "both" else (0, each)


def check_maps(x: Tensor) -> Tensor:
    """The features themselves, if they are ``(N, T, C, H, W)`` with T >= 1; else ValueError."""
    if x.dim() != 5 or not x.shape[1]:
        raise ValueError(
            f"features have shape {tuple(x.shape)}; expected (N, T, C, H, W), T >= 1: clips and "
            "frames apart, so that no frame meets one of another clip"
        )
    return x


class Shift(nn.Module):
    """:func:`shift` as a layer, without parameters.

    Args:
        share, direction: see :func:`shift`.
    """

    def __init__(self, share: float = 1 / 4, direction: Direction = "both"):
        super().__init__()
        moved_channels(1 << 30, share, direction)  # checks them
        self.share, self.direction = share, direction
        self.streams = False
        self.cache: Tensor | None = None

    def forward(self, x: Tensor) -> Tensor:
        if not self.streams:
            return shift(x, self.share, self.direction)
        _, moved = moved_channels(check_maps(x).shape[2], self.share, self.direction)
        out, self.cache = shift_past(x, moved, self.cache)
        return out

    def extra_repr(self) -> str:
        return f"share={self.share:g}, direction={self.direction!r}"


def block(
    share: float = 1 / 4,
    direction: Direction = "both",
    *,
    residual: bool = True,
    inner: Block = plain_block,
) -> Block:
    """Blocks with a shift, for :class:`~vidlab.nn.frames.FrameNet`.

    Args:
        share, direction: see :func:`shift`.
        residual: the shift is inside the residual branch (Fig. 3b); else in place, before branch
            and skip connection (Fig. 3a).
        inner: makes the blocks themselves; they have a slot ``before`` their residual branch.
    """

    def make(in_channels: int, channels: int, stride: int, place: int) -> nn.Module:
        made = inner(in_channels, channels, stride, place)
        if not residual:
            return nn.Sequential(Shift(share, direction), made)
        made.before = Shift(share, direction)
        return made

    return make


@contextmanager
def stream(network: nn.Module) -> Iterator[None]:
    """Inside, a network of past-only shifts takes one film in pieces, as short as one frame.

    Each shift remembers the moved channels of the last frame that it saw; what comes out, piece
    by piece, is what the whole film at once would give. For one film (or one batch of films of
    equal length); a new ``with`` begins a new one.

    Raises:
        ValueError: no shift, one that looks into the future, or a network that is training (batch
            norm would take its statistics from the piece).

    >>> import torch
    >>> layer, film = Shift(1 / 2, "past").eval(), torch.arange(6.0).view(1, 3, 2, 1, 1)
    >>> with stream(layer):
    ...     pieces = [layer(frame) for frame in film.split(1, dim=1)]
    >>> torch.equal(torch.cat(pieces, 1), layer(film))
    True
    """
    shifts = [module for module in network.modules() if isinstance(module, Shift)]
    if not shifts or any(each.direction != "past" for each in shifts):
        raise ValueError(
            f"got shifts with directions {[each.direction for each in shifts]}; a stream needs "
            'at least one, and "past" in all of them'
        )
    if network.training:
        raise ValueError("the network is in training mode; call .eval() before a stream")
    try:
        for each in shifts:
            each.streams, each.cache = True, None
        yield
    finally:
        for each in shifts:
            each.streams, each.cache = False, None
