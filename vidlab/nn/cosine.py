"""A classifier that sees directions only: features and class weights on the unit hypersphere."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class CosineClassifier(nn.Module):
    """``cos θ_k = v·W_k / (|v| |W_k|)`` for each class k, without bias.

    Args:
        dim: size D of the features, >= 1.
        classes: number of classes C, >= 2.

    ``forward`` takes features ``(..., D)`` and returns cosines ``(..., C)`` in -1 .. 1.
    """

    def __init__(self, dim: int, classes: int):
        super().__init__()
        if dim < 1 or classes < 2:
            raise ValueError(f"got dim={dim}, classes={classes}; allowed: dim >= 1, classes >= 2")
        self.weight = nn.Parameter(torch.empty(classes, dim))
        nn.init.normal_(self.weight)  # directions uniform on the sphere

    @property
    def centres(self) -> Tensor:
        """Unit class centres ``W`` ``(C, D)``."""
        return unit(self.weight)

    def forward(self, features: Tensor) -> Tensor:
        return F.linear(unit(features), self.centres)


class UnitCentreClassifier(nn.Module):
    """``v·W_k / |W_k|`` for each class k, without bias: centres have unit length, features do not.

    The length of a feature stays free and tells how sure the classifier is. Sizes and shapes are
    those of :class:`CosineClassifier`.
    """

    def __init__(self, dim: int, classes: int):
        super().__init__()
        if dim < 1 or classes < 2:
            raise ValueError(f"got dim={dim}, classes={classes}; allowed: dim >= 1, classes >= 2")
        self.weight = nn.Parameter(torch.empty(classes, dim))
        nn.init.normal_(self.weight)

    @property
    def centres(self) -> Tensor:
        """Unit class centres ``W`` ``(C, D)``."""
        return unit(self.weight)

    def forward(self, features: Tensor) -> Tensor:
        return F.linear(features, self.centres)


def unit(vectors: Tensor) -> Tensor:
    """The vectors ``(..., D)`` at unit length; a zero vector stays zero, with a tame gradient."""
    return F.normalize(vectors, dim=-1, eps=1e-6)
