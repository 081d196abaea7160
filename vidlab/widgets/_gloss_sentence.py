"""One sentence of the gloss alignment explorer: its arrays, checked, and what follows from them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from vidlab.metrics.sequence import Pair, WordErrors, align_words
from vidlab.widgets.base import CATEGORICAL, as_array, check_finite, check_frames

MAX_CLASSES = 40  #: classes that are only decoded by the way get no line beyond this number


@dataclass(frozen=True)
class GlossSentence:
    """What the explorer's page and ``figure()`` draw from; S steps, C classes, class 0 the blank.

    Attributes:
        reference: the true glosses.
        pairs: per method, the alignment of reference and hypothesis.
        visual, contextual: per method, ``(S, C)`` probabilities.
        segments: per method, ``(R, S)`` labels of GSBA for the radii 0 .. R - 1; may lack methods.
        truth: ``(S,)`` class of each step, or None.
        frames: ``(S, H, W[, 3])`` uint8, the frame at the centre of each step, or None.
        frame_of: ``(S,)`` number of that frame in the clip, or None.
    """

    reference: tuple[int, ...]
    pairs: dict[str, tuple[Pair, ...]]
    visual: dict[str, np.ndarray]
    contextual: dict[str, np.ndarray]
    segments: dict[str, np.ndarray]
    truth: np.ndarray | None
    frames: np.ndarray | None
    frame_of: np.ndarray | None

    @property
    def steps(self) -> int:
        return len(next(iter(self.visual.values())))

    def errors(self, method: str) -> WordErrors:
        """Substitutions, deletions and insertions of one method."""
        kinds = Counter(pair.kind for pair in self.pairs[method])
        return WordErrors(kinds["sub"], kinds["del"], kinds["ins"], len(self.reference))

    def accuracies(self, method: str) -> np.ndarray | None:
        """Share of steps whose label is the true one (blank included), for each radius."""
        if self.truth is None or method not in self.segments:
            return None
        return (self.segments[method] == self.truth).mean(axis=1)

    def shown(self) -> list[int]:
        """Classes that get a line: the blank, the reference's in order, all others decoded."""
        named = [pair.hypothesis for pairs in self.pairs.values() for pair in pairs]
        given = [*self.segments.values()] + ([] if self.truth is None else [self.truth])
        named += [k for labels in given for k in np.unique(labels).tolist()]
        needed = dict.fromkeys([0, *self.reference, *sorted({k for k in named if k is not None})])
        outputs = np.concatenate([*self.visual.values(), *self.contextual.values()])
        best = np.unique(outputs.argmax(axis=1))
        by_peak = best[np.argsort(-outputs[:, best].max(axis=0), kind="stable")].tolist()
        others = [k for k in by_peak if k not in needed]
        return [*needed, *others[: max(0, MAX_CLASSES - len(needed))]]


def colour_slots(classes: list[int]) -> list[int]:
    """A slot of the palette for each class shown; beyond the palette's length a second lap begins.

    A class keeps its own slot from sentence to sentence unless one before it has taken it.

    >>> colour_slots([0, 3, 15, 4])
    [0, 2, 3, 4]
    """
    palette = len(CATEGORICAL)
    slots: list[int] = []
    for i, k in enumerate(k for k in classes if k != 0):
        lap = i // palette * palette
        free = [s for s in range(lap, lap + palette) if s not in slots]
        wish = (k - 1) % palette
        slots.append(next((s for s in free if s - lap >= wish), free[0]))
    return [0, *slots]


