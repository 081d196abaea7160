"""Binarization explorer: what a layer loses when its weights and activations become ±1.

Symbols follow 3D BitConv (MMM 2023): w real weights, Sign(x) = +1 where x >= 0 and -1 elsewhere,
b the bias that moves the threshold to -b, alpha the scale of the ±1 weights.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import traitlets
from matplotlib.figure import Figure

from vidlab.widgets import _binarization_figure
from vidlab.widgets._binarization_layer import (
    BIAS_STEPS,
    SCALE_REACH,
    BinarizedLayer,
    LayerView,
    check_layer,
    kernels_kept,
    pack_layer,
)
from vidlab.widgets.base import Explorer, check_size, module_text, style_text

__all__ = ["BinarizationExplorer", "LayerView"]


class BinarizationExplorer(Explorer):
    """Histograms, quantisation error, sign flips, ±1 kernels and cosines, layer by layer.

    The page computes the error ||w - alpha sign(w + b)||² / ||w||² itself while b and alpha move,
    from a histogram of all weights: exact at every position of its sliders.

    Args:
        layers: one :class:`LayerView` a layer, in the network's order. Weights are copied, in
            float32. Histograms count all values; of the kernels the page holds at most the first
            32 filters and 32 input channels, fewer where there are many layers, and says so.
        stage_boundary: epochs of the first training stage, where there were two; marked in the
            flip history, 1 .. E-1.
        title: heading; a plain one by default.

    Raises:
        TypeError: ``layers`` holds something that is not a LayerView.
        ValueError: one sentence that says which layer, what was got and what is allowed.

    Traits shared with the page: ``layer`` (0-based), ``bias`` b and ``scale`` alpha (in units of
    the weights), ``kernel`` (filter, 0-based) and ``channel`` (input channel, 0-based; -1 for the
    mean over those held). A new layer starts at b = 0 and alpha = mean|w|.
    """

    _esm = module_text(
        "binarization_method", "binarization_plot", "binarization_kernels", "binarization"
    )
    _css = style_text("binarization")

    layer = traitlets.Int(0).tag(sync=True)
    bias = traitlets.Float(0.0).tag(sync=True)
    scale = traitlets.Float(1.0).tag(sync=True)
    kernel = traitlets.Int(0).tag(sync=True)
    channel = traitlets.Int(0).tag(sync=True)

    def __init__(
        self,
        layers: Sequence[LayerView],
        *,
        stage_boundary: int | None = None,
        title: str | None = None,
    ) -> None:
        views = list(layers)
        if not views:
            raise ValueError("layers is empty; at least one LayerView is needed")
        self._layers = [check_layer(i, view) for i, view in enumerate(views)]
        self._stage = _check_history(self._layers, stage_boundary)
        self._kept = kernels_kept([layer.weight.shape for layer in self._layers])
        packed = [
            pack_layer(layer, kept) for layer, kept in zip(self._layers, self._kept, strict=True)
        ]
        data = {
            "layers": packed,
            "stage": self._stage,
            "biasSteps": BIAS_STEPS,
            "scaleReach": SCALE_REACH,
        }
        check_size(data, "the binarization explorer")
        count = len(views)
        super().__init__(
            _data=data,
            scale=self._layers[0].absmean,
            title="What binarization keeps" if title is None else str(title),
            alt=(
                f"Binarization explorer of {count} layer{'s' if count > 1 else ''}: histograms of "
                "real weights and activations with the threshold of their signs, quantisation "
                "error over the scale, sign flips over training, kernels beside their signs, "
                "cosines between real and binary outputs."
            ),
        )

    def error(self, layer: int, bias: float, scale: float) -> float:
        """||w - scale · sign(w + bias)||² / ||w||² of one layer, over all its weights.

        Raises:
            ValueError: no such layer, or a bias or scale that is not finite.
        """
        if not 0 <= layer < len(self._layers):
            raise ValueError(f"layer is {layer}; allowed: 0 .. {len(self._layers) - 1}")
        for name, value in (("bias", bias), ("scale", scale)):
            if not np.isfinite(value):
                raise ValueError(f"{name} is {value}; it must be finite")
        weight = self._layers[layer].weight.astype(np.float64)
        sign = np.where(weight >= -bias, 1.0, -1.0)
        return float(np.sum((weight - scale * sign) ** 2) / np.sum(weight**2))

    def best_scale(self, layer: int, bias: float = 0.0) -> float:
        """The alpha >= 0 of least error: mean(w · sign(w + bias)), which is mean|w| at bias 0."""
        if not 0 <= layer < len(self._layers):
            raise ValueError(f"layer is {layer}; allowed: 0 .. {len(self._layers) - 1}")
        weight = self._layers[layer].weight.astype(np.float64)
        return max(0.0, float(np.mean(np.where(weight >= -bias, weight, -weight))))

    def figure(self) -> Figure:
        """The layer shown, at the bias, scale, filter and channel chosen, for print."""
        return _binarization_figure.draw(
            self._layers,
            self.layer,
            bias=self.bias,
            scale=self.scale,
            kernel=self.kernel,
            channel=self.channel,
            channels=self._kept[self.layer][1],
            stage=self._stage,
            title=self.title,
        )

    @traitlets.observe("layer")
    def _start_layer(self, change: dict) -> None:
        filters, channels = self._kept[self.layer]
        self.bias, self.scale = 0.0, self._layers[self.layer].absmean
        self.kernel = min(self.kernel, filters - 1)
        self.channel = min(self.channel, channels - 1)

    @traitlets.validate("layer")
    def _check_layer(self, proposal: dict) -> int:
        return _within("layer", proposal["value"], 0, len(self._layers) - 1)

    @traitlets.validate("bias")
    def _check_bias(self, proposal: dict) -> float:
        reach = self._layers[self.layer].bias_reach
        return _within("bias", proposal["value"], -reach, reach)

    @traitlets.validate("scale")
    def _check_scale(self, proposal: dict) -> float:
        most = SCALE_REACH * self._layers[self.layer].absmean
        return _within("scale", proposal["value"], 0.0, most)

    @traitlets.validate("kernel")
    def _check_kernel(self, proposal: dict) -> int:
        return _within("kernel", proposal["value"], 0, self._kept[self.layer][0] - 1)

    @traitlets.validate("channel")
    def _check_channel(self, proposal: dict) -> int:
        return _within("channel", proposal["value"], -1, self._kept[self.layer][1] - 1)


def _within(name: str, value: float, low: float, high: float) -> float:
    """The value itself, or a ``TraitError`` where the page could not show it."""
    slack = 1e-9 * (high - low)  # sliders and the page round in the last bits
    if not low - slack <= value <= high + slack:
        raise traitlets.TraitError(f"{name} is {value:.6g}; allowed: {low:.6g} .. {high:.6g}")
    return value


def _check_history(layers: list[BinarizedLayer], stage_boundary: int | None) -> int | None:
    """All flip histories on one epoch axis, with the boundary inside it."""
    with_flips = [layer for layer in layers if layer.flips is not None]
    for layer in with_flips[1:]:
        if len(layer.flips) != len(with_flips[0].flips):
            raise ValueError(
                f"flips of layer {layer.name!r} has {len(layer.flips)} epochs; "
                f"{with_flips[0].name!r} has {len(with_flips[0].flips)}"
            )
    if stage_boundary is None:
        return None
    if not with_flips:
        raise ValueError(f"stage_boundary is {stage_boundary}, but no layer has flips to mark")
    epochs = len(with_flips[0].flips)
    if stage_boundary != int(stage_boundary) or not 1 <= stage_boundary < epochs:
        raise ValueError(
            f"stage_boundary is {stage_boundary}; with {epochs} epochs of flips it must be a whole "
            f"number from 1 to {epochs - 1}"
        )
    return int(stage_boundary)
