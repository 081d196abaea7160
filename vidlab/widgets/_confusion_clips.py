"""Many short clips in a page: as many frames, as sharp, as a budget of bytes allows."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from vidlab.widgets.base import as_array, check_frames, encode_frames

# (height in pixels, frames a clip), best first: motion is given up later than sharpness.
SIZES = ((64, 8), (48, 8), (40, 6), (32, 6), (32, 4), (24, 4), (20, 3), (16, 2))
PROBES = 16  # clips from which the size of all is foretold


def check_clips(clips: Sequence | None, count: int) -> list[np.ndarray | None] | None:
    """``count`` clips ``(T, H, W[, 3])`` uint8 or None entries; None where there is none at all.

    Raises:
        ValueError: a wrong number of clips, or the first clip of a wrong shape or dtype.
    """
    if clips is None:
        return None
    if len(clips) != count:
        raise ValueError(f"clips has {len(clips)} entries; truth has {count} samples")
    checked = [
        None if clip is None else as_array(clip, f"clip {i}") for i, clip in enumerate(clips)
    ]
    for i, clip in enumerate(checked):
        if clip is not None:
            check_frames(clip, f"clip {i}")
    return None if all(clip is None for clip in checked) else checked


def pack_clips(clips: list[np.ndarray | None], budget: int) -> list[dict | None]:
    """One sprite sheet a clip, all of them within ``budget`` bytes where any size does it.

    Of each clip frames at even distances are kept, and tall ones are scaled down: the first of
    ``SIZES`` that fits. Clips that do not even fit at the smallest size are packed at that.
    """
    present = [i for i, clip in enumerate(clips) if clip is not None]
    probes = present[:: max(1, len(present) // PROBES)]
    sheets: dict[int, dict] = {}
    for height, most in SIZES:
        last = (height, most) == SIZES[-1]
        probed = sum(_bytes(_pack(clips[i], height, most)) for i in probes)
        if not last and probed / len(probes) * len(present) > 1.1 * budget:
            continue
        sheets = {i: _pack(clips[i], height, most) for i in present}
        if sum(map(_bytes, sheets.values())) <= budget:
            break
    return [sheets.get(i) for i in range(len(clips))]


def even_frames(count: int, most: int) -> np.ndarray:
    """At most ``most`` frame numbers of 0 .. count-1, at even distances, around the middle."""
    kept = min(count, most)
    return ((np.arange(kept) + 0.5) * count / kept).astype(int)


def _pack(clip: np.ndarray, height: int, most: int) -> dict:
    return encode_frames(clip[even_frames(len(clip), most)], height)


def _bytes(sheet: dict) -> int:
    return len(sheet["src"]) + 100  # the names and numbers around it
