"""Figures of word images: what is read at each step, under the pixels it was read from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from vidlab.viz.style import ACCENTS, MUTED, new_figure


def gallery(images: np.ndarray, columns: int = 6) -> Figure:
    """Word images ``(N, H, W)`` in rows of ``columns``."""
    rows = -(-len(images) // columns)
    height, width = images.shape[1:]
    figure, grid = new_figure(
        rows, columns, size=(10, 10 * rows / columns * height / width), wspace=0.04, hspace=0.06
    )
    cells = np.atleast_1d(grid).ravel()
    for axes, image in zip(cells, images, strict=False):
        axes.imshow(image, cmap="gray", vmin=0, vmax=255, aspect="auto")
    for axes in cells:
        axes.set_axis_off()
    return figure


def step_readings(
    images: np.ndarray,
    rows: Mapping[str, np.ndarray],
    class_names: Sequence[str],
    columns: int = 2,
) -> Figure:
    """Each image above one band a row: a coloured cell with a letter for each step that says one.

    Args:
        images: ``(N, H, W)``; steps are equally spaced, the first and the last on the edges.
        rows: title to classes ``(N, T)``, class 0 (the blank) left empty.
        class_names: a name for each class.
        columns: images side by side.
    """
    lines = -(-len(images) // columns)
    size = (11, lines * (1.0 + 0.24 * len(rows)))
    figure, grid = new_figure(lines, columns, size=size)
    cells = np.atleast_1d(grid).ravel()
    for axes in cells:
        axes.set_axis_off()
    for n, (axes, image) in enumerate(zip(cells, images, strict=False)):
        bands = {name: classes[n] for name, classes in rows.items()}
        _one_word(axes, image, bands, class_names, titled=n % columns == 0)
    return figure


def _one_word(
    axes: Axes,
    image: np.ndarray,
    bands: Mapping[str, np.ndarray],
    class_names: Sequence[str],
    titled: bool,
) -> None:
    """x counts steps; the image is 5 high, each band 1."""
    steps = len(next(iter(bands.values())))
    axes.imshow(
        image, cmap="gray", vmin=0, vmax=255, extent=(0, steps - 1, 0, 5), aspect="auto", zorder=0
    )
    for place, (name, classes) in enumerate(bands.items()):
        y = -1.35 * (place + 1)
        axes.add_patch(Rectangle((-0.5, y), steps, 1.1, color="#f0f0f0", lw=0))
        for t, k in enumerate(classes.tolist()):
            if k:
                colour = ACCENTS[k % len(ACCENTS)]
                axes.add_patch(Rectangle((t - 0.5, y), 1, 1.1, color=colour, alpha=0.45, lw=0))
                axes.text(t, y + 0.5, class_names[k], ha="center", va="center", fontsize=7)
        if titled:
            axes.text(-0.9, y + 0.5, name, ha="right", va="center", fontsize=8, color=MUTED)
    axes.set(xlim=(-0.6, steps - 0.4), ylim=(-1.35 * len(bands) - 0.1, 5.1))
