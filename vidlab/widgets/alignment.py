"""Alignment explorer: what CTC does along time, and what the radial constraint changes.

Symbols follow the RadialCTC paper (ECCV 2022): angles theta_{t,k} between the feature of frame t
and the centre of class k, posteriors y_t = softmax(s cos theta_t), labelling l of U labels, pseudo
labels, and the radial constraint's eta, kappa and m.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import traitlets
from matplotlib.figure import Figure

from vidlab.widgets import _alignment_figure
from vidlab.widgets._alignment_figure import AlignedSequence
from vidlab.widgets.base import (
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


class AlignmentExplorer(Explorer):
    """Frames, posteriors, best path and pseudo labels of CTC on one time axis, with a live eta.

    The page computes posteriors, best path and pseudo labels itself, from the angles.

    Args:
        frames: ``(T, H, W)`` or ``(T, H, W, 3)`` uint8, or a list with one such array a sequence.
        angles: ``(T, C)`` radians in 0 .. pi, or a list. One array means one sequence, and then
            all other arguments are given without a list, too.
        targets: ``(U,)`` labels without blanks, or a list.
        scale: s > 0, the factor of the cosines.
        class_names: C names, the blank's included.
        truth: ``(T,)`` class of each frame (blank: none), or a list, or None.
        eta: the radial constraint's knob, 0 .. 1.
        blank: index of the blank class.
        title: heading; a plain one by default.
        paths, pseudo: precomputed best paths ``(T,)`` and pseudo labels ``(T, C)`` for
            :meth:`figure` only, which computes neither.
        max_classes: rows of the heat map. Where there are more classes, those of the labelling
            and the truth are shown and the most probable others; posteriors still count them all.

    Raises:
        ValueError: one sentence that says which sequence, what was got and what is allowed.

    Traits shared with the page: ``eta``, ``sequence`` (0-based) and ``cursor`` (frame, 0-based).
    """

    _esm = module_text("ctc", "alignment_plot", "alignment")
    _css = style_text("alignment")

    eta = traitlets.Float(0.4, min=0.0, max=1.0).tag(sync=True)
    sequence = traitlets.Int(0).tag(sync=True)
    cursor = traitlets.Int(0).tag(sync=True)

    def __init__(
        self,
        frames: object,
        angles: object,
        targets: object,
        scale: float,
        *,
        class_names: Sequence[str],
        truth: object = None,
        eta: float = 0.4,
        blank: int = 0,
        title: str | None = None,
        paths: object = None,
        pseudo: object = None,
        max_classes: int = 40,
    ) -> None:
        self._names = [str(name) for name in class_names]
        self._blank = int(blank)
        self._scale = float(scale)
        if not (np.isfinite(self._scale) and self._scale > 0):
            raise ValueError(f"scale is {scale}; it must be a finite number above 0")
        if not 0 <= float(eta) <= 1:
            raise ValueError(f"eta is {eta}; allowed: 0 .. 1")
        if not 0 <= self._blank < len(self._names):
            raise ValueError(f"blank is {blank}; allowed: 0 .. {len(self._names) - 1}")
        self._max_classes = int(max_classes)
        if self._max_classes < 2:
            raise ValueError(f"max_classes is {max_classes}; at least 2 rows are needed")
        single = not isinstance(angles, list | tuple) and np.ndim(as_array(angles, "angles")) == 2
        given = {"frames": frames, "angles": angles, "targets": targets}
        extra = {"truth": truth, "paths": paths, "pseudo": pseudo}
        given |= {name: value for name, value in extra.items() if value is not None}
        lists = {name: [value] if single else list(value) for name, value in given.items()}
        count = len(lists["angles"])
        if count == 0:
            raise ValueError("angles is an empty list; at least one sequence is needed")
        for name, values in lists.items():
            if len(values) != count:
                raise ValueError(f"{name} has {len(values)} sequences; angles has {count}")
        self._sequences = [
            _check_sequence(i, {name: v[i] for name, v in lists.items()}, self._names, self._blank)
            for i in range(count)
        ]
        data = _pack(self._sequences, self._scale, self._names, self._blank, self._max_classes)
        check_size(data, "the alignment explorer")
        lengths = [len(sequence.angles) for sequence in self._sequences]
        super().__init__(
            _data=data,
            eta=float(eta),
            title="Alignment along time" if title is None else str(title),
            alt=(
                f"Alignment explorer: frames, class posteriors with CTC's best path and pseudo "
                f"labels before and after the radial constraint, for {count} "
                f"sequence{'s' if count > 1 else ''} of {min(lengths)} to {max(lengths)} frames."
            ),
        )

    @traitlets.validate("sequence")
    def _check_sequence_index(self, proposal: dict) -> int:
        if not 0 <= proposal["value"] < len(self._sequences):
            raise traitlets.TraitError(
                f"sequence is {proposal['value']}; allowed: 0 .. {len(self._sequences) - 1}"
            )
        return proposal["value"]

    @traitlets.validate("cursor")
    def _check_cursor(self, proposal: dict) -> int:
        longest = max(len(sequence.angles) for sequence in self._sequences)
        if not 0 <= proposal["value"] < longest:
            raise traitlets.TraitError(
                f"cursor is {proposal['value']}; allowed: frames 0 .. {longest - 1}"
            )
        return proposal["value"]

    def figure(self) -> Figure:
        """The sequence shown: frames, truth, posteriors (with path) and pseudo labels if given."""
        sequence = self._sequences[self.sequence]
        return _alignment_figure.draw(
            sequence,
            scale=self._scale,
            class_names=self._names,
            blank=self._blank,
            rows=_rows(sequence, self._scale, self._blank, self._max_classes),
            title=self.title,
        )


def _check_sequence(index: int, given: dict, class_names: list[str], blank: int) -> AlignedSequence:
    """One sequence's arrays, checked against each other."""
    where = f"of sequence {index}"
    classes = len(class_names)
    frames = as_array(given["frames"], f"frames {where}")
    check_frames(frames, f"frames {where}")
    angles = as_array(given["angles"], f"angles {where}").astype(np.float64)
    if angles.ndim != 2 or angles.shape[1] != classes:
        raise ValueError(
            f"angles {where} must be (T, C={classes}), one column a class name; "
            f"got shape {angles.shape}"
        )
    check_finite(angles, f"angles {where}")
    if angles.min() < -1e-3 or angles.max() > np.pi + 1e-3:
        raise ValueError(
            f"angles {where} go from {angles.min():.3f} to {angles.max():.3f}; "
            "they are radians in 0 .. pi"
        )
    angles = angles.clip(0.0, np.pi)
    steps = len(angles)
    if len(frames) != steps:
        raise ValueError(f"frames {where} hold {len(frames)} frames; angles have {steps}")
    target = _classes(given["targets"], f"targets {where}", classes)
    if (target == blank).any():
        raise ValueError(f"targets {where} hold the blank ({blank}): {target.tolist()}")
    need = len(target) + int((target[1:] == target[:-1]).sum())
    if need > steps:
        raise ValueError(
            f"targets {where} need at least {need} frames (labels and repeats); it has {steps}"
        )
    found: dict = {"truth": None, "paths": None}
    for name in ("truth", "paths"):
        if given.get(name) is not None:
            found[name] = _classes(given[name], f"{name} {where}", classes)
            if len(found[name]) != steps:
                raise ValueError(f"{name} {where} have {len(found[name])} frames; angles {steps}")
    pseudo = given.get("pseudo")
    if pseudo is not None:
        pseudo = as_array(pseudo, f"pseudo {where}").astype(np.float64)
        if pseudo.shape != angles.shape:
            raise ValueError(
                f"pseudo {where} must be (T, C)={angles.shape}; got shape {pseudo.shape}"
            )
        check_finite(pseudo, f"pseudo {where}")
    return AlignedSequence(frames, angles, target, found["truth"], found["paths"], pseudo)


