"""One layer of the binarization explorer: checked, counted and packed for the page."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from vidlab.widgets.base import as_array, check_finite, encode_array

HALF = 200  #: bins on either side of 0; the bias slider's steps are bins
BIAS_STEPS = 150  #: the bias goes this far; the outermost bins hold values beyond the axis, too
SCALE_REACH = 2.5  #: the scale goes from 0 to this many mean|w|
TAILS = 4.0  #: histograms end at this many root mean squares; outer bins take what lies beyond
KERNELS = 32  #: most filters, and most channels of a filter, that a page holds
KERNEL_VALUES = 220_000  #: weights in all kernels of a page, two bytes each


@dataclass(frozen=True)
class LayerView:
    """What the explorer shows of one layer.

    Attributes:
        name: shown in lists; any text.
        weight: ``(Cout, Cin, kT, kH, kW)`` real weights, not all zero.
        activation: real values just before their sign (Sign1's bias added: the threshold is 0),
            a sample of any shape.
        flips: ``(E,)`` share of weights, 0 .. 1, whose sign changed since the epoch before.
        cosine: between the layer's real and binary outputs, -1 .. 1.
    """

    name: str
    weight: object
    activation: object
    flips: object = None
    cosine: float | None = None


@dataclass(frozen=True)
class Histogram:
    """Counts in 2·HALF bins from -reach to reach; bin k holds [k - HALF, k + 1 - HALF)·width.

    Attributes:
        reach: end of the axis, in units of the values.
        counts: ``(2·HALF,)`` how many values; the outermost bins hold those beyond, too.
        sums: ``(2·HALF,)`` sum of the values in a bin.
        beyond: how many values lie outside of ±reach.
    """

    reach: float
    counts: np.ndarray
    sums: np.ndarray
    beyond: int


@dataclass(frozen=True)
class BinarizedLayer:
    """A checked layer; ``weight`` and ``activation`` are float32, histograms count all of them."""

    name: str
    weight: np.ndarray
    rms: float
    absmean: float
    filter_error: float  # least error with one scale a filter
    weights: Histogram
    activations: Histogram
    flips: np.ndarray | None
    cosine: float | None

    @property
    def bias_reach(self) -> float:
        """Largest |b| that the page shows."""
        return self.weights.reach * BIAS_STEPS / HALF


def check_layer(index: int, view: LayerView) -> BinarizedLayer:
    """One layer's arrays, checked and counted."""
    if not isinstance(view, LayerView):
        raise TypeError(f"layers[{index}] is a {type(view).__name__}; LayerView is needed")
    where = f"of layer {index} ({str(view.name)!r})"
    weight = _real(view.weight, f"weight {where}")
    if weight.ndim != 5 or weight.size == 0:
        raise ValueError(
            f"weight {where} must be (Cout, Cin, kT, kH, kW), not empty; got shape {weight.shape}"
        )
    activation = _real(view.activation, f"activation {where}")
    if activation.size == 0:
        raise ValueError(f"activation {where} is empty; at least one value is needed")
    wide = weight.astype(np.float64)
    power = float(np.mean(wide**2))
    if power == 0:
        raise ValueError(f"weight {where} is all zero; its quantisation error is not defined")
    of_filters = np.abs(wide).mean(axis=(1, 2, 3, 4))
    return BinarizedLayer(
        name=str(view.name),
        weight=weight,
        rms=math.sqrt(power),
        absmean=float(of_filters.mean()),
        filter_error=float(1 - np.mean(of_filters**2) / power),
        weights=histogram(wide),
        activations=histogram(activation),
        flips=None if view.flips is None else _flips(view.flips, f"flips {where}"),
        cosine=None if view.cosine is None else _cosine(view.cosine, f"cosine {where}"),
    )


def histogram(values: np.ndarray) -> Histogram:
    """Counts and sums around 0, symmetric, so that 0 is an edge and sign(0) = +1 is respected."""
    values = np.asarray(values, np.float64).ravel()
    largest = float(np.abs(values).max())
    reach = min(largest, TAILS * math.sqrt(float(np.mean(values**2)))) or 1.0
    # Flooring before the shift keeps tiny negative values on their side of 0.
    bins = np.floor(values * (HALF / reach)).clip(-HALF, HALF - 1).astype(np.int64) + HALF
    counts = np.bincount(bins, minlength=2 * HALF)
    sums = np.bincount(bins, values, minlength=2 * HALF)
    return Histogram(reach, counts, sums, int((np.abs(values) > reach).sum()))


def kernels_kept(shapes: list[tuple[int, ...]]) -> list[tuple[int, int]]:
    """How many filters and input channels of each layer fit on the page, the first ones."""
    room = KERNEL_VALUES // len(shapes)
    kept = []
    for filters, channels, *kernel in shapes:
        pairs = max(1, room // math.prod(kernel))
        filters = min(filters, KERNELS, max(1, math.isqrt(pairs), pairs // channels))
        kept.append((filters, min(channels, KERNELS, max(1, pairs // filters))))
    return kept


def pack_layer(layer: BinarizedLayer, kept: tuple[int, int]) -> dict:
    """What the page draws one layer from. Sums are shares of n·rms: no unit, no overflow."""
    kernels = layer.weight[: kept[0], : kept[1]].astype(np.float64)
    # An even number of levels around 0: quantised weights keep their sign.
    most = float(np.abs(kernels).max()) or layer.weights.reach
    weights, activations = layer.weights, layer.activations
    return {
        "name": layer.name,
        "shape": list(layer.weight.shape),
        "rms": layer.rms,
        "absmean": layer.absmean,
        "filterError": layer.filter_error,
        "weights": {
            "reach": weights.reach,
            "beyond": weights.beyond,
            "counts": encode_array(weights.counts, "float32"),
            "sums": encode_array(weights.sums / (layer.weight.size * layer.rms), "float32"),
        },
        "activations": {
            "reach": activations.reach,
            "beyond": activations.beyond,
            "counts": encode_array(activations.counts, "float32"),
        },
        "kernels": encode_array(kernels, "uint16", (-most, most)),
        "flips": None if layer.flips is None else encode_array(layer.flips, "float32"),
        "cosine": layer.cosine,
    }


def _real(values: object, name: str) -> np.ndarray:
    """A float32 copy, so that training on in place changes nothing here."""
    array = as_array(values, name)
    if array.dtype.kind not in "fiub":
        raise ValueError(f"{name} must hold real numbers; got dtype {array.dtype}")
    check_finite(array, name)
    limit = float(np.finfo(np.float32).max)
    if array.size and float(np.abs(array).max()) > limit:
        raise ValueError(f"{name} holds values beyond {limit:.3g}, more than float32 can hold")
    return array.astype(np.float32)


def _flips(values: object, name: str) -> np.ndarray:
    array = _real(values, name)
    if array.ndim != 1 or array.size == 0:
        raise ValueError(f"{name} must be (E,), one share an epoch; got shape {array.shape}")
    if array.min() < 0 or array.max() > 1:
        raise ValueError(
            f"{name} go from {array.min():.4g} to {array.max():.4g}; they are shares in 0 .. 1"
        )
    return array


def _cosine(value: object, name: str) -> float:
    array = as_array(value, name)
    if array.size != 1 or not -1 - 1e-4 <= float(array.ravel()[0]) <= 1 + 1e-4:
        raise ValueError(f"{name} must be one number in -1 .. 1; got {value}")
    return float(np.clip(array.ravel()[0], -1, 1))
