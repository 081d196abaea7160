"""Settings within limits: one sentence for each that is not, naming it and what is allowed."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np


def check_whole(name: str, value: int, low: int, high: int | None = None) -> None:
    """Refuse what is not a whole number in low .. high (None: no upper limit)."""
    whole = isinstance(value, int | np.integer) and not isinstance(value, bool)
    if not whole or value < low or (high is not None and value > high):
        allowed = f"from {low}" if high is None else f"in {low} .. {high}"
        raise ValueError(f"{name} is {value!r}; allowed: whole numbers {allowed}")


def check_range(name: str, value: float, low: float, high: float) -> None:
    """Refuse a number outside low .. high."""
    if not (isinstance(value, int | float) and math.isfinite(value) and low <= value <= high):
        raise ValueError(f"{name} is {value!r}; allowed: {low} .. {high}")


def check_pair(name: str, pair: Sequence[float], low: float, high: float) -> None:
    """Refuse what is not a smallest and a largest number within low .. high."""
    if len(pair) != 2 or not low <= pair[0] <= pair[1] <= high:
        raise ValueError(f"{name} is {pair}; allowed: (smallest, largest) within {low} .. {high}")
