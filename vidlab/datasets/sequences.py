"""The protocol of sequence data sets: a sample, a padded batch, and how one becomes the other.

A sequence data set is a ``torch.utils.data.Dataset`` whose items are :class:`SequenceSample`.
Class 0 is the blank (or background) everywhere; real classes start at 1.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

PAD_TRUTH = -1  #: truth of frames beyond a sequence's length


@dataclass(frozen=True)
class SequenceSample:
    """One sequence.

    Attributes:
        frames: ``(T, C, H, W)`` float32 in 0 .. 1.
        targets: ``(U,)`` int64 labels, never 0.
        truth: ``(T,)`` int64 class of each frame (0: none).
        index: its place in the data set.
    """

    frames: Tensor
    targets: Tensor
    truth: Tensor
    index: int


@dataclass(frozen=True)
class SequenceBatch:
    """N sequences padded at their ends.

    Attributes:
        frames: ``(N, T, C, H, W)``, zeros in padding.
        input_lengths: ``(N,)`` frames of each.
        targets: ``(N, U)``, zeros in padding.
        target_lengths: ``(N,)`` labels of each.
        truth: ``(N, T)``, :data:`PAD_TRUTH` in padding.
        index: ``(N,)`` places in the data set.
    """

    frames: Tensor
    input_lengths: Tensor
    targets: Tensor
    target_lengths: Tensor
    truth: Tensor
    index: Tensor

    def to(self, device: torch.device, non_blocking: bool = False) -> SequenceBatch:
        """The same batch on another device."""
        return self._map(lambda tensor: tensor.to(device, non_blocking=non_blocking))

    def pin_memory(self) -> SequenceBatch:
        """The same batch in page-locked memory (called by ``DataLoader``)."""
        return self._map(Tensor.pin_memory)

    def _map(self, function) -> SequenceBatch:
        return SequenceBatch(*(function(getattr(self, f.name)) for f in fields(self)))


def collate(samples: Sequence[SequenceSample]) -> SequenceBatch:
    """Pad samples to the longest and stack them."""
    return SequenceBatch(
        frames=pad_sequence([s.frames for s in samples], batch_first=True),
        input_lengths=torch.tensor([len(s.frames) for s in samples]),
        targets=pad_sequence([s.targets for s in samples], batch_first=True),
        target_lengths=torch.tensor([len(s.targets) for s in samples]),
        truth=pad_sequence([s.truth for s in samples], batch_first=True, padding_value=PAD_TRUTH),
        index=torch.tensor([s.index for s in samples]),
    )
