"""The alignment explorer's matplotlib twin: arrays in, Figure out."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.image import AxesImage

from vidlab.widgets.base import BLANK_COLOUR, CATEGORICAL

THUMBNAILS = 24  # more do not fit on a page's width


@dataclass(frozen=True)
class AlignedSequence:
    """One checked sequence: what the explorer's ``figure()`` and the page draw from.

    Attributes:
        frames: ``(T, H, W)`` or ``(T, H, W, 3)`` uint8.
        angles: ``(T, C)`` radians.
        target: ``(U,)`` labels.
        truth: ``(T,)`` class of each frame, or None.
        path: ``(T,)`` class of each frame on a path, or None.
        pseudo: ``(T, C)`` pseudo labels, or None.
    """

    frames: np.ndarray
    angles: np.ndarray
    target: np.ndarray
    truth: np.ndarray | None
    path: np.ndarray | None
    pseudo: np.ndarray | None


def draw(
    sequence: AlignedSequence,
    scale: float,
    class_names: list[str],
    blank: int,
    rows: np.ndarray,
    title: str,
) -> Figure:
    """One sequence on a common time axis.

    Axes from top to bottom: frames; truth where given; posteriors softmax(scale cos angles) of the
    classes in ``rows``, with the path where given; pseudo labels where given.
    """
    steps, classes = sequence.angles.shape
    pictures = min(steps, THUMBNAILS)
    height, width = sequence.frames.shape[1:3]
    bands = {"frames": min(7.6 / pictures * height / width, 1.2)}
    if sequence.truth is not None:
        bands["truth"] = 0.28
    bands["posteriors"] = 0.19 * max(len(rows), 4)
    if sequence.pseudo is not None:
        bands["pseudo"] = 0.9
    figure = Figure(
        figsize=(9, sum(bands.values()) + 0.42 * len(bands) + 0.8), layout="constrained"
    )
    axes = figure.subplots(
        len(bands), 1, sharex=True, squeeze=False, height_ratios=list(bands.values())
    )[:, 0]
    at = dict(zip(bands, axes, strict=True))
    colours = [_colour(k, blank) for k in range(classes)]

    _draw_frames(at["frames"], sequence.frames, pictures)
    if sequence.truth is not None:
        _draw_runs(at["truth"], sequence.truth, class_names, colours)
    image = _draw_posteriors(at["posteriors"], sequence, scale, class_names, rows)
    figure.colorbar(image, ax=at["posteriors"], fraction=0.03, pad=0.01, label="probability")
    if sequence.pseudo is not None:
        _draw_stack(at["pseudo"], sequence, class_names, colours, blank)
    axes[-1].set_xlabel("frame t")
    axes[-1].set_xlim(-0.5, steps - 0.5)
    for axis in axes[:-1]:
        axis.tick_params(labelbottom=False)
    figure.suptitle(_plain(title), x=0.01, ha="left", fontsize=12, fontweight="bold")
    return figure


def _plain(text: str) -> str:
    """Text that matplotlib does not take for a formula."""
    return text.replace("$", r"\$")


def _colour(k: int, blank: int) -> str:
    return BLANK_COLOUR if k == blank else CATEGORICAL[(k - (k > blank)) % len(CATEGORICAL)]


def _title(axes: Axes, text: str) -> None:
    axes.set_title(text, loc="left", fontsize=9, color="#5a6673")


def _draw_frames(axes: Axes, frames: np.ndarray, pictures: int) -> None:
    _title(axes, "Frames")
    room = len(frames) / pictures
    for i in range(pictures):
        axes.imshow(
            frames[int((i + 0.5) * room)],
            cmap="gray",
            vmin=0,
            vmax=255,
            aspect="auto",
            extent=(i * room - 0.5, (i + 1) * room - 0.5, 0, 1),
        )
    axes.set_ylim(0, 1)
    axes.set_yticks([])


def _draw_runs(axes: Axes, symbols: np.ndarray, names: list[str], colours: list[str]) -> None:
    _title(axes, "Truth")
    starts = np.flatnonzero(np.r_[True, symbols[1:] != symbols[:-1]])
    for start, end in zip(starts, [*starts[1:], len(symbols)], strict=True):
        k = symbols[start]
        axes.axvspan(start - 0.5, end - 0.5, facecolor=colours[k], edgecolor="white")
        axes.text(
            (start + end - 1) / 2,
            0.5,
            _plain(names[k]),
            ha="center",
            va="center",
            fontsize=8,
            clip_on=True,
        )
    axes.set_ylim(0, 1)
    axes.set_yticks([])


def _draw_posteriors(
    axes: Axes, sequence: AlignedSequence, scale: float, names: list[str], order: np.ndarray
) -> AxesImage:
    _title(axes, "Predictions y = softmax(s cos θ)")
    logits = scale * np.cos(sequence.angles)
    posterior = np.exp(logits - np.logaddexp.reduce(logits, axis=1, keepdims=True))
    image = axes.imshow(
        posterior[:, order].T, cmap="Blues", vmin=0, vmax=1, aspect="auto", interpolation="nearest"
    )
    axes.set_yticks(range(len(order)), [_plain(names[k]) for k in order], fontsize=8)
    if sequence.path is not None:
        row_of = {int(k): row for row, k in enumerate(order)}
        rows = [row_of.get(int(k), np.nan) for k in sequence.path]
        axes.plot(rows, "o-", color="#c23c0a", markersize=3, linewidth=1.2, label="best path")
        axes.legend(
            loc="lower right", bbox_to_anchor=(1, 1), frameon=False, fontsize=8, borderaxespad=0.1
        )
    return image


def _draw_stack(
    axes: Axes, sequence: AlignedSequence, names: list[str], colours: list[str], blank: int
) -> None:
    _title(axes, "Pseudo labels (the rest of a column is blank)")
    steps = len(sequence.pseudo)
    base = np.zeros(steps)
    for k in np.unique(sequence.target):
        axes.bar(
            range(steps),
            sequence.pseudo[:, k],
            1.0,
            bottom=base,
            color=colours[k],
            label=_plain(names[k]),
        )
        base = base + sequence.pseudo[:, k]
    axes.set_facecolor(colours[blank])
    axes.set_ylim(0, 1)
    axes.set_yticks([0, 1])
    if len(sequence.target):
        axes.legend(loc="center left", bbox_to_anchor=(1.01, 0.5), frameon=False, fontsize=8)
