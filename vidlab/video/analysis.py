"""What a video's features say about time: which moments are alike, and where the shots change."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor


def self_similarity(features: Tensor, *, centre: bool = False) -> Tensor:
    """``(T, T)`` cosine of every frame with every other, -1 .. 1.

    Squares of high similarity on the diagonal are shots; squares off it are a shot that comes
    back; lines beside it are something that repeats.

    Args:
        features: ``(T, D)``, finite. A row of zeros is like nothing, not even itself.
        centre: subtract the mean over time first: then it is the deviations that are compared.
            Features that are never negative are all alike without it.

    >>> self_similarity(torch.tensor([[1.0, 0.0], [2.0, 0.0], [0.0, 3.0]])).tolist()
    [[1.0, 1.0, 0.0], [1.0, 1.0, 0.0], [0.0, 0.0, 1.0]]
    """
    rows = _unit_rows(features, centre)
    return (rows @ rows.T).clamp(-1, 1).float()


def frame_distances(features: Tensor, *, centre: bool = False) -> Tensor:
    """``(T,)`` 1 - cosine of each frame and the one before, 0 .. 2; the first is 0.

    Between two rows of zeros it is 0, too: nothing changed. Arguments: :func:`self_similarity`.

    >>> frame_distances(torch.tensor([[1.0, 0.0], [2.0, 0.0], [0.0, 3.0]])).tolist()
    [0.0, 0.0, 1.0]
    """
    rows = _unit_rows(features, centre)
    distances = 1 - (rows[1:] * rows[:-1]).sum(1)
    blank = rows.abs().amax(1) == 0
    distances = distances.masked_fill(blank[1:] & blank[:-1], 0)
    return torch.cat((torch.zeros(1), distances.clamp(0, 2).float()))


@dataclass(frozen=True)
class ShotChanges:
    """Where shots begin.

    Attributes:
        frames: ``(S,)`` int64, the first frame of every shot but the first, ascending.
        distances: ``(T,)`` what was looked at.
        threshold: ``(T,)`` what each distance would have had to reach.
    """

    frames: Tensor
    distances: Tensor
    threshold: Tensor


def shot_changes(
    distances: Tensor, *, window: int = 8, ratio: float = 3.0, floor: float = 0.05
) -> ShotChanges:
    """Cuts: distances that stand out of their own neighbourhood.

    Frame t begins a shot if its distance to the frame before is at least ``ratio`` times the
    largest other one within ``window`` frames on either side, and at least ``floor``. Where much
    moves the threshold is high by itself. (Yeo & Liu, Rapid Scene Analysis on Compressed Video,
    IEEE Trans. CSVT 5(6), 1995; the floor is ours.)

    Not found by it: fades and dissolves, which have no single large step, and two cuts within
    ``window`` frames, which hide each other. A flash makes two large steps and is left out.

    Args:
        distances: ``(T,)`` as from :func:`frame_distances`; the first is not used.
        window: frames on either side, >= 1.
        ratio: above 1.
        floor: 0 or more.
    """
    if distances.dim() != 1 or not len(distances):
        raise ValueError(f"distances have shape {tuple(distances.shape)}; expected (T,), T > 0")
    if not torch.isfinite(distances).all():
        at = int((~torch.isfinite(distances)).nonzero()[0])
        raise ValueError(f"distances are not finite at frame {at}")
    if not isinstance(window, int) or window < 1:
        raise ValueError(f"window is {window}; allowed: whole numbers from 1")
    if not ratio > 1 or not floor >= 0:
        raise ValueError(f"ratio is {ratio}, floor is {floor}; allowed: above 1, and 0 or more")
    steps = distances.clone()
    steps[0] = 0
    padded = F.pad(steps, (window, window))
    around = padded.unfold(0, 2 * window + 1, 1)  # (T, 2 * window + 1)
    others = torch.cat((around[:, :window], around[:, window + 1 :]), 1).amax(1)
    threshold = (ratio * others).clamp_min(floor)
    found = (steps >= threshold) & (steps > 0)
    return ShotChanges(found.nonzero().ravel(), distances, threshold)


@dataclass(frozen=True)
class Found:
    """How many of the true events were found.

    Attributes:
        hits: pairs of a found and a true one.
        found, true: how many there are of each.
    """

    hits: int
    found: int
    true: int

    @property
    def precision(self) -> float:
        """Share of the found ones that are true; 1 if nothing was found."""
        return self.hits / self.found if self.found else 1.0

    @property
    def recall(self) -> float:
        """Share of the true ones that were found; 1 if there are none."""
        return self.hits / self.true if self.true else 1.0


def compare_changes(found: Sequence[int], truth: Sequence[int], tolerance: int = 0) -> Found:
    """Pair found and true frames, each at most once, no further apart than ``tolerance``.

    >>> compare_changes([10, 11, 40], [10, 30], tolerance=1)
    Found(hits=1, found=3, true=2)
    """
    if tolerance < 0:
        raise ValueError(f"tolerance is {tolerance}; allowed: 0 or more")
    left, right = sorted(int(f) for f in found), sorted(int(t) for t in truth)
    hits = i = k = 0
    while i < len(left) and k < len(right):  # the earliest possible pair first: as many as can be
        if abs(left[i] - right[k]) <= tolerance:
            hits, i, k = hits + 1, i + 1, k + 1
        elif left[i] < right[k]:
            i += 1
        else:
            k += 1
    return Found(hits, len(left), len(right))


def _unit_rows(features: Tensor, centre: bool) -> Tensor:
    """Rows of length 1, or of zeros, in double precision: near-equal frames need the digits."""
    if features.dim() != 2 or not features.numel():
        raise ValueError(f"features have shape {tuple(features.shape)}; expected (T, D), not empty")
    if not torch.isfinite(features).all():
        row = int((~torch.isfinite(features)).any(1).nonzero()[0])
        raise ValueError(f"features are not finite in frame {row}")
    rows = features.to(torch.float64)
    nothing = 1e-9 * rows.norm(dim=1).amax()  # what centring leaves of equal rows is rounding
    if centre:
        rows = rows - rows.mean(0)
    length = rows.norm(dim=1, keepdim=True)
    return torch.where(length > nothing, rows / length.clamp_min(1e-300), 0.0)