def check_sentence(index: int, given: Mapping[str, object], classes: int) -> GlossSentence:
    """One sentence's arrays, checked against each other.

    ``given`` holds ``reference``, ``truth``, ``frames``, ``steps`` (the last three may be None) and
    the dictionaries ``hypotheses``, ``visual``, ``contextual``, ``segments`` by method.
    """
    where = f"of sentence {index}"
    reference = _glosses(given["reference"], f"the reference {where}", classes)
    pairs, visual, contextual, segments = {}, {}, {}, {}
    steps = None
    for method, hypothesis in given["hypotheses"].items():
        of = f"{where}, method {method!r},"
        found = _glosses(hypothesis, f"the hypothesis {of}", classes)
        pairs[method] = align_words(reference, found)
        for name, into in (("visual", visual), ("contextual", contextual)):
            into[method] = _probabilities(given[name][method], f"{name} {of}", classes, steps)
            steps = len(into[method])
        if method in given["segments"]:
            segments[method] = _labels(
                given["segments"][method], f"segments {of}", classes, steps, radii=True
            )
    truth = given["truth"]
    if truth is not None:
        truth = _labels(truth, f"truth {where}", classes, steps)
    frames, frame_of = _frames(given["frames"], given["steps"], where, steps)
    return GlossSentence(reference, pairs, visual, contextual, segments, truth, frames, frame_of)


def _glosses(values: object, name: str, classes: int) -> tuple[int, ...]:
    array = as_array(values, name)
    whole = array.size == 0 or array.dtype.kind in "iu"
    if array.ndim != 1 or not whole or not np.all((array >= 1) & (array < classes)):
        raise ValueError(
            f"{name} must be a list of integers in 1 .. {classes - 1} (0 is the blank); "
            f"got {array.tolist()!r:.80}"
        )
    return tuple(int(k) for k in array)


def _probabilities(values: object, name: str, classes: int, steps: int | None) -> np.ndarray:
    array = as_array(values, name).astype(np.float64)
    if array.ndim != 2 or array.shape[1] != classes or len(array) == 0:
        raise ValueError(f"{name} must be (S, C={classes}); got shape {array.shape}")
    if steps is not None and len(array) != steps:
        raise ValueError(f"{name} has {len(array)} steps; all outputs before it have {steps}")
    check_finite(array, name)
    if array.min() < -1e-3 or np.abs(array.sum(axis=1) - 1).max() > 0.01:
        raise ValueError(
            f"{name} must hold probabilities that sum to 1 at each step (a softmax, not logits); "
            f"got values {array.min():.3g} .. {array.max():.3g}"
        )
    return array.clip(0, 1)


def _labels(
    values: object, name: str, classes: int, steps: int, *, radii: bool = False
) -> np.ndarray:
    array = as_array(values, name)
    form = f"(R, S={steps})" if radii else f"(S={steps},)"
    if array.ndim != 1 + radii or array.shape[-1] != steps or array.size == 0:
        raise ValueError(f"{name} must be {form}, one class a step; got shape {array.shape}")
    if array.dtype.kind not in "iu" or array.min() < 0 or array.max() >= classes:
        raise ValueError(
            f"{name} must hold integers in 0 .. {classes - 1}; "
            f"got {array.dtype} {array.min()} .. {array.max()}"
        )
    return array.astype(np.int64)


def _frames(
    frames: object, steps_at: object, where: str, steps: int
) -> tuple[np.ndarray | None, np.ndarray | None]:
    """The frame at each step's centre, and its number."""
    if frames is None:
        return None, None
    frames = as_array(frames, f"frames {where}")
    check_frames(frames, f"frames {where}")
    if steps_at is None:
        if len(frames) != steps:
            raise ValueError(
                f"frames {where} hold {len(frames)} frames for {steps} steps; hand in `steps`, "
                "the number of the frame at the centre of each step"
            )
        return frames, np.arange(steps)
    frame_of = as_array(steps_at, f"steps {where}")
    fits = frame_of.shape == (steps,) and frame_of.dtype.kind in "iu"
    if not fits or frame_of.min() < 0 or frame_of.max() >= len(frames):
        raise ValueError(
            f"steps {where} must be {steps} integers in 0 .. {len(frames) - 1}, one frame a step; "
            f"got {frame_of.dtype} of shape {frame_of.shape}"
            + (f", {frame_of.min()} .. {frame_of.max()}" if frame_of.size else "")
        )
    return frames[frame_of], frame_of.astype(np.int64)
