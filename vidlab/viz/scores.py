"""Figures of results: trade-offs, precision and recall, confusion, learning curves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import seaborn as sns
from matplotlib.figure import Figure

from vidlab.viz.style import ACCENTS, MUTED, new_figure, quiet


def curves(
    x: Sequence[float],
    series: Mapping[str, Sequence[float]],
    *,
    xlabel: str,
    ylabel: str,
    references: Mapping[str, float] | None = None,
    reference_name: str = "",
) -> Figure:
    """Lines over ``x``, each named at its right end.

    ``references`` draws a dashed level in the colour of the series of that name;
    ``reference_name`` says what the dashed levels are.
    """
    figure, axes = new_figure(size=(6.4, 3.2))
    for colour, (name, values) in zip(ACCENTS, series.items(), strict=False):
        axes.plot(x, values, marker="o", color=colour)
        if name in (references or {}):
            axes.axhline(references[name], color=colour, ls="--", lw=1)
    axes.set(xlabel=xlabel, ylabel=ylabel)
    if reference_name:
        axes.set_title(f"dashed: {reference_name}", loc="right", fontsize=9, color=MUTED)
    axes.set_xticks(list(x))
    ends = [values[-1] for values in series.values()]
    low, high = axes.get_ylim()
    heights = _apart(ends, 0.075 * (high - low))
    for colour, name, height in zip(ACCENTS, series, heights, strict=False):
        axes.text(
            x[-1] + 0.02 * (x[-1] - x[0]), height, name, color=colour, va="center", clip_on=False
        )
    quiet(axes)
    return figure


def _apart(values: Sequence[float], gap: float) -> list[float]:
    """The values moved, in their order, until neighbours are at least ``gap`` apart.

    >>> _apart([0.5, 0.1, 0.5], 0.2)
    [0.4, 0.1, 0.6]
    """
    places = np.asarray(values, float)
    order = np.argsort(places, kind="stable")
    groups: list[list[float]] = []  # of labels that touch: [middle, count]
    for value in places[order]:
        groups.append([value, 1])
        while len(groups) > 1:
            (a, m), (b, n) = groups[-2:]
            if b - a >= gap * (m + n) / 2:
                break
            groups[-2:] = [[(a * m + b * n) / (m + n), m + n]]
    moved = np.empty_like(places)
    spread = [middle + gap * (k - (n - 1) / 2) for middle, n in groups for k in range(n)]
    moved[order] = spread
    return moved.round(12).tolist()


def precision_recall_curves(curves: Mapping[str, tuple[np.ndarray, np.ndarray]]) -> Figure:
    """Precision over recall of several models: name to (precision, recall)."""
    figure, axes = new_figure(size=(5.4, 3.4))
    for colour, (name, (precision, recall)) in zip(ACCENTS, curves.items(), strict=False):
        axes.plot(recall, precision, color=colour, label=name)
    axes.set(xlabel="recall", ylabel="precision", xlim=(0, 1), ylim=(0, 1.03))
    axes.legend(frameon=False, loc="lower left")
    quiet(axes)
    return figure


def confusion(matrix: np.ndarray, names: Sequence[str], *, rows: str, columns: str) -> Figure:
    """A confusion matrix ``(R, C)`` of shares, each row summing to one."""
    figure, axes = new_figure(size=(6.2, 4.6))
    sns.heatmap(
        matrix,
        ax=axes,
        cmap="viridis",
        vmin=0,
        vmax=1,
        annot=True,
        fmt=".2f",
        annot_kws={"size": 7},
        xticklabels=names,
        yticklabels=names if matrix.shape[0] == len(names) else names[1:],
        cbar_kws={"label": "share of the row"},
    )
    axes.set(xlabel=columns, ylabel=rows)
    axes.tick_params(rotation=0)
    return figure


def learning_curves(histories: Mapping[str, Sequence[float]], *, ylabel: str) -> Figure:
    """One line a training, over epochs, on a logarithmic scale."""
    figure, axes = new_figure(size=(7, 3.2))
    colours = sns.color_palette("colorblind", 5)
    for i, (name, values) in enumerate(histories.items()):
        line = "-" if i < 5 else "--"  # more than five colours are hard to tell apart
        epochs = range(1, len(values) + 1)
        axes.plot(epochs, values, line, marker="o", ms=3, color=colours[i % 5], label=name)
    axes.set(xlabel="epoch", ylabel=ylabel, yscale="log")
    axes.legend(frameon=False, bbox_to_anchor=(1.01, 1), loc="upper left", fontsize=8)
    quiet(axes)
    return figure
