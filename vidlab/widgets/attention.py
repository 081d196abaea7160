"""Attention explorer: click a query and see which keys it takes from, and how much.

For any attention weights: words that look at words, patches at patches, frames at frames, words
at patches. Rollout follows Abnar and Zuidema (ACL 2020).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import traitlets
from matplotlib.figure import Figure

from vidlab.metrics.attention import as_weights, entropy, rollout
from vidlab.widgets import _attention_figure
from vidlab.widgets._attention_tokens import (
    Axis,
    Tokens,
    check_tokens,
    encode_sharpest,
    pack_axis,
)
from vidlab.widgets.base import (
    MAX_BYTES,
    Explorer,
    as_array,
    encode_array,
    module_text,
    script_json,
    style_text,
)

FRAME_BUDGET = 800_000  #: bytes of frames where the weights leave that much
SCRIPT = 75_000  #: bytes that the page's script and style may take of the limit
MODES = ("head", "mean", "rollout")


@dataclass(frozen=True)
class AttentionView:
    """Attention weights of one sample, and what stands along their two axes.

    Attributes:
        weights: ``(L, H, Q, K)`` or, for one layer, ``(H, Q, K)``: how much each of Q queries takes
            from each of K keys, by layer and head; each row of K sums to one.
        keys: the K tokens that are looked at.
        queries: the Q tokens that look; None where they are the keys (self-attention). Rollout
            exists only then.
        name: of the sample, for the list.
    """

    weights: np.ndarray
    keys: Tokens
    queries: Tokens | None = None
    name: str = ""


@dataclass(frozen=True)
class Looked:
    """One checked view.

    Attributes:
        maps: ``(L, M, Q, K)``: H heads, then their mean, then (self-attention) the rollout.
        spread: ``(L, M, Q)`` entropy of each row, as a share of log K.
        keys, queries: checked tokens; the same object in self-attention.
        name: of the sample.
    """

    maps: np.ndarray
    spread: np.ndarray
    keys: Axis
    queries: Axis
    name: str


class AttentionExplorer(Explorer):
    """Who looks at what: a query's weights over its keys, head by head, and their entropy.

    Args:
        samples: one view a sample; all have L layers and H heads, and all are self-attention or
            none is. Numbers of tokens may differ.
        layer_names, head_names: L and H names; "layer 1", "head 1" … by default.
        title: heading; a plain one by default.
        alt: one sentence that stands in for the picture; made from the numbers by default.

    Weights travel as 255ths of their row's largest, which travels exactly.

    Raises:
        ValueError: one sentence that says which sample, what was got, what is allowed.

    Traits shared with the page: ``sample``, ``layer``, ``head`` and ``query`` (0-based), ``mode``
    ("head", "mean" over heads or "rollout"; self-attention alone has the last) and ``overlay``, how
    much the colours cover the frames, 0 .. 1.
    """

    _esm = module_text("matrix", "attention_tokens", "attention_plot", "attention")
    _css = style_text("attention")

    sample = traitlets.Int(0).tag(sync=True)
    layer = traitlets.Int(0).tag(sync=True)
    head = traitlets.Int(0).tag(sync=True)
    mode = traitlets.Unicode("head").tag(sync=True)
    query = traitlets.Int(0).tag(sync=True)
    overlay = traitlets.Float(0.7).tag(sync=True)

    def __init__(
        self,
        samples: Sequence[AttentionView],
        *,
        layer_names: Sequence[str] | None = None,
        head_names: Sequence[str] | None = None,
        title: str = "",
        alt: str = "",
    ) -> None:
        if isinstance(samples, AttentionView) or not len(samples):
            raise ValueError("samples must be a list of at least one AttentionView")
        self._samples = [_check_view(i, view) for i, view in enumerate(samples)]
        self._rolled = _same_kind(samples)
        layers, heads = _same_size(self._samples, self._rolled)
        self._layers = _named("layer_names", layer_names, layers, "layer")
        self._heads = _named("head_names", head_names, heads, "head")
        first = self._samples[0]
        kind = "self-attention" if self._rolled else "attention"
        super().__init__(
            _data=_pack(self._samples, self._layers, self._heads, self._rolled),
            title=str(title) or "Who looks at what",
            alt=str(alt)
            or (
                f"Attention explorer: {kind} of {first.queries.count} queries over "
                f"{first.keys.count} keys, {layers} layer{'s' if layers > 1 else ''} with {heads} "
                f"head{'s' if heads > 1 else ''}, for {len(samples)} "
                f"sample{'s' if len(samples) > 1 else ''}; a query's weights lie over its keys."
            ),
        )

    def figure(self) -> Figure:
        """The keys under the chosen query's weights, the whole matrix and the heads' entropies."""
        sample = self._samples[self.sample]
        query = min(self.query, sample.queries.count - 1)
        chosen = self.head if self.mode == "head" else len(self._heads) + (self.mode == "rollout")
        rows = [*self._heads, "mean", *(["rollout"] if self._rolled else [])]
        return _attention_figure.draw(
            sample.maps[self.layer, chosen],
            query=query,
            keys=sample.keys,
            queries=sample.queries,
            entropies=sample.spread[self.layer, :, query],
            means=sample.spread[self.layer].mean(-1),
            rows=rows,
            chosen=chosen,
            overlay=self.overlay,
            title=f"{self.title}: {self._layers[self.layer]}, {rows[chosen]}",
        )

    @traitlets.validate("mode")
    def _check_mode(self, proposal: dict) -> str:
        allowed = MODES if self._rolled else MODES[:2]
        if proposal["value"] not in allowed:
            why = "" if self._rolled else " (rollout needs self-attention)"
            raise traitlets.TraitError(
                f"mode is {proposal['value']!r}; allowed: {', '.join(allowed)}{why}"
            )
        return proposal["value"]

    @traitlets.validate("sample", "layer", "head", "query", "overlay")
    def _check_number(self, proposal: dict) -> float:
        name, value = proposal["trait"].name, proposal["value"]
        most = {
            "sample": len(self._samples) - 1,
            "layer": len(self._layers) - 1,
            "head": len(self._heads) - 1,
            "query": max(sample.queries.count for sample in self._samples) - 1,
            "overlay": 1,
        }[name]
        if not 0 <= value <= most:
            raise traitlets.TraitError(f"{name} is {value}; allowed: 0 .. {most}")
        return value


def _check_view(i: int, view: AttentionView) -> Looked:
    if not isinstance(view, AttentionView):
        raise ValueError(f"sample {i} is {type(view).__name__}; expected AttentionView(...)")
    weights = as_array(view.weights, f"weights of sample {i}")
    if weights.ndim not in (3, 4):
        raise ValueError(
            f"weights of sample {i} have shape {weights.shape}; expected (L, H, Q, K) or (H, Q, K)"
        )
    try:
        weights = as_weights(weights if weights.ndim == 4 else weights[None])
    except ValueError as error:
        raise ValueError(f"sample {i}: {error}") from error
    keys = check_tokens(view.keys, f"keys of sample {i}")
    own = view.queries is None
    queries = keys if own else check_tokens(view.queries, f"queries of sample {i}")
    for name, axis, size in (
        ("keys", keys, weights.shape[3]),
        ("queries", queries, weights.shape[2]),
    ):
        if axis.count != size:
            raise ValueError(
                f"weights of sample {i} have {size} {name}, {'the keys' if own else 'its tokens'} "
                f"describe {axis.count}: {_made_of(axis)}"
            )
    maps = [weights, weights.mean(1, keepdims=True)]
    if own:
        maps.append(rollout(weights)[:, None])
    stacked = np.concatenate(maps, axis=1)
    spread = entropy(stacked).astype(np.float32)
    return Looked(stacked.astype(np.float32), spread, keys, queries, str(view.name))


def _made_of(axis: Axis) -> str:
    """E.g. "1 special + 4 frames x 7 x 7 patches"."""
    words = len(axis.names) - axis.special
    parts = [f"{axis.special} special"] * bool(axis.special) + [f"{words} words"] * bool(words)
    if axis.frames is not None:
        parts.append(f"{len(axis.frames)} times x {axis.grid[0]} x {axis.grid[1]} patches")
    return " + ".join(parts)


def _same_kind(views: Sequence[AttentionView]) -> bool:
    """Whether all samples are self-attention; else none may be."""
    own = [view.queries is None for view in views]
    if any(own) and not all(own):
        raise ValueError(
            f"sample {own.index(False)} has queries of its own, sample {own.index(True)} has not; "
            "all samples must be self-attention, or none"
        )
    return own[0]


def _same_size(samples: list[Looked], rolled: bool) -> tuple[int, int]:
    """Numbers of layers and heads, where all samples agree."""
    extra = 1 + rolled  # mean, rollout
    sizes = [(len(one.maps), one.maps.shape[1] - extra) for one in samples]
    for i, size in enumerate(sizes):
        if size != sizes[0]:
            raise ValueError(
                f"sample {i} has (layers, heads) = {size}, sample 0 {sizes[0]}; all need the same"
            )
    return sizes[0]


def _named(argument: str, names: Sequence[str] | None, count: int, kind: str) -> list[str]:
    if names is None:
        return [f"{kind} {i + 1}" for i in range(count)]
    if isinstance(names, str) or len(names) != count:
        raise ValueError(f"{argument} is {names!r}; {count} names are needed")
    return [str(name) for name in names]


def _pack(samples: list[Looked], layers: list[str], heads: list[str], rolled: bool) -> dict:
    packed = [
        {
            "name": sample.name,
            "layers": [_pack_layer(maps, len(heads)) for maps in sample.maps],
            "spread": encode_array(sample.spread, "float32"),
            "keys": pack_axis(sample.keys, None),
            "queries": None if rolled else pack_axis(sample.queries, None),
        }
        for sample in samples
    ]
    data = {"layers": layers, "heads": heads, "rollout": rolled, "samples": packed}
    left = MAX_BYTES - SCRIPT - len(script_json(data))
    places = [
        (one[kind], axis.frames)
        for one, sample in zip(packed, samples, strict=True)
        for kind, axis in (("keys", sample.keys), ("queries", sample.queries))
        if one[kind] is not None and axis.frames is not None
    ]
    sheets = encode_sharpest([frames for _, frames in places], min(FRAME_BUDGET, left))
    for (place, _), sheet in zip(places, sheets, strict=True):
        place["sheet"] = sheet
    size = len(script_json(data)) + SCRIPT
    if size > MAX_BYTES:
        shape = samples[0].maps.shape
        raise ValueError(
            f"the attention explorer would add {size / 1e6:.1f} MB to the notebook; at most "
            f"{MAX_BYTES / 1e6:.1f} MB is allowed: hand in fewer samples ({len(samples)}), layers "
            f"({len(layers)}) or heads ({len(heads)}), or pool the {shape[2]} x {shape[3]} tokens"
        )
    return data


def _pack_layer(maps: np.ndarray, heads: int) -> dict:
    """Weights of a layer's heads and its rollout, as 255ths of each row's largest.

    The mean over heads is left to the page: it needs no room.
    """
    kept = np.delete(maps, heads, axis=0)
    largest = kept.max(-1)
    codes = np.rint(kept / largest[..., None] * 255).astype(np.uint8)
    return {"codes": encode_array(codes, "uint8"), "largest": encode_array(largest, "float32")}
