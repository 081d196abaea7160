"""Figures about a corpus of tagged windows: its classes, its clumps, scores beside each other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import StrMethodFormatter

from vidlab.viz.style import ACCENTS, MUTED, new_figure, quiet


def class_bars(table: Mapping[str, tuple[int, int]]) -> Figure:
    """Windows of each class as bars; the dark part is what is left without duplicates.

    Args:
        table: class to (windows, different windows).
    """
    if not table:
        raise ValueError("the table of classes is empty")
    figure, axes = new_figure(size=(6.4, 0.42 * len(table) + 0.9))
    places = np.arange(len(table))
    every, distinct = np.array(list(table.values())).T
    axes.barh(places, every, 0.62, color=ACCENTS[0], alpha=0.35)
    axes.barh(places, distinct, 0.62, color=ACCENTS[0])
    for place, (all_of, different) in zip(places, table.values(), strict=True):
        axes.text(
            all_of + 0.01 * every.max(),
            place,
            f"{all_of:,} ({different:,} different)",
            va="center",
            fontsize=9,
            color=MUTED,
        )
    axes.set_yticks(places, list(table))
    axes.invert_yaxis()
    axes.set(xlabel="windows", xlim=(0, 1.38 * every.max()))
    axes.xaxis.set_major_formatter(StrMethodFormatter("{x:,.0f}"))
    quiet(axes)
    return figure


def clump_sizes(sizes: Mapping[str, Mapping[int, int]], *, xlabel: str) -> Figure:
    """How many clumps there are of each size, both on log scales.

    Args:
        sizes: by kind of clump, size to number of such clumps.
        xlabel: what the size counts.
    """
    figure, axes = new_figure(size=(6.0, 3.0))
    for colour, marker, (name, counts) in zip(ACCENTS, "osD^v", sizes.items(), strict=False):
        axes.plot(
            list(counts), list(counts.values()), marker, color=colour, label=name, ms=5, alpha=0.8
        )
    axes.set(xscale="log", yscale="log", xlabel=xlabel, ylabel="how many")
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter(StrMethodFormatter("{x:,.0f}"))
    axes.legend(frameon=False)
    quiet(axes)
    return figure


def score_dots(
    scores: Mapping[str, Mapping[str, float]], models: Sequence[str], *, xlabel: str
) -> Figure:
    """One row a model, one dot a setting: a model's dots lie on one line.

    Args:
        scores: by setting, model to score in per cent; models may be missing.
        models: the rows, from top to bottom.
        xlabel: the score's name.
    """
    figure, axes = new_figure(size=(6.4, 0.36 * len(models) + 1.2))
    for place, model in enumerate(models):
        values = [each[model] for each in scores.values() if model in each]
        if values:
            axes.plot([min(values), max(values)], [place, place], color=MUTED, lw=1, zorder=1)
    for colour, marker, (name, each) in zip(ACCENTS, "osD^v", scores.items(), strict=False):
        rows = [place for place, model in enumerate(models) if model in each]
        axes.scatter(
            [each[models[place]] for place in rows],
            rows,
            color=colour,
            marker=marker,
            s=42,
            label=name,
            zorder=2,
        )
    axes.set_yticks(range(len(models)), models)
    axes.invert_yaxis()
    axes.set(xlabel=xlabel, xlim=(-2, 102))
    axes.legend(frameon=False, ncols=len(scores), loc="lower left", bbox_to_anchor=(0, 1))
    quiet(axes)
    return figure
