"""Order explorer: put the frames of a clip into any order and watch what each model answers.

A model that pools its frames (TSN's average) cannot notice; one that relates them (TRN, TSM, a 3-D
network) must. All orders are classified beforehand, so that the page needs no model.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise, permutations

import numpy as np
import traitlets
from matplotlib.figure import Figure

from vidlab.widgets import _order_figure
from vidlab.widgets._attention_tokens import encode_sharpest
from vidlab.widgets.base import (
    MAX_BYTES,
    Explorer,
    as_array,
    check_finite,
    check_frames,
    check_size,
    encode_array,
    module_text,
    script_json,
    style_text,
)

MOST_CARDS = 6  #: 720 orders
MOST_FRAMES = 16
MOST_MODELS = 6
MOST_CLASSES = 250  #: the page shows the 14 that are answered most
FRAME_BUDGET = 700_000  #: bytes of frames where the logits leave that much
SCRIPT = 60_000  #: bytes that the page's script and style may take of the limit
LOWEST = -30_000.0  #: float16 ends at -65504; the softmax of both is 0
TITLE = "Does the order matter?"


@dataclass(frozen=True)
class Ordered:
    """One checked clip.

    Attributes:
        frames: ``(T, H, W)`` or ``(T, H, W, 3)`` uint8 in their true order.
        truth: its class.
        offsets: by model ``(P, K)``: logits minus the order's largest one, as float16 holds them.
        answers: by model ``(P,)``: the class of the largest logit.
    """

    frames: np.ndarray
    truth: int
    offsets: dict[str, np.ndarray]
    answers: dict[str, np.ndarray]


def orders(frames: int, cards: Sequence[int] | None = None) -> np.ndarray:
    """``(P, T)`` int: every order of T frames in which the frames of a card stay together.

    ``clip[orders(T, cards)[p]]`` is the clip in order p. Row 0 is the true order, the last row has
    the cards (not the frames inside them) reversed; rows follow each other lexicographically.

    Args:
        frames: T, 1 .. 16.
        cards: how many frames each card holds, first card first, e.g. ``(2, 2, 2, 2)`` for T = 8;
            None: one frame a card. There are at most 6 cards, thus at most P = 720 orders.

    Raises:
        ValueError: T or the cards are not as said.

    >>> orders(4, cards=(2, 1, 1)).tolist()  # doctest: +NORMALIZE_WHITESPACE
    [[0, 1, 2, 3], [0, 1, 3, 2], [2, 0, 1, 3], [2, 3, 0, 1], [3, 0, 1, 2], [3, 2, 0, 1]]
    """
    if not _whole(frames) or not 1 <= frames <= MOST_FRAMES:
        raise ValueError(f"frames is {frames!r}; allowed: a whole number, 1 .. {MOST_FRAMES}")
    sizes = check_cards(int(frames), cards)
    starts = np.cumsum([0, *sizes])
    parts = [np.arange(a, b) for a, b in pairwise(starts)]
    return np.stack([np.concatenate([parts[c] for c in order]) for order in _card_orders(sizes)])


def check_cards(frames: int, cards: Sequence[int] | None) -> list[int]:
    """Frames of each card after all checks: at most 6 cards that hold T frames together.

    Raises:
        ValueError: too many cards, an empty one, or not T frames.
    """
    if cards is None:
        if frames > MOST_CARDS:
            raise ValueError(
                f"a clip of {frames} frames would need {frames} cards; at most {MOST_CARDS} are "
                f"allowed: put several frames on a card, e.g. cards={_example(frames)}"
            )
        return [1] * frames
    if isinstance(cards, str) or not isinstance(cards, (Sequence, np.ndarray)):
        raise ValueError(f"cards is {cards!r}; needed: frames of each card, e.g. (2, 2, 2, 2)")
    if not all(_whole(size) and size >= 1 for size in cards):
        raise ValueError(f"cards is {list(cards)}; each card holds 1 frame or more, e.g. (2, 2)")
    if len(cards) > MOST_CARDS:
        raise ValueError(f"cards has {len(cards)} cards; at most {MOST_CARDS} are allowed")
    if sum(cards) != frames:
        raise ValueError(f"cards {list(cards)} hold {sum(cards)} frames; a clip has {frames}")
    return [int(size) for size in cards]


class OrderExplorer(Explorer):
    """Cards of frames to drag, and the softmax of every model for the order they lie in.

    n clips of T <= 16 frames on at most 6 cards, thus P <= 720 orders; K classes, M <= 6 models.

    Args:
        clips: n clips ``(T, H, W)`` or ``(T, H, W, 3)``, uint8, in their true order; one T for all.
        logits: by model, n arrays ``(P, K)``: row p belongs to ``clip[orders(T, cards)[p]]``.
        class_names: K names.
        truth: n classes, 0 .. K-1.
        cards: frames of each card, as for :func:`orders`. Only where each card holds one frame does
            reversing the cards play the clip backwards.
        title: heading; a plain one by default.
        alt: one sentence that stands in for the picture; made from the numbers by default.

    Logits travel as float16, less the largest of their order (which softmax does not notice).

    Raises:
        ValueError: one sentence that says which clip and model, what was got, what is allowed.

    Traits shared with the page: ``clip`` (0-based) and ``order``, the row of :func:`orders`.
    """

    _esm = module_text("matrix", "order_cards", "order_plot", "order")
    _css = style_text("order")

    clip = traitlets.Int(0).tag(sync=True)
    order = traitlets.Int(0).tag(sync=True)

    def __init__(
        self,
        clips: Sequence,
        logits: Mapping[str, Sequence],
        class_names: Sequence[str],
        *,
        truth: Sequence[int],
        cards: Sequence[int] | None = None,
        title: str = "",
        alt: str = "",
    ) -> None:
        self._names = [str(name) for name in class_names]
        if not 2 <= len(self._names) <= MOST_CLASSES:
            raise ValueError(
                f"class_names has {len(self._names)} names; allowed: 2 .. {MOST_CLASSES}"
            )
        frames = _check_clips(clips)
        count, length = len(frames), len(frames[0])
        self._cards = check_cards(length, cards)
        self._models = _check_models(logits, count)
        labels = _check_truth(truth, count, len(self._names))
        self._orders = orders(length, self._cards)
        shape = (len(self._orders), len(self._names))
        self._clips = [
            _check_clip(i, frames[i], labels[i], {m: logits[m][i] for m in self._models}, shape)
            for i in range(count)
        ]
        data = _pack(self._clips, self._models, self._names, self._cards)
        check_size(data, "the order explorer")
        super().__init__(
            _data=data,
            title=str(title) or TITLE,
            alt=str(alt)
            or (
                f"Order explorer: {count} clip{'s' if count > 1 else ''} of {length} frames on "
                f"{len(self._cards)} cards in {shape[0]} orders; orders that keep the answer given "
                "to the true one: "
                + ", ".join(f"{m} {100 * self.kept(m).mean():.0f} %" for m in self._models)
                + "."
            ),
        )

    def kept(self, model: str) -> np.ndarray:
        """``(n,)`` share of the P orders in which a model answers as in the true order.

        Raises:
            ValueError: no such model.
        """
        if model not in self._models:
            raise ValueError(f"model is {model!r}; allowed: {', '.join(self._models)}")
        return np.array([np.mean(c.answers[model] == c.answers[model][0]) for c in self._clips])

    def figure(self) -> Figure:
        """The clip in the chosen order, each model's softmax and its spread over all orders."""
        clip = self._clips[self.clip]
        return _order_figure.draw(
            clip.frames,
            clip.offsets,
            clip.answers,
            order=self.order,
            cards=self._cards,
            card_order=_card_orders(self._cards)[self.order],
            names=self._names,
            truth=clip.truth,
            title=self.title,
        )

    @traitlets.validate("clip", "order")
    def _check_number(self, proposal: dict) -> int:
        name, value = proposal["trait"].name, proposal["value"]
        most = {"clip": len(self._clips), "order": len(self._orders)}[name] - 1
        if not 0 <= value <= most:
            raise traitlets.TraitError(f"{name} is {value}; allowed: 0 .. {most}")
        return value


