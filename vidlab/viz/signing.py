"""Figures of signed sentences: contact sheets, strips with a bar of glosses, pairs, joints."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from vidlab.viz.style import ACCENTS, MUTED, new_figure

GAP = 2  # white pixels between frames


def contact_sheet(
    frames: Sequence[np.ndarray], names: Sequence[str], *, columns: int = 7, width: float = 10.0
) -> Figure:
    """N pictures ``(3, H, W)`` uint8 of one size with their names, row by row."""
    if len(frames) != len(names) or not len(frames):
        raise ValueError(f"got {len(frames)} pictures and {len(names)} names; need one name each")
    columns = min(columns, len(frames))
    rows = -(-len(frames) // columns)
    cell = width / columns
    figure, grid = new_figure(rows, columns, size=(width, rows * (cell + 0.25)))
    for axes in np.atleast_1d(grid).ravel():
        axes.axis("off")
    for axes, frame, name in zip(np.atleast_1d(grid).ravel(), frames, names, strict=False):
        axes.imshow(_picture(frame))
        axes.set_title(name, fontsize=min(9, 6.5 * cell), pad=2)
    return figure


def sentence_strip(
    frames: np.ndarray,
    truth: np.ndarray,
    class_names: Sequence[str],
    *,
    shown: int = 12,
    title: str = "",
) -> Figure:
    """Frames of a film in time, and below them which gloss each frame of it belongs to.

    Args:
        frames: ``(T, 3, H, W)`` uint8.
        truth: ``(T,)`` class of each frame, 0 for none; any labels of frames will do.
        class_names: by class.
        shown: how many frames are drawn, evenly spaced.
    """
    count = len(frames)
    if len(truth) != count:
        raise ValueError(f"got {count} frames and {len(truth)} labels; need one a frame")
    shown = min(shown, count)
    chosen = ((np.arange(shown) + 0.5) * count / shown).astype(int)
    height, side = frames.shape[-2:]
    tall = 10.5 / shown * height / side
    words = 0.62 + 0.2 * bool(title)  # inches of the axis' label and the heading
    size = (10.5, tall + 0.4 + words)
    figure, (film, bar) = new_figure(2, 1, size=size, height_ratios=(tall, 0.4))
    film.imshow(_row([frames[k] for k in chosen]), aspect="auto")
    film.axis("off")
    if title:
        film.set_title(title, fontsize=10, loc="left")
    gloss_bar(bar, truth, class_names)
    for k in chosen:
        bar.plot(k + 0.5, 1.08, marker="v", color=MUTED, ms=3.5, clip_on=False)
    bar.set_xlabel("frame")
    return figure


def gloss_bar(axes: Axes, truth: np.ndarray, class_names: Sequence[str]) -> None:
    """Draw runs of equal labels ``(T,)`` as named boxes; 0 is left free."""
    axes.add_patch(Rectangle((0, 0.44), len(truth), 0.12, color=MUTED, alpha=0.4, lw=0))
    start = 0
    for label, run in groupby(np.asarray(truth).tolist()):
        length = len(list(run))
        if label > 0:
            colour = ACCENTS[label % len(ACCENTS)]
            axes.add_patch(Rectangle((start, 0), length, 1, color=colour, alpha=0.35, lw=0))
            size = min(9.0, 105 * length / len(truth) / max(3, len(class_names[label])) * 6.2)
            axes.text(start + length / 2, 0.46, class_names[label], ha="center", va="center",
                      fontsize=max(4.0, size))  # fmt: skip
        start += length
    axes.set(xlim=(0, len(truth)), ylim=(0, 1), yticks=[])
    for side in ("left", "right", "top"):
        axes.spines[side].set_visible(False)


def pair_strips(
    pairs: Sequence[tuple[np.ndarray, np.ndarray]],
    names: Sequence[tuple[str, str]],
    parameters: Sequence[str],
    *,
    shown: int = 5,
) -> Figure:
    """Minimal pairs, one a row: frames of the first sign, of the second, what they differ in.

    Args:
        pairs: two films ``(T, 3, H, W)`` uint8 of single glosses; lengths may differ.
        names: of both signs.
        parameters: what each pair differs in.
        shown: frames of each film, evenly spaced from the first to the last.
    """
    rows = len(pairs)
    figure, grid = new_figure(rows, 2, size=(11, rows * (5.1 / shown + 0.12)))
    for line, pair, titles, parameter in zip(
        np.reshape(grid, (rows, 2)), pairs, names, parameters, strict=True
    ):
        for axes, film, name in zip(line, pair, titles, strict=True):
            chosen = np.linspace(0, len(film) - 1, shown).round().astype(int)
            axes.imshow(_row([film[k] for k in chosen]))
            axes.axis("off")
            axes.set_title(name, fontsize=9, loc="left", pad=2)
        line[1].set_title(f"differs in {parameter}", fontsize=9, loc="right", pad=2, color=MUTED)
    return figure


def joints_on_frames(
    frames: Sequence[np.ndarray],
    joints: np.ndarray,
    bones: Sequence[tuple[int, int]],
    *,
    trails: Sequence[int] = (),
) -> Figure:
    """Frames ``(3, H, W)`` uint8 side by side with the joints ``(N, J, 2)`` x, y in pixels.

    Args:
        bones: pairs of joints that a line joins.
        trails: joints whose way through all frames so far is drawn.
    """
    count = len(frames)
    height, width = frames[0].shape[-2:]
    figure, grid = new_figure(1, count, size=(11, 11 / count * height / width))
    for k, (axes, frame) in enumerate(zip(np.atleast_1d(grid), frames, strict=True)):
        # In pixels a picture's left upper corner is (0, 0), not (-0.5, -0.5).
        axes.imshow(_picture(frame), extent=(0, width, height, 0), alpha=0.65)
        for a, b in bones:
            axes.plot(*joints[k, [a, b]].T, color="black", lw=1.0)
        axes.plot(*joints[k].T, "o", color=ACCENTS[1], ms=2.5)
        for colour, joint in zip(ACCENTS, trails, strict=False):
            axes.plot(*joints[: k + 1, joint].T, color=colour, lw=1.8)
        axes.set(xlim=(0, width), ylim=(height, 0))
        axes.axis("off")
    return figure


def _picture(frame: np.ndarray) -> np.ndarray:
    return np.asarray(frame).transpose(1, 2, 0)


def _row(frames: Sequence[np.ndarray]) -> np.ndarray:
    """Frames side by side ``(H, W, 3)``, white between them."""
    white = np.full((frames[0].shape[-2], GAP, 3), 255, np.uint8)
    parts = [part for frame in frames for part in (_picture(frame), white)]
    return np.concatenate(parts[:-1], 1)
