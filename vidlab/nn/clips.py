"""What every 3-D network asks of its input, in one sentence each."""

from __future__ import annotations

from torch import Tensor


def check_clips(clips: Tensor, channels: int, least: tuple[int, int, int]) -> None:
    """Raise ``ValueError`` unless clips ``(B, C, T, H, W)`` are what a network can take.

    Args:
        clips: the input.
        channels: C that the network was built for.
        least: fewest frames, rows and columns that its strides leave something of.
    """
    if clips.dim() != 5:
        raise ValueError(f"clips have shape {tuple(clips.shape)}; expected (B, C, T, H, W)")
    if clips.shape[1] != channels:
        raise ValueError(f"clips have {clips.shape[1]} channels; this network takes {channels}")
    for name, got, low in zip(("frames", "rows", "columns"), clips.shape[2:], least, strict=True):
        if got < low:
            raise ValueError(f"clips have {got} {name}; this network's strides need {low} or more")
    bad = ~clips.flatten(1).isfinite().all(1)
    if bad.any():
        raise ValueError(f"clip {int(bad.nonzero()[0])} of the batch holds NaN or infinite values")