def _card_orders(cards: Sequence[int]) -> list[tuple[int, ...]]:
    """All orders of the cards, lexicographic: the page makes the same list."""
    return list(permutations(range(len(cards))))


def _whole(value: object) -> bool:
    return isinstance(value, (int, np.integer)) and not isinstance(value, bool)


def _example(frames: int) -> tuple[int, ...]:
    """A way to lay so many frames on four cards."""
    return tuple(len(part) for part in np.array_split(np.arange(frames), 4))


def _check_clips(clips: Sequence) -> list[np.ndarray]:
    """Clips with one number of frames."""
    if len(clips) == 0:
        raise ValueError("clips is empty; at least one clip is needed")
    found = [as_array(clip, f"clip {i}") for i, clip in enumerate(clips)]
    for i, clip in enumerate(found):
        check_frames(clip, f"clip {i}")
        if len(clip) != len(found[0]):
            raise ValueError(f"clip {i} has {len(clip)} frames, clip 0 {len(found[0])}; one T")
    if len(found[0]) > MOST_FRAMES:
        raise ValueError(f"the clips have {len(found[0])} frames; at most {MOST_FRAMES} are shown")
    return found


def _check_models(logits: Mapping[str, Sequence], count: int) -> list[str]:
    if not isinstance(logits, Mapping):
        raise ValueError(f"logits must be a dict {{model: list}}; got {type(logits).__name__}")
    models = list(logits)
    if not 1 <= len(models) <= MOST_MODELS or not all(isinstance(m, str) for m in models):
        raise ValueError(f"logits has the models {models}; allowed: 1 .. {MOST_MODELS} names")
    for model, of in logits.items():
        if len(of) != count:
            raise ValueError(f"logits of {model!r} has {len(of)} entries; there are {count} clips")
    return models


