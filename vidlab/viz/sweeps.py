"""Figures of sweeps: a number over a parameter, averaged over seeds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure
from scipy import stats

from vidlab.viz.style import ACCENTS, MUTED, new_figure, quiet


def mean_interval(values: Sequence[float], level: float = 0.95) -> tuple[float, float]:
    """Mean and half the width of its confidence interval (Student's t); NaN for one value.

    >>> mean, half = mean_interval([1.0, 2.0, 3.0])
    >>> round(mean, 2), round(half, 2)
    (2.0, 2.48)
    """
    values = np.asarray(values, float)
    if values.ndim != 1 or not len(values):
        raise ValueError(f"values have shape {values.shape}; expected (N,), N >= 1")
    if len(values) == 1:
        return float(values[0]), float("nan")
    half = stats.t.ppf((1 + level) / 2, len(values) - 1) * stats.sem(values)
    return float(values.mean()), float(half)


def sweep_curves(
    series: Mapping[str, Mapping[float | str, Sequence[float]]], *, xlabel: str, ylabel: str
) -> Figure:
    """A line a series through the mean over seeds; the band is the 95 % interval of the mean.

    Args:
        series: name to {value of the parameter: one number a seed}. Where all values are numbers
            they lie on a scale, else side by side.
        xlabel: the parameter.
        ylabel: the metric.
    """
    figure, axes = new_figure(size=(7, 3.4))
    keys = list(dict.fromkeys(x for points in series.values() for x in points))
    numbers = all(isinstance(x, (int, float)) and not isinstance(x, bool) for x in keys)
    place = {x: float(x) for x in keys} if numbers else {x: k for k, x in enumerate(keys)}
    for number, (name, points) in enumerate(series.items()):
        colour = ACCENTS[number % len(ACCENTS)]
        xs = sorted(points, key=place.__getitem__)
        at = np.array([place[x] for x in xs])
        mean, half = np.array([mean_interval(points[x]) for x in xs]).T
        style = "-" if number < len(ACCENTS) else "--"
        axes.plot(at, mean, style, marker="o", ms=4, color=colour, label=name)
        if len(xs) > 1:
            axes.fill_between(at, mean - half, mean + half, color=colour, alpha=0.15, lw=0)
        else:
            axes.errorbar(at, mean, np.nan_to_num(half), color=colour, capsize=3)
        for x in xs:
            dots = points[x]
            axes.plot([place[x]] * len(dots), dots, ".", ms=3, color=colour, alpha=0.5)
    if not numbers or len(keys) <= 8:
        axes.set_xticks([place[x] for x in keys], [str(x) for x in keys])
    axes.set(xlabel=xlabel, ylabel=ylabel)
    axes.set_title(
        "dots: seeds; band: 95 % interval of the mean", loc="right", fontsize=9, color=MUTED
    )
    axes.legend(frameon=False, bbox_to_anchor=(1.01, 1), loc="upper left", fontsize=8)
    quiet(axes)
    return figure
