"""Figures of one sequence along time: its frames, its alignment, its lattice."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from vidlab.viz.style import ACCENTS, MUTED, SEQUENTIAL, new_figure, quiet


def frame_strip(axes: Axes, frames: np.ndarray) -> None:
    """Draw frames ``(T, H, W)`` side by side, frame t centred at x = t."""
    count = len(frames)
    strip = np.concatenate(list(frames), axis=1)
    height = frames.shape[1] / frames.shape[2]
    axes.imshow(
        strip, cmap="gray", extent=(-0.5, count - 0.5, -height / 2, height / 2), aspect="auto"
    )
    axes.set_yticks([])
    axes.spines[:].set_visible(False)
    axes.tick_params(bottom=False, labelbottom=False)


def morphing_sequence(
    frames: np.ndarray, weights: np.ndarray, labels: Sequence[str], truth: np.ndarray
) -> Figure:
    """A Seq-MNIST sequence: frames above the weight of each digit, truth as a coloured band.

    Args:
        frames: ``(T, H, W)``.
        weights: ``(T, U)`` interpolation weights.
        labels: U names.
        truth: ``(T,)`` which of the U digits owns each frame.
    """
    figure, (top, bottom) = new_figure(2, 1, size=(10, 3), height_ratios=(1, 1.5))
    frame_strip(top, frames)
    for u, name in enumerate(labels):
        colour = ACCENTS[u % len(ACCENTS)]
        bottom.plot(weights[:, u], color=colour, marker="o", markersize=3)
        bottom.text(weights[:, u].argmax(), 1.06, name, color=colour, ha="center", weight="bold")
        owned = np.flatnonzero(truth == u)
        bottom.axvspan(owned[0] - 0.5, owned[-1] + 0.5, color=colour, alpha=0.1, lw=0)
    bottom.set(
        xlabel="frame t", ylabel="weight", xlim=(-0.5, len(frames) - 0.5), ylim=(-0.03, 1.22)
    )
    quiet(bottom)
    return figure


def lattice_posteriors(posteriors: np.ndarray, symbols: Sequence[str]) -> Figure:
    """State posteriors ``(T, S)`` of one sequence's lattice; rows are l' from top to bottom."""
    frames, states = posteriors.shape
    figure, axes = new_figure(size=(7, 0.33 * states + 1.1))
    image = axes.imshow(posteriors.T, cmap=SEQUENTIAL, vmin=0, vmax=1, aspect="auto")
    axes.set(xlabel="frame t", ylabel="state of l'")
    axes.set_xticks(range(0, frames, max(1, frames // 10)))
    axes.set_yticks(range(states), symbols)
    figure.colorbar(image, ax=axes, label="posterior", fraction=0.05)
    return figure


def alignments(
    frames: np.ndarray,
    rows: dict[str, np.ndarray],
    class_names: Sequence[str],
    truth: np.ndarray,
) -> Figure:
    """Frames above one class heat map per row, the true class outlined in each.

    Args:
        frames: ``(T, H, W)``.
        rows: title to probabilities ``(T, K+1)``.
        class_names: K+1 names, the blank first.
        truth: ``(T,)`` class of each frame.
    """
    heights = [1] + [0.16 * len(class_names)] * len(rows)
    figure, axes = new_figure(
        1 + len(rows), 1, size=(10, 0.9 + 1.9 * len(rows)), height_ratios=heights
    )
    frame_strip(axes[0], frames)
    time = np.arange(len(frames))
    for ax, (title, values) in zip(axes[1:], rows.items(), strict=True):
        image = ax.imshow(values.T, cmap=SEQUENTIAL, vmin=0, vmax=1, aspect="auto")
        ax.step(time, truth, where="mid", color="white", lw=1.2, alpha=0.8)
        ax.set_yticks(range(len(class_names)), class_names, fontsize=7)
        ax.set_title(title, loc="left", fontsize=10)
        ax.tick_params(labelbottom=False)
    axes[-1].tick_params(labelbottom=True)
    axes[-1].set_xlabel("frame t")
    figure.colorbar(image, ax=axes[1:], label="probability (white line: the truth)", fraction=0.03)
    return figure


def frame_shares(gaps: np.ndarray, shift: float, kappa: int) -> Figure:
    """The radial constraint on one sequence: sorted gaps ``d`` ``(T,)`` in radians, and ``-m``."""
    ranked = np.rad2deg(np.sort(gaps)[::-1])
    figure, axes = new_figure(size=(7, 2.6))
    rank = np.arange(1, len(ranked) + 1)
    colours = [ACCENTS[1] if i < kappa - 1 else MUTED for i in range(len(ranked))]
    axes.bar(rank, ranked, color=colours, width=0.8)
    level = np.rad2deg(-shift)
    axes.axhline(level, color="black", lw=1, ls="--")
    axes.text(len(ranked) + 0.4, level, "-m", va="bottom")
    axes.set(xlabel="rank i of the frame", ylabel="gap d(i) in degrees")
    axes.set_xticks(rank[:: max(1, len(rank) // 10)])
    quiet(axes)
    return figure
