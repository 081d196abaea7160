"""Figures of a video along time: its frames, its curves, its self-similarity."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure

from vidlab.viz.style import ACCENTS, MUTED, SEQUENTIAL, new_figure, quiet

_DIVERGING = "RdBu_r"


def frames_strip(frames: np.ndarray, seconds: Sequence[float], *, columns: int = 8) -> Figure:
    """Frames in rows, each with its time.

    Args:
        frames: ``(K, 3, H, W)`` uint8.
        seconds: K times.
        columns: frames a row.
    """
    count, _, height, width = frames.shape
    columns = min(columns, count)
    rows = -(-count // columns)
    cell = 10 / max(columns, 4)
    size = (cell * columns, rows * (cell * height / width + 0.28))
    figure, grid = new_figure(rows, columns, size=size)
    for place, axes in enumerate(np.atleast_1d(grid).flat):
        axes.axis("off")
        if place < count:
            axes.imshow(frames[place].transpose(1, 2, 0))
            axes.set_title(f"{seconds[place]:.2f} s", fontsize=8, pad=2)
    return figure


def timeline(
    seconds: np.ndarray,
    curves: Mapping[str, np.ndarray],
    *,
    thresholds: Mapping[str, np.ndarray] | None = None,
    changes: Mapping[str, Sequence[float]] | None = None,
    truth: Sequence[float] = (),
) -> Figure:
    """Curves over time, one below the other.

    Args:
        seconds: ``(T,)``.
        curves: the name of each axis to ``(T,)``.
        thresholds: ``(T,)`` for some of them, drawn dashed.
        changes: times of shot changes for some of them, marked above the curve.
        truth: times of true changes, grey lines through all.
    """
    figure, grid = new_figure(len(curves), 1, size=(10, 1.1 + 1.5 * len(curves)), hspace=0.05)
    rows = np.atleast_1d(grid)
    for k, (axes, (name, values)) in enumerate(zip(rows, curves.items(), strict=True)):
        colour = ACCENTS[k % len(ACCENTS)]
        top = max(float(np.max(values)), 1e-6)
        for when in truth:
            axes.axvline(when, color=MUTED, lw=1, alpha=0.7)
        axes.plot(seconds, values, color=colour, lw=1.2)
        if name in (thresholds or {}):
            level = np.minimum(thresholds[name], 1.25 * top)  # far above is above
            axes.plot(seconds, level, color="black", ls=":", lw=1)
            axes.set_title("dotted: threshold", loc="right", fontsize=8, color=MUTED, pad=2)
        marks = list((changes or {}).get(name, ()))
        if marks:  # an empty line has no extent, which upsets the layout
            axes.plot(marks, [1.14 * top] * len(marks), "v", color=colour, ms=6, clip_on=False)
        axes.set(ylabel=name, ylim=(0, 1.25 * top), xlim=(seconds[0], seconds[-1]))
        axes.tick_params(labelbottom=k == len(rows) - 1)
        quiet(axes)
    rows[-1].set_xlabel("time in seconds")
    figure.align_ylabels()
    return figure


def self_similarity(
    matrices: Mapping[str, np.ndarray],
    seconds: np.ndarray,
    *,
    changes: Mapping[str, Sequence[float]] | None = None,
) -> Figure:
    """Self-similarity matrices side by side, both axes in seconds, time from top left.

    Each has its own scale: from blue over white to red around 0 where a matrix has negative
    values, else from its smallest value to 1.

    Args:
        matrices: title to ``(T, T)`` cosines.
        seconds: ``(T,)``.
        changes: times of shot changes, ticks along the diagonal.
    """
    figure, grid = new_figure(1, len(matrices), size=(5 * len(matrices), 4.3))
    half = (seconds[-1] - seconds[0]) / max(2 * (len(seconds) - 1), 1) or 0.5
    edges = (seconds[0] - half, seconds[-1] + half)
    for axes, (title, matrix) in zip(np.atleast_1d(grid), matrices.items(), strict=True):
        low = float(matrix.min())
        signed = low < -0.05
        image = axes.imshow(
            matrix,
            cmap=_DIVERGING if signed else SEQUENTIAL,
            vmin=-1 if signed else low,
            vmax=1,
            extent=(*edges, *reversed(edges)),
            interpolation="nearest",
        )
        for when in (changes or {}).get(title, ()):
            axes.plot([when], [when], "+", color="black" if signed else "white", ms=9, mew=1.5)
        axes.set_title(title, loc="left", fontsize=10)
        axes.set(xlabel="time in seconds", ylabel="time in seconds", xlim=edges, ylim=edges[::-1])
        figure.colorbar(image, ax=axes, label="cosine", fraction=0.046)
    return figure
