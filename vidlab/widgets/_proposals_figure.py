"""The proposal explorer's matplotlib twin: frames, proposals and truth in, Figure out."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure, SubFigure
from matplotlib.patches import ConnectionPatch, Rectangle

from vidlab.metrics.correspondence import Scores, judged, right_proposals
from vidlab.widgets._attention_tokens import Axis
from vidlab.widgets.base import SEQUENTIAL

MARK, GREY = "#c23c0a", "#5a6673"
RIGHT, WRONG, UNJUDGED = "#2ca6e0", "#f0a000", "#ffffff"  # on frames; wrong ones are dashed too
HEAT = LinearSegmentedColormap.from_list("heat", SEQUENTIAL["light"])
ACROSS = 8  # frames in a row


def draw(
    axis: Axis,
    shape: tuple[int, int, int],
    neighbours: np.ndarray,
    *,
    point: int,
    truth: np.ndarray | None,
    slack: int,
    similarity: np.ndarray | None,
    scores: dict[str, Scores],
    title: str,
) -> Figure:
    """Arrows from a point to its proposals; below, the matrix and the shares of right ones.

    Args:
        axis: the frames and their grid.
        neighbours: ``(P, k)``.
        truth: ``(P, t)`` or None; ``slack`` as for :func:`right_proposals`.
        similarity: ``(P, P)``, NaN within a frame, or None.
        scores: by variant; empty without a truth.
    """
    across = min(shape[0], ACROSS)
    lines = -(-shape[0] // across)
    below = [
        name for name, shown in (("matrix", similarity is not None), ("bars", scores)) if shown
    ]
    wide = max(7.0, 1.2 * across)
    heights = [lines * (wide / across * shape[1] / shape[2] + 0.35)] + [3.2] * bool(below)
    figure = Figure(figsize=(wide, sum(heights) + 0.5), layout="constrained")
    parts = np.atleast_1d(figure.subfigures(len(heights), 1, height_ratios=heights))
    _draw_frames(parts[0], axis, shape, neighbours, point, truth, slack)
    if below:
        for name, axes in zip(below, np.atleast_1d(parts[1].subplots(1, len(below))), strict=True):
            if name == "matrix":
                _draw_matrix(axes, similarity, shape, neighbours, point)
            else:
                _draw_scores(axes, scores)
    figure.suptitle(_plain(title), x=0.01, ha="left", fontsize=12, fontweight="bold")
    return figure


def colours_of(
    neighbours: np.ndarray,
    truth: np.ndarray | None,
    shape: tuple[int, int, int],
    slack: int,
    point: int,
) -> list[str]:
    """The colour of each of a point's k proposals: right, wrong, or not judged."""
    if truth is None or not judged(truth, shape)[point]:
        return [UNJUDGED] * neighbours.shape[1]
    right = right_proposals(neighbours, truth, shape, slack)[point]
    return [RIGHT if one else WRONG for one in right]


def _draw_frames(
    part: SubFigure,
    axis: Axis,
    shape: tuple[int, int, int],
    neighbours: np.ndarray,
    point: int,
    truth: np.ndarray | None,
    slack: int,
) -> None:
    t, h, w = shape
    across = min(t, ACROSS)
    grid = part.subplots(-(-t // across), across, squeeze=False).ravel()
    for one in grid[t:]:
        one.set_axis_off()
    high, wide = axis.frames.shape[1] / h, axis.frames.shape[2] / w

    def place(p: int) -> tuple[Axes, float, float]:
        """A point's picture, and the left and upper edge of its cell there."""
        return grid[p // (h * w)], p % w * wide - 0.5, p // w % h * high - 0.5

    def box(p: int, colour: str, thick: float, dashed: bool = False) -> None:
        axes, x, y = place(p)
        style = {"fill": False, "linestyle": "--" if dashed else "-", "clip_on": False}
        axes.add_patch(
            Rectangle((x, y), wide, high, edgecolor="black", linewidth=thick + 2, fill=False)
        )
        axes.add_patch(Rectangle((x, y), wide, high, edgecolor=colour, linewidth=thick, **style))

    for s, (axes, frame) in enumerate(zip(grid, axis.frames, strict=False)):
        axes.imshow(frame, cmap="gray", vmin=0, vmax=255, interpolation="nearest")
        axes.set(xticks=[], yticks=[])
        axes.set_title(axis.name(s * axis.patches).split(",")[0], fontsize=8)
        if truth is not None and truth[point, s] >= 0 and s != point // (h * w):
            _, x, y = place(int(truth[point, s]))
            axes.plot(x + wide / 2, y + high / 2, "o", color="white", mec="black", markersize=5)
    _, x, y = place(point)
    for p, colour in zip(
        neighbours[point], colours_of(neighbours, truth, shape, slack, point), strict=True
    ):
        axes, u, v = place(int(p))
        box(int(p), colour, 1.5, dashed=colour == WRONG)
        link = ConnectionPatch(
            (x + wide / 2, y + high / 2), (u + wide / 2, v + high / 2), "data", "data",
            axesA=place(point)[0], axesB=axes, arrowstyle="->", linewidth=1.4, color=colour,
            linestyle="--" if colour == WRONG else "-", path_effects=None,
        )  # fmt: skip
        part.add_artist(link)
    box(point, MARK, 2.2)


def _draw_matrix(
    axes: Axes,
    similarity: np.ndarray,
    shape: tuple[int, int, int],
    neighbours: np.ndarray,
    point: int,
) -> None:
    t, inside = shape[0], shape[1] * shape[2]
    image = axes.imshow(similarity, cmap=HEAT, interpolation="nearest")
    for s in range(1, t):
        axes.axhline(s * inside - 0.5, color=GREY, linewidth=0.6)
        axes.axvline(s * inside - 0.5, color=GREY, linewidth=0.6)
    axes.axhline(point, color=MARK, linewidth=0.9)
    axes.plot(neighbours[point], np.full(neighbours.shape[1], point), "|", color=MARK, markersize=8)
    axes.set_xlabel("point")
    axes.set_ylabel("point")
    axes.set_title("similarity (blocks: frames)", loc="left", fontsize=9)
    axes.figure.colorbar(image, ax=axes, shrink=0.8)


def _draw_scores(axes: Axes, scores: dict[str, Scores]) -> None:
    at = np.arange(len(scores))
    axes.barh(at, [one.share for one in scores.values()], height=0.6, color=RIGHT)
    for i, one in enumerate(scores.values()):
        axes.plot([one.chance] * 2, [i - 0.4, i + 0.4], color="black", linewidth=1.2)
        axes.plot(one.found, i, "o", color="white", mec="black", clip_on=False)
    axes.set_yticks(at, [_plain(name[:24]) for name in scores], fontsize=8)
    axes.invert_yaxis()
    axes.set_xlim(0, 1)
    axes.set_xlabel("right proposals (line: chance; o: points with one)")
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)


def _plain(text: str) -> str:
    """Text that matplotlib does not take for a formula."""
    return text.replace("$", r"\$")
