"""The confusion explorer's matplotlib twin: counts in, Figure out."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.colors import FuncNorm, LinearSegmentedColormap, PowerNorm
from matplotlib.figure import Figure

from vidlab.widgets.base import DIVERGING, SEQUENTIAL

SHARES = LinearSegmentedColormap.from_list("shares", SEQUENTIAL["light"])
DIFFERENCES = LinearSegmentedColormap.from_list("differences", DIVERGING["light"])
MOST_NAMES = 60  # along an axis
NUMBERED = 16  # classes up to which the entries carry numbers


def shares_of_rows(counts: np.ndarray) -> np.ndarray:
    """Counts over their row's sum; NaN in rows without samples."""
    total = counts.sum(axis=1, keepdims=True)
    return np.divide(counts, total, out=np.full(counts.shape, np.nan), where=total > 0)


def draw(
    counts: np.ndarray,
    other: np.ndarray | None,
    *,
    order: Sequence[int],
    names: list[str],
    normalised: bool,
    title: str,
) -> Figure:
    """One confusion matrix, or the difference of two, colours spread by the square root."""
    values = shares_of_rows(counts) if normalised else counts.astype(float)
    if other is not None:
        values = values - (shares_of_rows(other) if normalised else other)
    values = values[np.ix_(order, order)]
    most = max(np.nanmax(np.abs(values)), 0.01)
    if other is not None:
        norm = FuncNorm((_root, _square), vmin=-most, vmax=most)
    else:
        norm = PowerNorm(0.5, vmin=0, vmax=1 if normalised else most)
    classes = len(names)
    side = float(np.clip(0.3 * classes, 4.5, 11))
    figure = Figure(figsize=(side + 2.2, side + 1.2), layout="constrained")
    axes = figure.subplots()
    image = axes.imshow(
        values,
        cmap=SHARES if other is None else DIFFERENCES,
        norm=norm,
        interpolation="nearest",
    )
    places = np.arange(0, classes, -(-classes // MOST_NAMES))
    labels = [names[order[p]].replace("$", r"\$")[:24] for p in places]
    size = 8 if classes <= 30 else 6
    axes.set_xticks(places, labels, rotation=90, fontsize=size)
    axes.set_yticks(places, labels, fontsize=size)
    axes.set_xlabel("predicted class")
    axes.set_ylabel("true class")
    if classes <= NUMBERED:
        _write_numbers(axes, values, norm, normalised, other is not None)
    what = "share of the true class" if normalised else "samples"
    figure.colorbar(
        image, ax=axes, shrink=0.7, label=what + (", A − B" if other is not None else "")
    )
    axes.set_title(title.replace("$", r"\$"), loc="left", fontsize=11, fontweight="bold")
    return figure


def _write_numbers(
    axes: object, values: np.ndarray, norm: object, normalised: bool, signed: bool
) -> None:
    for i, j in np.argwhere(np.nan_to_num(values) != 0):
        place = float(norm(values[i, j]))
        dark = abs(place - 0.5) > 0.32 if signed else place > 0.6
        number = f"{100 * values[i, j]:.0f}" if normalised else f"{values[i, j]:.0f}"
        ink = "white" if dark else "black"
        axes.text(j, i, number, ha="center", va="center", fontsize=7, color=ink)


def _root(values: np.ndarray) -> np.ndarray:
    return np.sign(values) * np.sqrt(np.abs(values))


def _square(roots: np.ndarray) -> np.ndarray:
    return np.sign(roots) * np.asarray(roots) ** 2