def _check_truth(truth: Sequence[int], count: int, classes: int) -> list[int]:
    array = as_array(truth, "truth")
    if array.shape != (count,):
        raise ValueError(f"truth has shape {array.shape}; one class a clip is needed: ({count},)")
    bad = array[~np.isin(array, np.arange(classes))]
    if len(bad):
        raise ValueError(f"truth holds {bad[0]}; allowed: the classes 0 .. {classes - 1}")
    return [int(k) for k in array]


def _check_clip(
    i: int, frames: np.ndarray, truth: int, logits: Mapping[str, object], shape: tuple[int, int]
) -> Ordered:
    offsets, answers = {}, {}
    for model, of in logits.items():
        name = f"logits of {model!r} for clip {i}"
        array = as_array(of, name)
        if array.shape != shape:
            raise ValueError(
                f"{name} have shape {array.shape}; expected (P, K) = {shape}, a row an order"
            )
        check_finite(array, name)
        array = array.astype(np.float64)
        less = np.maximum(array - array.max(1, keepdims=True), LOWEST)
        offsets[model] = less.astype(np.float16).astype(np.float64)
        answers[model] = array.argmax(1)  # before rounding: near ties stay what they were
    return Ordered(frames, truth, offsets, answers)


def _pack(clips: list[Ordered], models: list[str], names: list[str], cards: list[int]) -> dict:
    packed: list[dict] = [
        {
            "truth": clip.truth,
            "offsets": [encode_array(clip.offsets[m], "float16") for m in models],
            "answers": [encode_array(clip.answers[m], "uint8") for m in models],
        }
        for clip in clips
    ]
    data = {"models": models, "classes": names, "cards": cards, "clips": packed}
    left = MAX_BYTES - SCRIPT - len(script_json(data))
    sheets = encode_sharpest([clip.frames for clip in clips], min(FRAME_BUDGET, left))
    for one, sheet in zip(packed, sheets, strict=True):
        one["sheet"] = sheet
    return data
