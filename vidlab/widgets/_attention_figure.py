"""The attention explorer's matplotlib twin: weights and tokens in, Figure out."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure, SubFigure
from matplotlib.patches import Rectangle

from vidlab.widgets._attention_tokens import Axis
from vidlab.widgets.base import CATEGORICAL, SEQUENTIAL

MARK = "#c23c0a"
OUTLINE = "#ffb482"  # shows on the colours, dark and bright
HEAT = LinearSegmentedColormap.from_list("heat", SEQUENTIAL["dark"])
ACROSS = 8  # frames in a row
NAMED = 32  # words with a bar; more are left to the page
NARROW = 8  # places along the axis of words, at least: one word is no wall
GREY = np.array([0.299, 0.587, 0.114])  # luma of red, green and blue (BT.601)


def draw(
    weights: np.ndarray,
    *,
    query: int,
    keys: Axis,
    queries: Axis,
    entropies: np.ndarray,
    means: np.ndarray,
    rows: Sequence[str],
    chosen: int,
    overlay: float,
    title: str,
) -> Figure:
    """The keys under one query's weights; below, the whole matrix and the entropies.

    Args:
        weights: ``(Q, K)`` of the head, mean or rollout shown.
        entropies, means: ``(M,)`` of this query and over all queries, for each of ``rows``.
        chosen: which of the rows is shown.
        overlay: share of colour over the frames, 0 .. 1.
    """
    row = weights[query]
    times = 0 if keys.frames is None else len(keys.frames)
    lines = -(-times // ACROSS)
    words = bool(keys.names)
    heights = [1.15 * lines + 0.3] * bool(times) + [1.5] * words + [2.6]
    figure = Figure(figsize=(9.5, sum(heights) + 0.5), layout="constrained")
    parts = np.atleast_1d(figure.subfigures(len(heights), 1, height_ratios=heights))
    if times:
        _draw_frames(parts[0], row, keys, overlay)
    if words:
        _draw_words(parts[-2].subplots(), row, keys)
    matrix, bars = parts[-1].subplots(1, 2)
    _draw_matrix(matrix, weights, query)
    _draw_entropies(bars, entropies, means, rows, chosen)
    figure.suptitle(
        _plain(f"{title}; query: {queries.name(query)}"),
        x=0.01, ha="left", fontsize=12, fontweight="bold",
    )  # fmt: skip
    return figure


def blend(frame: np.ndarray, weights: np.ndarray, overlay: float) -> np.ndarray:
    """``(H, W, 3)`` floats 0 .. 1: a frame in grey under the colours of its ``(rows, columns)``.

    Weights are 0 .. 1, shares of the query's largest.
    """
    grey = frame / 255 if frame.ndim == 2 else frame @ GREY / 255
    row, column = (
        np.arange(size) * cells // size
        for size, cells in zip(grey.shape, weights.shape, strict=True)
    )
    colours = HEAT(weights)[..., :3][row[:, None], column]
    return np.clip((1 - overlay) * grey[..., None] + overlay * colours, 0, 1)


def _draw_frames(part: SubFigure, row: np.ndarray, keys: Axis, overlay: float) -> None:
    times, (rows, columns) = len(keys.frames), keys.grid
    across = min(times, ACROSS)
    grid = part.subplots(-(-times // ACROSS), across, squeeze=False).ravel()
    patches = row[len(keys.names) :].reshape(times, rows, columns)
    best = np.unravel_index(patches.argmax(), patches.shape)
    in_frames = patches.max() == row.max()  # else a word is the strongest
    for t, axes in enumerate(grid):
        axes.set_axis_off()
        if t >= times:
            continue
        frame = keys.frames[t]
        axes.imshow(blend(frame, patches[t] / row.max(), overlay), interpolation="nearest")
        name = keys.name(len(keys.names) + t * keys.patches).split(",")[0]
        axes.set_title(f"{name}: {100 * patches[t].sum():.1f} %", fontsize=8)
        if in_frames and best[0] == t:
            high, wide = frame.shape[0] / rows, frame.shape[1] / columns
            corner = (best[2] * wide - 0.5, best[1] * high - 0.5)
            axes.add_patch(Rectangle(corner, wide, high, fill=False, edgecolor=OUTLINE, lw=2))


def _draw_words(axes: Axes, row: np.ndarray, keys: Axis) -> None:
    count = min(len(keys.names), NAMED)
    shown = row[:count]
    axes.bar(np.arange(count), shown, color=HEAT(shown / row.max()), edgecolor="#5a6673")
    turned = count > 10
    axes.set_xticks(
        np.arange(count),
        [_plain(name if len(name) <= 16 else name[:15] + "…") for name in keys.names[:count]],
        rotation=60 if turned else 0, ha="right" if turned else "center",
        rotation_mode="anchor", fontsize=8,
    )  # fmt: skip
    axes.set_ylabel("weight")
    axes.set(xlim=(-0.6, max(count, NARROW) - 0.4), ylim=(0, 1.1 * row.max()))
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    if count < len(keys.names):
        axes.set_title(f"the first {count} of {len(keys.names)} words", loc="left", fontsize=9)


def _draw_matrix(axes: Axes, weights: np.ndarray, query: int) -> None:
    Q, K = weights.shape
    own = weights / weights.max(1, keepdims=True)
    axes.imshow(own, cmap=HEAT, vmin=0, vmax=1, aspect="auto", interpolation="nearest")
    high = max(1, Q / 60)
    box = (-0.5, query + 0.5 - (1 + high) / 2)
    axes.add_patch(Rectangle(box, K, high, fill=False, edgecolor=MARK, lw=2, clip_on=False))
    axes.set_xlabel("key")
    axes.set_ylabel("query")
    axes.set_title("all queries, each up to its largest weight", loc="left", fontsize=9)


def _draw_entropies(
    axes: Axes, entropies: np.ndarray, means: np.ndarray, rows: Sequence[str], chosen: int
) -> None:
    at = np.arange(len(rows))
    colours = [MARK if i == chosen else CATEGORICAL[4] for i in at]
    axes.barh(at, entropies, height=0.64, color=colours, label="this query")
    axes.plot(means, at, "|", color="black", markersize=9, label="mean over queries")
    axes.set_yticks(at, [_plain(name) for name in rows], fontsize=8)
    axes.set_xlim(0, 1)
    axes.invert_yaxis()
    axes.set_xlabel("entropy, share of log K")
    axes.set_title("bars: this query; ticks: mean over queries", loc="left", fontsize=9)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)


def _plain(text: str) -> str:
    """Text that matplotlib does not take for a formula."""
    return text.replace("$", r"\$")
