"""The binarization explorer's matplotlib twin: checked layers in, Figure out."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, PercentFormatter

from vidlab.widgets._binarization_layer import SCALE_REACH, BinarizedLayer, Histogram
from vidlab.widgets.base import BLANK_COLOUR, DIVERGING

MINUS, PLUS = DIVERGING["light"][1], DIVERGING["light"][5]
MARK, ACCENT, MUTED = "#c23c0a", "#0a64a4", "#5a6673"
BARS = 80
COLOURS = LinearSegmentedColormap.from_list("diverging", DIVERGING["light"])


def draw(
    layers: list[BinarizedLayer],
    current: int,
    *,
    bias: float,
    scale: float,
    kernel: int,
    channel: int,
    channels: int,
    stage: int | None,
    title: str,
) -> Figure:
    """One layer in six axes: weights, error, activations, kernels, flip history, cosines."""
    layer = layers[current]
    figure = Figure(figsize=(12, 7.6), layout="constrained")
    figure.set_facecolor("white")
    grid = figure.add_gridspec(2, 3)
    axes = [figure.add_subplot(grid[i // 3, i % 3]) for i in (0, 1, 2, 4, 5)]
    _draw_histogram(axes[0], layer.weights, -bias, scale)
    _label(axes[0], f"Real weights, threshold −b = {0.0 - bias:.3g}", "weight w", "share in a bar")
    _draw_error(axes[1], layer, bias, scale)
    _draw_histogram(axes[2], layer.activations, 0.0, None)
    _label(axes[2], "Real activations before the sign", "activation", "share in a bar")
    chosen = slice(0, channels) if channel < 0 else slice(channel, channel + 1)
    weight = layer.weight[kernel, chosen].astype(np.float64)
    sign = np.where(weight >= -bias, 1.0, -1.0)
    which = f"mean of {channels} channels" if channel < 0 else f"channel {channel}"
    _draw_kernels(figure, grid[1, 0], weight.mean(0), sign.mean(0), f"Filter {kernel}, {which}")
    _draw_flips(axes[3], layers, current, stage)
    _draw_cosines(axes[4], layers, current)
    heading = f"{title}: {layer.name}".replace("$", r"\$")
    figure.suptitle(heading, x=0.01, ha="left", fontweight="bold")
    return figure


def _label(axes: Axes, title: str, x: str, y: str) -> None:
    axes.set_title(title.replace("$", r"\$"), loc="left", fontsize=10, color=MUTED)
    axes.set_xlabel(x)
    axes.set_ylabel(y)
    axes.spines[["top", "right"]].set_visible(False)


def _draw_histogram(
    axes: Axes, histogram: Histogram, threshold: float, scale: float | None
) -> None:
    """Bars in two colours, one a side of the threshold; a bar that it cuts is cut in two."""
    reach = histogram.reach
    share = histogram.counts.reshape(BARS, -1).sum(axis=1) / histogram.counts.sum()
    edges = np.linspace(-reach, reach, BARS + 1)
    cut = np.clip(threshold, edges[:-1], edges[1:])
    axes.bar(edges[:-1], share, cut - edges[:-1], align="edge", color=MINUS, label="−1")
    axes.bar(cut, share, edges[1:] - cut, align="edge", color=PLUS, label="+1")
    axes.axvline(threshold, color="black", linewidth=1.5)
    if scale is not None:
        heights = np.zeros(2)
        axes.plot([-scale, scale], heights, "^", color=MARK, clip_on=False, label="±α")
    axes.set_xlim(-reach, reach)
    axes.yaxis.set_major_formatter(PercentFormatter(1.0))
    axes.legend(frameon=False, fontsize=8, loc="upper right")


def _draw_error(axes: Axes, layer: BinarizedLayer, bias: float, scale: float) -> None:
    """||w - alpha sign(w + b)||² / ||w||² over alpha, from mean(w sign(w + b)) and mean(w²)."""
    weight = layer.weight.astype(np.float64)
    mean = float(np.mean(np.where(weight >= -bias, weight, -weight)))
    alphas = np.linspace(0, SCALE_REACH * layer.absmean, 101)
    error = 1 + (alphas**2 - 2 * alphas * mean) / layer.rms**2
    axes.plot(alphas, error, color=ACCENT, linewidth=2)
    best = max(0.0, mean)
    axes.axvline(best, color=MUTED, linestyle="--", label=f"best α = {best:.3g}")
    here = 1 + (scale**2 - 2 * scale * mean) / layer.rms**2
    point = f"α = {scale:.3g}: {here:.4f}"
    axes.plot([scale], [here], "o", color=MARK, markersize=8, label=point)
    axes.set_xlim(0, alphas[-1])
    axes.set_ylim(bottom=0)
    axes.legend(frameon=False, fontsize=8)
    _label(axes, "Quantisation error", "scale α", "‖w − α sign(w + b)‖² / ‖w‖²")


def _draw_kernels(
    figure: Figure, place: object, real: np.ndarray, sign: np.ndarray, title: str
) -> None:
    """kT slices of the real kernel above, of its signs below."""
    inner = place.subgridspec(2, len(real))
    most = float(np.abs(real).max()) or 1.0
    for row, (values, limit, name) in enumerate([(real, most, "real w"), (sign, 1.0, "signs")]):
        for t, picture in enumerate(values):
            axes = figure.add_subplot(inner[row, t])
            axes.imshow(picture, cmap=COLOURS, vmin=-limit, vmax=limit)
            axes.set(xticks=[], yticks=[])
            if row == 0:
                axes.set_title(f"{title}\nt = 0" if t == 0 else f"t = {t}", fontsize=9, loc="left")
            if t == 0:
                axes.set_ylabel(name)


def _draw_flips(axes: Axes, layers: list[BinarizedLayer], current: int, stage: int | None) -> None:
    for i, layer in enumerate(layers):
        if layer.flips is None:
            continue
        here = i == current
        epochs = np.arange(1, len(layer.flips) + 1)
        colour, width = (MARK, 2.5) if here else (BLANK_COLOUR, 1.2)
        axes.plot(epochs, layer.flips, color=colour, linewidth=width, zorder=3 if here else 2)
    if stage is not None:
        axes.axvline(stage + 0.5, color="black", linestyle="--", linewidth=1, label="stage 1 | 2")
        axes.legend(frameon=False, fontsize=8)
    axes.set_ylim(bottom=0)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.yaxis.set_major_formatter(PercentFormatter(1.0))
    _label(axes, "Signs flipped since the epoch before", "epoch", "share of weights")


def _draw_cosines(axes: Axes, layers: list[BinarizedLayer], current: int) -> None:
    values = [np.nan if layer.cosine is None else layer.cosine for layer in layers]
    colours = [MARK if i == current else BLANK_COLOUR for i in range(len(layers))]
    axes.barh(range(len(layers)), values, color=colours)
    names = [layer.name.replace("$", r"\$")[:24] for layer in layers]
    axes.set_yticks(range(len(layers)), names, fontsize=8)
    axes.set_xlim(-1 if np.nanmin([*values, 0.0]) < 0 else 0, 1)
    axes.invert_yaxis()
    _label(axes, "Cosine of real and binary outputs", "cosine", "")
