"""Data with ground truth: generators, and adapters for the real sets a user may have."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from vidlab.datasets.base import DataError, Found

__all__ = ["DataError", "Found", "check"]


def check(
    data_dir: Path | str | None = None,
    *,
    progress: Callable[[str, int, int], None] | None = None,
) -> list[Found]:
    """Look at every data set vidlab can use: what is there, what is missing, how to get it.

    Args:
        data_dir: folder with the user's own copies of real data sets, or None.
        progress: called with (data set, files done, files in all) while videos and frames are
            opened.
    """
    from vidlab.datasets import (
        digits,
        gloss_check,
        jester_check,
        scene_text_check,
        shipped_clips,
        video_check,
    )
    from vidlab.datasets.mentions import check as mentions_check
    from vidlab.datasets.signing import weights

    data_dir = Path(data_dir) if data_dir is not None else None
    return [
        *digits.check(data_dir),
        *shipped_clips.check(),
        *weights.check(),
        *video_check.check(data_dir, progress),
        *jester_check.check(data_dir, progress),
        *gloss_check.check(data_dir, progress),
        *scene_text_check.check(data_dir, progress),
        *mentions_check.check(data_dir),
    ]
