"""Figures of labelled clips and of what a binary network makes of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import seaborn as sns
from matplotlib.figure import Figure

from vidlab.viz.style import ACCENTS, MUTED, new_figure, quiet


def film_strips(clips: Sequence[np.ndarray], names: Sequence[str]) -> Figure:
    """Clips ``(T, 3, H, W)`` uint8 of one length, one a row, time from left to right."""
    rows = len(clips)
    frames, _, height, width = clips[0].shape
    cell = 9.0 / frames
    figure, grid = new_figure(rows, 1, size=(10, rows * (cell * height / width + 0.06)))
    for axes, clip, name in zip(np.atleast_1d(grid), clips, names, strict=True):
        strip = np.concatenate(list(clip.transpose(0, 2, 3, 1)), axis=1)
        axes.imshow(strip, aspect="equal", interpolation="nearest")
        for t in range(1, frames):
            axes.axvline(t * width - 0.5, color="white", lw=1.5)
        axes.set(xticks=[], yticks=[])
        axes.set_ylabel(name, rotation=0, ha="right", va="center", fontsize=10)
        sns.despine(ax=axes, left=True, bottom=True)
    return figure


def slopes(estimators: Mapping[str, Callable[[np.ndarray], np.ndarray]]) -> Figure:
    """The sign, and what each estimator takes for its slope, over -2 .. 2."""
    x = np.linspace(-2, 2, 801)
    figure, (left, right) = new_figure(1, 2, size=(9, 2.8))
    left.plot(x[x < 0], -np.ones((x < 0).sum()), color="black")
    left.plot(x[x >= 0], np.ones((x >= 0).sum()), color="black")
    left.set(xlabel="x", ylabel="sign(x)", title="forward")
    for colour, (name, slope) in zip(ACCENTS, estimators.items(), strict=False):
        right.plot(x, slope(x), color=colour, label=name)
    right.axhline(0, color=MUTED, lw=0.8)
    right.set(xlabel="x", ylabel="slope used", title="backward")
    right.legend(frameon=False)
    quiet(left)
    quiet(right)
    return figure


def confusion_pair(
    first: np.ndarray,
    second: np.ndarray,
    names: Sequence[str],
    titles: tuple[str, str],
) -> Figure:
    """Two confusion matrices ``(C, C)`` of shares a row, and second minus first."""
    figure, grid = new_figure(1, 3, size=(12, 4.2))
    small = {"size": 7 if len(names) <= 8 else 5}
    change = second - first
    most = max(0.1, np.abs(change).max())
    panels = (
        (first, titles[0], "viridis", 0, 1),
        (second, titles[1], "viridis", 0, 1),
        (change, "difference", "RdBu_r", -most, most),
    )
    for axes, (matrix, title, palette, low, high) in zip(grid, panels, strict=True):
        sns.heatmap(
            matrix,
            ax=axes,
            cmap=palette,
            vmin=low,
            vmax=high,
            annot=True,
            fmt=".2f",
            annot_kws=small,
            square=True,
            cbar=False,
            xticklabels=names,
            yticklabels=names if axes is grid[0] else False,
        )
        axes.set(xlabel="predicted", title=title)
        axes.tick_params(axis="x", rotation=45)
    grid[0].set_ylabel("true class")
    grid[0].tick_params(axis="y", rotation=0)
    return figure
