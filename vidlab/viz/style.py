"""One look for all figures: quiet axes, colours that survive colour blindness."""

from __future__ import annotations

import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure

#: Okabe and Ito's qualitative colours, without black and yellow, first choice first.
ACCENTS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
SEQUENTIAL = "viridis"
MUTED = "#8a8a8a"


def new_figure(
    rows: int = 1, columns: int = 1, *, size: tuple[float, float], **grid: object
) -> tuple[Figure, object]:
    """A figure and its axes in the common style; ``size`` in inches, ``grid`` as for subplots."""
    from matplotlib import pyplot

    with sns.axes_style("ticks"), sns.plotting_context("notebook", font_scale=0.85):
        return pyplot.subplots(
            rows, columns, figsize=size, layout="constrained", gridspec_kw=grid or None
        )


def quiet(axes: Axes) -> None:
    """Leave only the left and the bottom line of a frame."""
    sns.despine(ax=axes)
