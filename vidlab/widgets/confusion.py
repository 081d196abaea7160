"""Confusion explorer: what is taken for what, in which clips, and where two models differ."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import traitlets
from matplotlib.figure import Figure

from vidlab.widgets import _confusion_figure
from vidlab.widgets._confusion_clips import check_clips, pack_clips
from vidlab.widgets._confusion_order import ORDERS, by_cluster, by_error, by_frequency
from vidlab.widgets.base import (
    MAX_BYTES,
    Explorer,
    as_array,
    check_size,
    encode_array,
    module_text,
    script_json,
    style_text,
)

MOST_CLASSES = 200  #: more have no room for names
TITLE = "What is taken for what"


class ConfusionExplorer(Explorer):
    """A confusion matrix to sort, to compare with another model's, and to look into.

    Rows are true classes, columns predicted ones. N samples, C <= 200 classes. For glosses, hand in
    the aligned pairs; class 0 may then mean "nothing": row 0 holds insertions, column 0 deletions.

    Args:
        truth: ``(N,)`` classes 0 .. C-1.
        predictions: by model, ``(N,)`` classes 0 .. C-1; or one array where there is one model.
        class_names: C names.
        clips: N clips ``(T, H, W)`` or ``(T, H, W, 3)``, uint8, or None entries; or None. All of
            them together stay within 1.5 MB: at most 8 frames a clip are kept, at even distances,
            at most 64 pixels high; fewer and smaller ones (down to 2 frames of 16 pixels) where
            there are many clips. Hand in those worth seeing, None for the rest.
        clip_names: N names; "sample n" by default.
        title: heading; a plain one by default.
        alt: one sentence that stands in for the picture; made from the numbers by default.

    Raises:
        ValueError: one sentence that says what was got and what is allowed; also where clips and
            names cannot be made small enough.

    Traits shared with the page: ``model`` (its name), ``compare`` (a model that is subtracted; ""
    for none), ``order`` ("given", "frequency", "error", "cluster"), ``normalised`` (shares of a row
    instead of counts), ``row`` and ``column`` (classes, 0-based, wherever they are sorted to).
    The cursor starts at the most frequent confusion of the first model.
    """

    _esm = module_text(
        "matrix", "confusion_counts", "confusion_plot", "confusion_clips", "confusion"
    )
    _css = style_text("confusion")

    model = traitlets.Unicode("").tag(sync=True)
    compare = traitlets.Unicode("").tag(sync=True)
    order = traitlets.Unicode("given").tag(sync=True)
    normalised = traitlets.Bool(True).tag(sync=True)
    row = traitlets.Int(0).tag(sync=True)
    column = traitlets.Int(0).tag(sync=True)

    def __init__(
        self,
        truth: object,
        predictions: Mapping[str, object] | object,
        class_names: Sequence[str],
        *,
        clips: Sequence | None = None,
        clip_names: Sequence[str] | None = None,
        title: str = "",
        alt: str = "",
    ) -> None:
        self._names = [str(name) for name in class_names]
        if not 1 <= len(self._names) <= MOST_CLASSES:
            raise ValueError(
                f"class_names has {len(self._names)} names; allowed: 1 .. {MOST_CLASSES} (keep the "
                "most frequent classes)"
            )
        self._truth = self._check_classes(truth, "truth", None)
        if not isinstance(predictions, Mapping):
            predictions = {"model": predictions}
        count = len(self._truth)
        self._predictions = {
            str(model): self._check_classes(of, f"predictions of {str(model)!r}", count)
            for model, of in predictions.items()
        }
        if not self._predictions or "" in self._predictions:
            raise ValueError(
                f"predictions has the models {list(self._predictions)}; at least one is needed, "
                "and each needs a name"
            )
        if clip_names is not None and len(clip_names) != count:
            raise ValueError(f"clip_names has {len(clip_names)} names; truth has {count} samples")
        clips = check_clips(clips, count)
        self._orders = self._sort_classes()
        data = self._pack(clips, clip_names)
        check_size(data, "the confusion explorer")
        first = next(iter(self._predictions))
        row, column = _worst(self.counts(first))
        super().__init__(
            _data=data,
            model=first,
            row=row,
            column=column,
            title=str(title) or TITLE,
            alt=str(alt)
            or (
                f"Confusion explorer: {len(self._names)} true classes against predicted ones, "
                f"{count} samples; correct: "
                + ", ".join(
                    f"{model} {100 * np.mean(of == self._truth):.1f} %"
                    for model, of in self._predictions.items()
                )
                + "."
            ),
        )

    def counts(self, model: str) -> np.ndarray:
        """``(C, C)`` how many samples of each true class (row) were taken for each class (column).

        Raises:
            ValueError: no such model.
        """
        if model not in self._predictions:
            raise ValueError(f"model is {model!r}; allowed: {', '.join(self._predictions)}")
        classes = len(self._names)
        pairs = self._truth * classes + self._predictions[model]
        return np.bincount(pairs, minlength=classes**2).reshape(classes, classes)

    def figure(self) -> Figure:
        """The matrix (or difference) as it is sorted and normalised now, for print."""
        other = self.counts(self.compare) if self.compare else None
        return _confusion_figure.draw(
            self.counts(self.model),
            other,
            order=self._orders[self.order][self.model],
            names=self._names,
            normalised=self.normalised,
            title=f"{self.title}: {self.model}" + (f" − {self.compare}" if self.compare else ""),
        )

    def _check_classes(self, values: object, name: str, count: int | None) -> np.ndarray:
        array = as_array(values, name)
        if array.ndim != 1 or not len(array):
            raise ValueError(f"{name} must be (N,), not empty; got shape {array.shape}")
        if count is not None and len(array) != count:
            raise ValueError(f"{name} has {len(array)} samples; truth has {count}")
        last = len(self._names) - 1
        if not np.isin(array, np.arange(last + 1)).all():
            bad = array[~np.isin(array, np.arange(last + 1))][0]
            raise ValueError(f"{name} holds {bad}; allowed: the classes 0 .. {last}, whole numbers")
        return array.astype(int)

    def _sort_classes(self) -> dict[str, dict[str, list[int]]]:
        """The classes in every order, for every model."""
        orders: dict[str, dict[str, list[int]]] = {name: {} for name in ORDERS}
        for model in self._predictions:
            counts = self.counts(model)
            orders["given"][model] = list(range(len(counts)))
            orders["frequency"][model] = by_frequency(counts).tolist()
            orders["error"][model] = by_error(counts).tolist()
            orders["cluster"][model] = by_cluster(counts).tolist()
        return orders

    def _pack(self, clips: list | None, clip_names: Sequence[str] | None) -> dict:
        data = {
            "models": list(self._predictions),
            "classes": self._names,
            "orders": self._orders,
            "truth": encode_array(self._truth, "uint16"),
            "predictions": [encode_array(of, "uint16") for of in self._predictions.values()],
            "clipNames": None if clip_names is None else [str(name) for name in clip_names],
            "clips": None,
        }
        if clips is not None:
            room = MAX_BYTES - len(script_json(data)) - 100_000  # the page's own text, and spare
            data["clips"] = pack_clips(clips, room)
        return data

    @traitlets.validate("model", "compare", "order")
    def _check_choice(self, proposal: dict) -> str:
        name, value = proposal["trait"].name, proposal["value"]
        models = list(self._predictions)
        allowed = {"model": models, "compare": ["", *models], "order": list(ORDERS)}[name]
        if value not in allowed:
            raise traitlets.TraitError(f"{name} is {value!r}; allowed: {', '.join(allowed)}")
        return value

    @traitlets.validate("row", "column")
    def _check_class(self, proposal: dict) -> int:
        name, value = proposal["trait"].name, proposal["value"]
        if not 0 <= value < len(self._names):
            raise traitlets.TraitError(f"{name} is {value}; allowed: 0 .. {len(self._names) - 1}")
        return value


def _worst(counts: np.ndarray) -> tuple[int, int]:
    """Row and column of the most frequent confusion; the first class where there is none."""
    errors = counts - np.diag(np.diag(counts))
    row, column = np.unravel_index(errors.argmax(), errors.shape)
    return int(row), int(column)
