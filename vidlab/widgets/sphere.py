"""Sphere explorer: three-dimensional features on the unit sphere, turned by hand."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import traitlets
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patheffects import withStroke

from vidlab.widgets.base import (
    CATEGORICAL,
    Explorer,
    as_array,
    check_finite,
    check_frames,
    check_size,
    encode_array,
    encode_frame_lists,
    module_text,
    style_text,
)

BLANK_POINTS = "#5a6673"  # darker than the blank of heat maps: single points must show
UNIT_TOLERANCE = 5e-3  # half-precision features are unit to about 1e-3


class SphereExplorer(Explorer):
    """Features, class centres and trajectories of sequences on the unit sphere.

    Args:
        features: ``(N, 3)`` unit vectors.
        labels: ``(N,)`` class of each feature, 0 is the blank.
        centres: ``(K+1, 3)`` unit vectors, the blank's first.
        class_names: K+1 names.
        trajectory: ``(T, 3)`` unit vectors, the features of one sequence in order; or a list.
        frames: ``(T, H, W)`` or ``(T, H, W, 3)`` uint8, the frames of each trajectory; or a list.
        title: heading; a plain one by default.
        max_points: features drawn; where there are more, every n-th one, the same each time.

    Raises:
        ValueError: one sentence that says which argument, what was got and what is allowed.

    Traits shared with the page: ``rotation`` (unit quaternion w, x, y, z; the page looks along -z),
    ``sequence``, ``cursor`` (frame) and ``hidden`` (list of classes not drawn).
    """

    _esm = module_text("sphere_geometry", "sphere")
    _css = style_text("sphere")

    rotation = traitlets.List(traitlets.Float(), minlen=4, maxlen=4).tag(sync=True)
    sequence = traitlets.Int(0).tag(sync=True)
    cursor = traitlets.Int(0).tag(sync=True)
    hidden = traitlets.List(traitlets.Int()).tag(sync=True)

    def __init__(
        self,
        features: object,
        labels: object,
        centres: object,
        *,
        class_names: Sequence[str],
        trajectory: object = None,
        frames: object = None,
        title: str | None = None,
        max_points: int = 4000,
    ) -> None:
        self._names = [str(name) for name in class_names]
        self._centres = _unit_vectors(centres, "centres")
        if len(self._centres) != len(self._names):
            raise ValueError(
                f"centres has {len(self._centres)} rows; class_names has {len(self._names)} names"
            )
        points = _unit_vectors(features, "features")
        labels = _labels(labels, len(points), len(self._names))
        if max_points < 1:
            raise ValueError(f"max_points is {max_points}; it must be at least 1")
        # Evenly spaced picks: nothing random, so that saved pages stay the same from run to run.
        count = min(len(points), max_points)
        picked = np.unique(np.linspace(0, len(points) - 1, count).astype(int))
        self._points, self._labels = points[picked], labels[picked]
        self._trajectories = [
            _unit_vectors(path, f"trajectory {i}")
            for i, path in enumerate(_as_list(trajectory, "trajectory", 2))
        ]
        clips = _check_clips(frames, self._trajectories)
        sheets = encode_frame_lists(clips) if clips else [None] * len(self._trajectories)
        data = {
            "points": encode_array(self._points.clip(-1, 1), "uint16", (-1.0, 1.0)),
            "labels": encode_array(self._labels, "uint16"),
            "centres": encode_array(self._centres.clip(-1, 1), "uint16", (-1.0, 1.0)),
            "names": self._names,
            "trajectories": [
                {"points": encode_array(path.clip(-1, 1), "uint16", (-1.0, 1.0)), "frames": sheet}
                for path, sheet in zip(self._trajectories, sheets, strict=True)
            ],
            "total": len(points),
            "view": first_view(self._centres).tolist(),
        }
        check_size(data, "the sphere explorer")
        super().__init__(
            _data=data,
            rotation=data["view"],
            title="Features on the unit sphere" if title is None else str(title),
            alt=(
                f"Sphere explorer: {len(self._points)} unit features of {len(self._names)} classes "
                f"with their class centres and {len(self._trajectories)} trajectories on a globe."
            ),
        )

    @traitlets.validate("rotation")
    def _check_rotation(self, proposal: dict) -> list[float]:
        norm = float(np.linalg.norm(proposal["value"]))
        if not (np.isfinite(norm) and norm > 1e-6):
            raise traitlets.TraitError(f"rotation is {proposal['value']}; a quaternion is not zero")
        return [float(value) / norm for value in proposal["value"]]

    @traitlets.validate("sequence")
    def _check_sequence(self, proposal: dict) -> int:
        count = max(1, len(self._trajectories))
        if not 0 <= proposal["value"] < count:
            raise traitlets.TraitError(
                f"sequence is {proposal['value']}; allowed: 0 .. {count - 1}"
            )
        return proposal["value"]

    @traitlets.validate("cursor")
    def _check_cursor(self, proposal: dict) -> int:
        longest = max((len(path) for path in self._trajectories), default=1)
        if not 0 <= proposal["value"] < longest:
            raise traitlets.TraitError(
                f"cursor is {proposal['value']}; allowed: frames 0 .. {longest - 1}"
            )
        return proposal["value"]

    @traitlets.validate("hidden")
    def _check_hidden(self, proposal: dict) -> list[int]:
        bad = [k for k in proposal["value"] if not 0 <= k < len(self._names)]
        if bad:
            raise traitlets.TraitError(
                f"hidden holds class {bad[0]}; allowed: 0 .. {len(self._names) - 1}"
            )
        return sorted(set(proposal["value"]))

    def figure(self) -> Figure:
        """The sphere as turned now and, beside it, from the other side."""
        turn = rotation_matrix(np.array(self.rotation))
        behind = np.diag([-1.0, 1.0, -1.0]) @ turn
        figure = Figure(figsize=(9, 5.2), layout="constrained")
        views = zip(figure.subplots(1, 2), (turn, behind), ("front", "back"), strict=True)
        for axes, matrix, side in views:
            self._draw_view(axes, matrix)
            axes.set_title(side, fontsize=10, color="#5a6673")
        marks, names = figure.axes[0].get_legend_handles_labels()
        figure.legend(
            marks,
            names,
            loc="outside lower center",
            ncols=min(len(names), 6),
            frameon=False,
            markerscale=3,
        )
        figure.suptitle(self.title.replace("$", r"\$"), x=0.01, ha="left", fontweight="bold")
        return figure

    def _draw_view(self, axes: Axes, matrix: np.ndarray) -> None:
        """One orthographic view, the far side faded."""
        angle = np.linspace(0, 2 * np.pi, 181)
        axes.fill(np.cos(angle), np.sin(angle), facecolor="#f5f7f9", edgecolor="#d5dce3")
        turned, centres = self._points @ matrix.T, self._centres @ matrix.T
        for k, name in enumerate(self._names):
            if k in self.hidden:
                continue
            colour = BLANK_POINTS if k == 0 else CATEGORICAL[(k - 1) % len(CATEGORICAL)]
            for far in (True, False):
                x, y, z = turned[(self._labels == k) & ((turned[:, 2] < 0) == far)].T
                label = None if far else name.replace("$", r"\$")
                axes.scatter(
                    x, y, s=7, c=colour, alpha=0.15 if far else 0.8, linewidths=0, label=label
                )
            x, y, z = centres[k]
            axes.plot(x, y, "o", color=colour, markeredgecolor="black", alpha=1 if z >= 0 else 0.3)
            if z >= 0:
                halo = [withStroke(linewidth=3, foreground="white")]
                axes.annotate(
                    name.replace("$", r"\$"),
                    (x, y),
                    (6, 6),
                    textcoords="offset points",
                    fontsize=10,
                    fontweight="bold",
                    path_effects=halo,
                    zorder=5,
                )
        if self._trajectories:
            x, y, z = (self._trajectories[self.sequence] @ matrix.T).T
            axes.plot(x, y, "-", color="#1c2530", linewidth=0.8, alpha=0.4)
            axes.plot(x[z >= 0], y[z >= 0], ".", color="#1c2530", markersize=4)
        axes.set(aspect="equal", xlim=(-1.15, 1.15), ylim=(-1.15, 1.15))
        axes.set_axis_off()


def first_view(centres: np.ndarray) -> np.ndarray:
    """A quaternion that shows the blank's centre in front, a little off the middle."""
    aim = np.array([-0.25, -0.3, 0.92])
    aim /= np.linalg.norm(aim)
    start = centres[0] / np.linalg.norm(centres[0])
    # Half-way rotation from start to aim; opposite vectors need any axis at right angles.
    if start @ aim < -0.9999:
        axis = np.cross(start, [1.0, 0.0, 0.0] if abs(start[0]) < 0.9 else [0.0, 1.0, 0.0])
        quaternion = np.r_[0.0, axis]
    else:
        quaternion = np.r_[1.0 + start @ aim, np.cross(start, aim)]
    return quaternion / np.linalg.norm(quaternion)