def _classes(values: object, name: str, classes: int) -> np.ndarray:
    """A one-dimensional array of class indices."""
    array = as_array(values, name)
    if array.ndim != 1:
        raise ValueError(f"{name} must be one-dimensional; got shape {array.shape}")
    if array.size and (
        array.dtype.kind not in "iu" or not np.all((array >= 0) & (array < classes))
    ):
        raise ValueError(
            f"{name} must be integers in 0 .. {classes - 1}; got {array.tolist()[:12]}"
        )
    return array.astype(np.int64)


def _pack(
    sequences: list[AlignedSequence],
    scale: float,
    class_names: list[str],
    blank: int,
    max_classes: int,
) -> dict:
    """What the page draws from. Within a sequence classes are numbered by row, blank first."""
    sheets = encode_frame_lists([sequence.frames for sequence in sequences])
    packed = []
    for sequence, sheet in zip(sequences, sheets, strict=True):
        rows = _rows(sequence, scale, blank, max_classes)
        row_of = {int(k): i for i, k in enumerate(rows)}
        others = np.setdiff1d(np.arange(len(class_names)), rows)
        rest = None
        if len(others):  # keeps the softmax exact without sending these classes
            logits = scale * np.cos(sequence.angles[:, others])
            rest = encode_array(np.logaddexp.reduce(logits, axis=1), "float32")
        packed.append(
            {
                "frames": sheet,
                "angles": encode_array(sequence.angles[:, rows], "uint16", (0.0, np.pi)),
                "rest": rest,
                "names": [class_names[k] for k in rows],
                # The palette counts classes without the blank.
                "colours": [int(k) - int(k > blank) for k in rows],
                "target": [row_of[int(k)] for k in sequence.target],
                "truth": None
                if sequence.truth is None
                else [row_of[int(k)] for k in sequence.truth],
            }
        )
    return {"scale": scale, "sequences": packed}


def _rows(sequence: AlignedSequence, scale: float, blank: int, max_classes: int) -> np.ndarray:
    """Classes to show: blank, labelling and truth always, then the most probable others."""
    needed = set(sequence.target.tolist())
    if sequence.truth is not None:
        needed |= set(sequence.truth.tolist())
    needed.discard(blank)
    logits = scale * np.cos(sequence.angles)
    posterior = np.exp(logits - np.logaddexp.reduce(logits, axis=1, keepdims=True))
    by_peak = np.argsort(-posterior.max(axis=0), kind="stable").tolist()
    others = [k for k in by_peak if k != blank and k not in needed]
    free = max(0, max_classes - 1 - len(needed))
    return np.array([blank, *sorted(needed | set(others[:free]))])
