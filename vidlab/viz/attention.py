"""Attention drawn over the frames it looks at."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import seaborn as sns
from matplotlib.figure import Figure

from vidlab.viz.style import new_figure


def attention_strips(
    frames: np.ndarray,
    maps: Mapping[str, np.ndarray],
    masks: np.ndarray | None = None,
    titles: Sequence[str] | None = None,
) -> Figure:
    """A row of frames, and under it a row a map: grey frames, the brighter the more attention.

    Args:
        frames: ``(T, H, W, 3)`` uint8, one for each token in time.
        maps: name to weights ``(T, h, w)``, 0 or more; a patch is ``H/h x W/w`` pixels. All maps
            share one scale, from 0 to the largest weight.
        masks: ``(T, H, W)`` bool; outlined in every map.
        titles: one a frame.

    Raises:
        ValueError: maps or masks of another length, or a grid that does not divide the frames.
    """
    count, height, width = frames.shape[:3]
    for name, each in maps.items():
        if each.ndim != 3 or len(each) != count or height % each.shape[1] or width % each.shape[2]:
            raise ValueError(
                f"the map {name!r} has shape {each.shape}; expected (T={count}, h, w) with h and w "
                f"dividing {height} and {width}"
            )
    if masks is not None and masks.shape != frames.shape[:3]:
        raise ValueError(f"masks have shape {masks.shape}; expected {frames.shape[:3]}")
    rows = 1 + len(maps)
    figure, grid = new_figure(rows, count, size=(10, 10 / count * rows * height / width))
    grid = np.asarray(grid).reshape(rows, count)
    largest = max((float(each.max()) for each in maps.values()), default=0.0) or 1.0
    grey = frames.mean(-1) / 255
    for t, axes in enumerate(grid[0]):
        axes.imshow(frames[t])
        if titles is not None:
            axes.set_title(titles[t], fontsize=9)
    for row, (name, each) in zip(grid[1:], maps.items(), strict=True):
        fine = each.repeat(height // each.shape[1], 1).repeat(width // each.shape[2], 2) / largest
        for t, axes in enumerate(row):
            axes.imshow(grey[t], cmap="gray", vmin=0, vmax=1)
            axes.imshow(fine[t], cmap="inferno", vmin=0, vmax=1, alpha=0.25 + 0.65 * fine[t])
            if masks is not None and masks[t].any() and not masks[t].all():
                axes.contour(masks[t], [0.5], colors="#56B4E9", linewidths=1.5)
        row[0].set_ylabel(name, rotation=0, ha="right", va="center", fontsize=10)
    grid[0, 0].set_ylabel("frames", rotation=0, ha="right", va="center", fontsize=10)
    for axes in grid.flat:
        axes.set(xticks=[], yticks=[])
        sns.despine(ax=axes, left=True, bottom=True)
    return figure