def rotation_matrix(quaternion: np.ndarray) -> np.ndarray:
    """The ``(3, 3)`` rotation of a unit quaternion (w, x, y, z)."""
    w, x, y, z = quaternion / np.linalg.norm(quaternion)
    return np.array(
        [
            [1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)],
            [2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)],
            [2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)],
        ]
    )


def _unit_vectors(values: object, name: str) -> np.ndarray:
    """``(N, 3)`` unit vectors in float64."""
    array = as_array(values, name).astype(np.float64)
    if array.ndim != 2 or array.shape[1] != 3 or len(array) == 0:
        raise ValueError(f"{name} must be (N, 3) with at least one row; got shape {array.shape}")
    check_finite(array, name)
    norms = np.linalg.norm(array, axis=1)
    bad = np.flatnonzero(np.abs(norms - 1) > UNIT_TOLERANCE)
    if len(bad):
        raise ValueError(
            f"{name} must be unit vectors; row {bad[0]} has length {norms[bad[0]]:.3f}"
        )
    return array / norms[:, None]


def _labels(values: object, count: int, classes: int) -> np.ndarray:
    labels = as_array(values, "labels")
    if labels.shape != (count,):
        raise ValueError(f"labels must be (N={count},); got shape {labels.shape}")
    if labels.dtype.kind not in "iu" or labels.min() < 0 or labels.max() >= classes:
        raise ValueError(
            f"labels must be integers in 0 .. {classes - 1}; got {labels.dtype} "
            f"from {labels.min()} to {labels.max()}"
        )
    return labels.astype(np.int64)


def _as_list(values: object, name: str, rank: int) -> list:
    """None: nothing. One array of this rank: a list of one. Otherwise a list of arrays."""
    if values is None:
        return []
    if isinstance(values, list | tuple):
        return list(values)
    return [values] if as_array(values, name).ndim == rank else list(values)


def _check_clips(frames: object, trajectories: list[np.ndarray]) -> list[np.ndarray]:
    """The frames of each trajectory, or an empty list."""
    if frames is None:
        return []
    one = len(trajectories) == 1 and not isinstance(frames, list | tuple)
    clips = [frames] if one else list(frames)
    if len(clips) != len(trajectories):
        raise ValueError(f"frames has {len(clips)} sequences; trajectory has {len(trajectories)}")
    clips = [as_array(clip, f"frames of trajectory {i}") for i, clip in enumerate(clips)]
    for i, clip in enumerate(clips):
        check_frames(clip, f"frames of trajectory {i}")
        if len(clip) != len(trajectories[i]):
            raise ValueError(
                f"frames of trajectory {i} hold {len(clip)} frames; it has {len(trajectories[i])}"
            )
    return clips
