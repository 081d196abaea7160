"""What a measured difference says about a claim."""

from __future__ import annotations

import math


def verdict(difference: float, margin: float) -> bool | None:
    """True if the difference exceeds the margin, False if it is below minus the margin.

    In between one run cannot tell: None, "not tested". ``margin`` >= 0 is the smallest
    difference that counts, fixed before the run.

    >>> verdict(0.05, 0.02), verdict(-0.05, 0.02), verdict(0.01, 0.02)
    (True, False, None)
    """
    if not (math.isfinite(difference) and math.isfinite(margin) and margin >= 0):
        raise ValueError(
            f"got difference={difference}, margin={margin}; allowed: finite, margin >= 0"
        )
    if difference > margin:
        return True
    return False if difference < -margin else None
