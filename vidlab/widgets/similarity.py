"""Similarity explorer: which steps of one module resemble which steps of another.

Symbols follow SMKD (ICCV 2021, section 3.4 and supplement B): the local visual features (LVF) and
the global contextual features (GCF) of a clip's steps, compared by their cosine.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import traitlets
from matplotlib.figure import Figure

from vidlab.metrics.similarity import cosine_similarity, diagonal_mass, expected_diagonal_mass
from vidlab.widgets import _similarity_figure
from vidlab.widgets.base import (
    MAX_BYTES,
    Explorer,
    as_array,
    check_finite,
    check_frames,
    check_size,
    encode_array,
    encode_frame_lists,
    module_text,
    script_json,
    style_text,
)

MOST_BAND = 20  #: the widest band of the slider, in steps
FRAME_BUDGET = 900_000  #: bytes of frames where the matrices leave that much
COSINES = (-1.0, 1.0 + 1 / 127)  # 256 levels, 1/127 apart: -1, 0 and 1 are exact
TITLE = "Who resembles whom"


@dataclass(frozen=True)
class Compared:
    """One checked sample: what the page and ``figure()`` draw.

    Attributes:
        matrices: by method ``(3, S, S)`` cosines: first x first, second x second, first x second.
        mass: by method ``(3, B)`` diagonal mass for the bands 0 .. B-1.
        flat: ``(B,)`` the mass of a matrix without structure.
        frames: ``(S, H, W[, 3])`` uint8, the frame at each step's centre, or None.
        steps: ``(S,)`` number of that frame in the clip, or None.
        truth: ``(S,)`` class of each step, or None.
    """

    matrices: dict[str, np.ndarray]
    mass: dict[str, np.ndarray]
    flat: np.ndarray
    frames: np.ndarray | None
    steps: np.ndarray | None
    truth: np.ndarray | None


class SimilarityExplorer(Explorer):
    """Three matrices of cosines with one cursor, the frames under it, and their diagonal mass.

    Rows x columns: first x first, second x second, first x second. N samples; S_i steps of sample
    i, the same for all methods and both kinds of features.

    Args:
        first, second: by method, N arrays ``(S_i, D)``; or one list of N arrays where there is one
            method. D is the same for both kinds. A row of zeros has similarity 0 to everything.
        names: what the two kinds of features are called.
        frames: N arrays ``(T_i, H, W)`` or ``(T_i, H, W, 3)``, uint8, or None. Only the frames at
            the steps' centres are kept, as sharp as the room beside the matrices allows.
        steps: N arrays ``(S_i,)``, the frame at the centre of each step, 0 .. T_i-1; not needed
            where there is one frame a step.
        truth: N arrays ``(S_i,)``, the class of each step (0: blank), or None. Where it changes, a
            line is drawn through the matrices.
        class_names: names of the classes, the blank's first; "class k" by default.
        band: half width n of the band around the diagonal, in steps, 0 .. 20. The diagonal mass is
            the share of a row's positive similarity within n steps of the diagonal, mean over rows
            (:func:`vidlab.metrics.similarity.diagonal_mass`).
        title: heading; a plain one by default.
        alt: one sentence that stands in for the picture; made from the numbers by default.

    Raises:
        ValueError: one sentence that says which sample and method, what was got, what is allowed.

    Traits shared with the page: ``method`` (its name), ``sample``, ``row`` and ``column`` (0-based
    steps), ``band``, and ``signed`` (colours over -1 .. 1; else over 0 .. 1).
    """

    _esm = module_text("matrix", "similarity_plot", "similarity")
    _css = style_text("similarity")

    method = traitlets.Unicode("").tag(sync=True)
    sample = traitlets.Int(0).tag(sync=True)
    row = traitlets.Int(0).tag(sync=True)
    column = traitlets.Int(0).tag(sync=True)
    band = traitlets.Int(2).tag(sync=True)
    signed = traitlets.Bool(True).tag(sync=True)

    def __init__(
        self,
        first: Mapping[str, Sequence] | Sequence,
        second: Mapping[str, Sequence] | Sequence,
        *,
        names: tuple[str, str] = ("LVF", "GCF"),
        frames: Sequence | None = None,
        steps: Sequence | None = None,
        truth: Sequence | None = None,
        class_names: Sequence[str] | None = None,
        band: int = 2,
        title: str = "",
        alt: str = "",
    ) -> None:
        if isinstance(names, str) or len(names) != 2:
            raise ValueError(f"names is {names!r}; two are needed, e.g. ('LVF', 'GCF')")
        self._kinds = tuple(str(name) for name in names)
        first, second = _by_method("first", first), _by_method("second", second)
        optional = {"frames": frames, "steps": steps, "truth": truth}
        self._methods, count = _check_lists(first, second, optional)
        self._classes = None if class_names is None else [str(name) for name in class_names]
        self._samples = [
            _check_sample(
                i,
                {m: (first[m][i], second[m][i]) for m in self._methods},
                {name: None if of is None else of[i] for name, of in optional.items()},
                None if self._classes is None else len(self._classes),
            )
            for i in range(count)
        ]
        self._lengths = [len(sample.matrices[self._methods[0]][0]) for sample in self._samples]
        data = _pack(self._samples, self._methods, self._kinds, self._classes)
        check_size(data, "the similarity explorer")
        a, b = self._kinds
        few, many = min(self._lengths), max(self._lengths)
        super().__init__(
            _data=data,
            method=self._methods[0],
            title=str(title) or TITLE,
            alt=str(alt)
            or (
                f"Similarity explorer: cosine similarities {a} to {a}, {b} to {b} and {a} to {b} "
                f"as matrices over time, for {count} sample{'s' if count > 1 else ''} of "
                f"{few if few == many else f'{few} to {many}'} steps; methods: "
                f"{', '.join(self._methods)}."
            ),
        )
        try:
            self.band = band
        except traitlets.TraitError as error:
            raise ValueError(str(error)) from error

    def figure(self) -> Figure:
        """The three matrices of the method and sample chosen, the cursor and its frames."""
        sample = self._samples[self.sample]
        last = self._lengths[self.sample] - 1
        return _similarity_figure.draw(
            sample.matrices[self.method],
            kinds=self._kinds,
            mass=sample.mass[self.method][:, self.band],
            flat=float(sample.flat[self.band]),
            band=self.band,
            cursor=(min(self.row, last), min(self.column, last)),
            truth=sample.truth,
            frames=sample.frames,
            signed=self.signed,
            title=f"{self.title}: {self.method}" if self.method else self.title,
        )

    @traitlets.validate("method")
    def _check_method(self, proposal: dict) -> str:
        if proposal["value"] not in self._methods:
            raise traitlets.TraitError(
                f"method is {proposal['value']!r}; allowed: {', '.join(self._methods)}"
            )
        return proposal["value"]

    @traitlets.validate("sample", "row", "column", "band")
    def _check_number(self, proposal: dict) -> int:
        name, value = proposal["trait"].name, proposal["value"]
        last = max(self._lengths) - 1
        most = {"sample": len(self._samples) - 1, "band": MOST_BAND}.get(name, last)
        if not 0 <= value <= most:
            raise traitlets.TraitError(f"{name} is {value}; allowed: 0 .. {most}")
        return value


def _by_method(name: str, given: Mapping[str, Sequence] | Sequence) -> dict[str, list]:
    """Features by method; a plain list is the only method, which needs no name."""
    if not isinstance(given, Mapping):
        return {"": list(given)}
    return {str(method): list(of) for method, of in given.items()}


def _check_lists(first: dict, second: dict, optional: dict) -> tuple[list[str], int]:
    """The methods and the number of samples, where all arguments agree about both."""
    methods = list(first)
    if not methods or methods != list(second):
        raise ValueError(
            f"first has the methods {methods}, second {list(second)}; both need the same, and one "
            "at least"
        )
    count = len(first[methods[0]])
    if count == 0:
        raise ValueError("first is empty; at least one sample is needed")
    lists = {f"{n} of {m!r}": of[m] for n, of in (("first", first), ("second", second)) for m in of}
    for name, values in (lists | {n: v for n, v in optional.items() if v is not None}).items():
        if len(values) != count:
            raise ValueError(f"{name} has {len(values)} samples; expected {count}")
    return methods, count


def _check_sample(i: int, features: dict, optional: dict, classes: int | None) -> Compared:
    matrices, mass = {}, {}
    count = None
    for method, pair in features.items():
        at = f"sample {i}" + (f", method {method!r}" if method else "")
        a, b = (
            _features(x, f"{name} of {at}")
            for x, name in zip(pair, ("first", "second"), strict=True)
        )
        if a.shape != b.shape:
            raise ValueError(f"first of {at} has shape {a.shape}, second {b.shape}; both (S, D)")
        count = len(a) if count is None else count
        if len(a) != count:
            raise ValueError(f"first of {at} has {len(a)} steps; other methods have {count}")
        three = np.stack([cosine_similarity(x, y) for x, y in ((a, a), (b, b), (a, b))])
        matrices[method] = three.astype(np.float32)
        bands = range(MOST_BAND + 1)
        mass[method] = np.array([[diagonal_mass(s, n) for n in bands] for s in three])
    truth = _integers(optional["truth"], f"truth of sample {i}", count, classes)
    frames, steps = _check_clip(i, optional["frames"], optional["steps"], count)
    flat = np.array([expected_diagonal_mass(count, n) for n in range(MOST_BAND + 1)])
    return Compared(matrices, mass, flat, frames, steps, truth)


def _features(values: object, name: str) -> np.ndarray:
    array = as_array(values, name)
    if array.ndim != 2 or 0 in array.shape:
        raise ValueError(f"{name} must be (S, D), not empty; got shape {array.shape}")
    check_finite(array, name)
    return array


def _integers(values: object, name: str, count: int, most: int | None) -> np.ndarray | None:
    """``(count,)`` whole numbers in 0 .. most-1, or None where none are given."""
    if values is None:
        return None
    array = as_array(values, name)
    if array.shape != (count,):
        raise ValueError(f"{name} has shape {array.shape}; the features have {count} steps")
    top = np.inf if most is None else most - 1
    if not (array == np.rint(array)).all() or array.min() < 0 or array.max() > top:
        allowed = "0 or more" if most is None else f"0 .. {most - 1}"
        raise ValueError(f"{name} must be whole numbers, {allowed}")
    return array.astype(int)


def _check_clip(
    i: int, frames: object, steps: object, count: int
) -> tuple[np.ndarray | None, np.ndarray | None]:
    """The frames at the steps' centres, and their numbers."""
    if frames is None:
        return None, _integers(steps, f"steps of sample {i}", count, None)
    clip = as_array(frames, f"frames of sample {i}")
    check_frames(clip, f"frames of sample {i}")
    if steps is None:
        if len(clip) != count:
            raise ValueError(
                f"frames of sample {i} hold {len(clip)} frames, the features {count} steps: hand "
                "in steps, the frame at the centre of each"
            )
        return clip, np.arange(count)
    chosen = _integers(steps, f"steps of sample {i}", count, len(clip))
    return clip[chosen], chosen


def _pack(
    samples: list[Compared], methods: list[str], kinds: tuple[str, str], classes: list[str] | None
) -> dict:
    packed = [
        {
            "steps": None if sample.steps is None else sample.steps.tolist(),
            "truth": None if sample.truth is None else sample.truth.tolist(),
            "flat": sample.flat.tolist(),
            "matrices": [encode_array(sample.matrices[m], "uint8", COSINES) for m in methods],
            "mass": [encode_array(sample.mass[m], "float32") for m in methods],
            "frames": None,
        }
        for sample in samples
    ]
    data = {
        "methods": methods,
        "kinds": list(kinds),
        "classes": classes,
        "mostBand": MOST_BAND,
        "samples": packed,
    }
    pictured = [i for i, sample in enumerate(samples) if sample.frames is not None]
    if pictured:
        left = min(FRAME_BUDGET, MAX_BYTES - len(script_json(data)) - 100_000)  # and the script
        for i, sheet in zip(
            pictured, encode_frame_lists([samples[i].frames for i in pictured], left), strict=True
        ):
            packed[i]["frames"] = sheet
    return data
