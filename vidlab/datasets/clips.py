"""The protocol of clip data sets: a labelled clip, a batch, and how one becomes the other.

A clip data set is a ``torch.utils.data.Dataset`` whose items are :class:`ClipSample`, with two
attributes more: ``class_names`` (one a class, in order) and ``groups`` (one a clip: the video,
scene, signer or camera that it was cut from; what a split must keep together).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

import torch
from torch import Tensor


@dataclass(frozen=True)
class ClipSample:
    """One clip.

    Attributes:
        frames: ``(T, C, H, W)`` uint8, as the video layer returns them.
        label: its class, from 0.
        index: its place in the data set.
    """

    frames: Tensor
    label: int
    index: int


@dataclass(frozen=True)
class ClipBatch:
    """N clips of one length.

    Attributes:
        clips: ``(N, C, T, H, W)`` float32 in -1 .. 1, as 3-D convolutions take them.
        labels: ``(N,)`` int64 classes.
        index: ``(N,)`` int64 places in the data set.
    """

    clips: Tensor
    labels: Tensor
    index: Tensor

    def to(self, device: torch.device, non_blocking: bool = False) -> ClipBatch:
        """The same batch on another device."""
        return self._map(lambda tensor: tensor.to(device, non_blocking=non_blocking))

    def pin_memory(self) -> ClipBatch:
        """The same batch in page-locked memory (called by ``DataLoader``)."""
        return self._map(Tensor.pin_memory)

    def _map(self, function) -> ClipBatch:
        return ClipBatch(*(function(getattr(self, f.name)) for f in fields(self)))


def to_clips(frames: Tensor) -> Tensor:
    """Frames ``(…, T, C, H, W)`` uint8 as a network's input ``(…, C, T, H, W)`` in -1 .. 1."""
    if frames.dtype != torch.uint8 or frames.dim() < 4:
        raise ValueError(
            f"frames are {frames.dtype} of shape {tuple(frames.shape)}; "
            "expected uint8 (..., T, C, H, W)"
        )
    return frames.transpose(-4, -3).float().div(127.5).sub(1)


def collate_clips(samples: Sequence[ClipSample]) -> ClipBatch:
    """Stack clips of one shape.

    Raises:
        ValueError: clips of different shapes; the message names two.
    """
    first = samples[0]
    for sample in samples:
        if sample.frames.shape != first.frames.shape:
            raise ValueError(
                f"clip {sample.index} has shape {tuple(sample.frames.shape)}, clip {first.index} "
                f"{tuple(first.frames.shape)}; a batch needs one shape"
            )
    return ClipBatch(
        clips=to_clips(torch.stack([s.frames for s in samples])),
        labels=torch.tensor([s.label for s in samples]),
        index=torch.tensor([s.index for s in samples]),
    )
