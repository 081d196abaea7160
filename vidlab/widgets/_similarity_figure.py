"""The similarity explorer's matplotlib twin: matrices in, Figure out."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure

from vidlab.widgets.base import BLANK_COLOUR, CATEGORICAL, DIVERGING, SEQUENTIAL

MARK = "#c23c0a"
SIGNED = LinearSegmentedColormap.from_list("signed", DIVERGING["light"])
POSITIVE = LinearSegmentedColormap.from_list("positive", SEQUENTIAL["light"])
PAIRS = ((0, 0), (1, 1), (0, 1))


def draw(
    matrices: np.ndarray,
    *,
    kinds: tuple[str, str],
    mass: np.ndarray,
    flat: float,
    band: int,
    cursor: tuple[int, int],
    truth: np.ndarray | None,
    frames: np.ndarray | None,
    signed: bool,
    title: str,
) -> Figure:
    """Three matrices side by side and, where there are frames, those under row and column.

    Args:
        matrices: ``(3, S, S)`` cosines.
        mass, flat: diagonal mass of each within ``band`` steps, and of a flat matrix.
        cursor: row i and column j.
        truth: ``(S,)`` classes; lines are drawn where they change.
        frames: ``(S, H, W[, 3])``.
    """
    widths = [1, 1, 1] + ([0.42] if frames is not None else [])
    figure = Figure(figsize=(3.6 * sum(widths) + 0.8, 4.3), layout="constrained")
    grid = figure.add_gridspec(1, len(widths), width_ratios=widths)
    axes = [figure.add_subplot(grid[0, m]) for m in range(3)]
    for m, (a, b) in enumerate(PAIRS):
        image = axes[m].imshow(
            matrices[m],
            cmap=SIGNED if signed else POSITIVE,
            vmin=-1 if signed else 0,
            vmax=1,
            interpolation="nearest",
        )
        _draw_over(axes[m], len(matrices[m]), band, cursor, truth)
        heading = f"{kinds[a]}–{kinds[b]}: {mass[m]:.3f} within ±{band} (flat {flat:.3f})"
        axes[m].set_title(_plain(heading), loc="left", fontsize=9, pad=10)
        axes[m].set_xlabel(_plain(f"step j of {kinds[b]}"))
        axes[m].set_ylabel(_plain(f"step i of {kinds[a]}"))
    figure.colorbar(image, ax=axes, location="bottom", shrink=0.4, aspect=30, label="cosine")
    if frames is not None:
        inner = grid[0, 3].subgridspec(2, 1)
        for k, (letter, step) in enumerate(zip(("i", "j"), cursor, strict=True)):
            picture = figure.add_subplot(inner[k, 0])
            picture.imshow(frames[step], cmap="gray", vmin=0, vmax=255)
            picture.set(xticks=[], yticks=[])
            picture.set_title(f"step {letter} = {step}", fontsize=9)
    figure.suptitle(_plain(title), x=0.01, ha="left", fontsize=12, fontweight="bold")
    return figure


def _draw_over(
    axes: Axes, count: int, band: int, cursor: tuple[int, int], truth: np.ndarray | None
) -> None:
    """Boundaries with strips of classes, the band's edges and the cursor."""
    reach = np.array([-0.5, count - 0.5])
    if truth is not None:
        for at in np.flatnonzero(truth[1:] != truth[:-1]) + 0.5:
            axes.axhline(at, color="black", linewidth=0.6, alpha=0.5)
            axes.axvline(at, color="black", linewidth=0.6, alpha=0.5)
        colours = [BLANK_COLOUR if k == 0 else CATEGORICAL[(k - 1) % 12] for k in truth]
        steps, thick = np.arange(count), 0.025 * count
        axes.bar(steps, thick, 1, bottom=-0.5 - thick, color=colours, clip_on=False)
        axes.barh(steps, thick, 1, left=-0.5 - thick, color=colours, clip_on=False)
    for side in (-band - 0.5, band + 0.5):
        axes.plot(reach, reach + side, "--", color="black", linewidth=0.8)
    row, column = cursor
    axes.axhline(row, color=MARK, linewidth=0.8)
    axes.axvline(column, color=MARK, linewidth=0.8)
    axes.set_xlim(reach)
    axes.set_ylim(reach[::-1])


def _plain(text: str) -> str:
    """Text that matplotlib does not take for a formula."""
    return text.replace("$", r"\$")
