"""Proposal explorer: which points of other frames a point is matched with, and are they right.

Symbols follow CPNet (CVPR 2019): a feature map of P = t·h·w points; the proposals of a point are
the k points of OTHER frames whose features are nearest, by squared distance.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import traitlets
from matplotlib.figure import Figure

from vidlab.metrics.correspondence import Scores, judged, score
from vidlab.widgets import _proposals_figure
from vidlab.widgets._attention_tokens import encode_sharpest, pack_axis
from vidlab.widgets._proposals_checks import (
    check_clip,
    check_neighbours,
    check_shape,
    check_similarities,
    check_truth,
)
from vidlab.widgets.base import (
    MAX_BYTES,
    Explorer,
    check_size,
    encode_array,
    module_text,
    script_json,
    style_text,
)

MOST_SLACK = 3
MOST_VARIANTS = 12
FRAME_BUDGET = 500_000  #: bytes of frames where the matrices leave that much
SCRIPT = 75_000  #: bytes that the page's script and style may take of the limit
TITLE = "Which points belong together"
ALONE = "proposals"  # the variant's name where there is only one


class ProposalExplorer(Explorer):
    """Click a point and see its correspondence proposals in the other frames, right and wrong.

    The grid has t >= 2 frames of h x w points, P = t·h·w <= 4096; point p lies in frame
    ``p // (h*w)``, row ``p // w % h``, column ``p % w``.

    Args:
        frames: the clip ``(T, H, W)`` or ``(T, H, W, 3)``, uint8; t = T // span for a whole span,
            and the middle frame of each span is shown.
        points_shape: ``(t, h, w)``.
        neighbours: by variant (before and after training, k = 1 ..., other features), ``(P, k)``
            points, the nearest first, never in the frame of their own point, k <= 32; or one array
            where there is one variant.
        similarity: by variant, ``(P, P)``, symmetric, larger is more alike, e.g. minus the squared
            distance; or one array for all variants; or None. Entries within a frame are not looked
            at (they may be -inf). At most P = 1024 points then. Travels in 256 levels.
        truth: ``(P, t)``, for each point the point of each frame that shows the same thing, -1
            where there is none (or ``(P,)`` where a point has a partner in one other frame); or
            None. Points without a partner in another frame are not judged.
        slack: cells, 0 .. 3, that a right proposal may lie beside its true place.
        title: heading; a plain one by default.
        alt: one sentence that stands in for the picture; made from the numbers by default.

    Raises:
        ValueError: one sentence that says which variant and point, what was got, what is allowed.

    Traits shared with the page: ``point`` (0-based), ``variant`` (its name) and ``slack``.
    """

    _esm = module_text(
        "matrix", "attention_tokens", "proposals_points", "proposals_plot", "proposals"
    )
    _css = style_text("proposals")

    point = traitlets.Int(0).tag(sync=True)
    variant = traitlets.Unicode("").tag(sync=True)
    slack = traitlets.Int(0).tag(sync=True)

    def __init__(
        self,
        frames: object,
        points_shape: tuple[int, int, int],
        neighbours: Mapping[str, object] | object,
        *,
        similarity: Mapping[str, object] | object | None = None,
        truth: object | None = None,
        slack: int = 0,
        title: str = "",
        alt: str = "",
    ) -> None:
        self._shape = check_shape(points_shape)
        self._axis = check_clip(frames, self._shape)
        if not isinstance(neighbours, Mapping):
            neighbours = {ALONE: neighbours}
        if not 1 <= len(neighbours) <= MOST_VARIANTS or not all(map(_is_name, neighbours)):
            raise ValueError(
                f"neighbours has the variants {list(neighbours)}; allowed: 1 .. {MOST_VARIANTS}, "
                "each with a name"
            )
        self._neighbours = {
            name: check_neighbours(of, f"neighbours of {name!r}", self._shape)
            for name, of in neighbours.items()
        }
        self._similarity = check_similarities(similarity, list(self._neighbours), self._shape)
        self._truth = None if truth is None else check_truth(truth, self._shape)
        if slack not in range(MOST_SLACK + 1):
            raise ValueError(f"slack is {slack!r}; allowed: 0 .. {MOST_SLACK}")
        data = self._pack()
        check_size(data, "the proposal explorer")
        t, h, w = self._shape
        first = next(iter(self._neighbours))
        super().__init__(
            _data=data,
            variant=first,
            point=self._start(),
            slack=int(slack),
            title=str(title) or TITLE,
            alt=str(alt)
            or (
                f"Proposal explorer: {t} frames of {h} x {w} points, each linked with "
                f"{self._neighbours[first].shape[1]} points of other frames"
                + self._found_words(int(slack))
            ),
        )

    def scores(self, variant: str, slack: int | None = None) -> Scores:
        """How many of a variant's proposals are right; ``slack`` as it is set now by default.

        Raises:
            ValueError: no truth was given, no such variant, or slack outside 0 .. 3.
        """
        if self._truth is None:
            raise ValueError("no truth was given; without it proposals are neither right nor wrong")
        if variant not in self._neighbours:
            raise ValueError(f"variant is {variant!r}; allowed: {', '.join(self._neighbours)}")
        slack = self.slack if slack is None else slack
        if slack not in range(MOST_SLACK + 1):
            raise ValueError(f"slack is {slack!r}; allowed: 0 .. {MOST_SLACK}")
        return score(self._neighbours[variant], self._truth, self._shape, slack)

    def figure(self) -> Figure:
        """The frames with the point's proposals, the matrix, and the variants' shares."""
        known = self._truth is not None
        return _proposals_figure.draw(
            self._axis,
            self._shape,
            self._neighbours[self.variant],
            point=self.point,
            truth=self._truth,
            slack=self.slack,
            similarity=self._similarity.get(self.variant),
            scores={name: self.scores(name) for name in self._neighbours} if known else {},
            title=f"{self.title}: {self.variant}" if len(self._neighbours) > 1 else self.title,
        )

    def _start(self) -> int:
        """A point worth seeing first: one that is judged, else the middle of the first frame."""
        _, h, w = self._shape
        middle = h // 2 * w + w // 2
        if self._truth is None or not judged(self._truth, self._shape).any():
            return middle
        return int(np.flatnonzero(judged(self._truth, self._shape))[0])

    def _found_words(self, slack: int) -> str:
        if self._truth is None:
            return "."
        shares = [
            f"{name} {100 * score(of, self._truth, self._shape, slack).share:.0f} %"
            for name, of in self._neighbours.items()
        ]
        return f"; right proposals: {', '.join(shares)}."

    def _pack(self) -> dict:
        known = self._truth is not None
        variants = [
            {
                "name": name,
                "neighbours": encode_array(of, "uint16"),
                "similarity": _pack_similarity(self._similarity.get(name), self._shape),
                "scores": [
                    _pack_scores(score(of, self._truth, self._shape, slack))
                    for slack in range(MOST_SLACK + 1)
                ]
                if known
                else None,
            }
            for name, of in self._neighbours.items()
        ]
        data = {
            "variants": variants,
            # Shifted by one: 0 says that there is none.
            "truth": encode_array(self._truth + 1, "uint16") if known else None,
            "mostSlack": MOST_SLACK,
            "axis": pack_axis(self._axis, None),
        }
        left = MAX_BYTES - SCRIPT - len(script_json(data))
        data["axis"]["sheet"] = encode_sharpest([self._axis.frames], min(FRAME_BUDGET, left))[0]
        return data

    @traitlets.validate("variant")
    def _check_variant(self, proposal: dict) -> str:
        if proposal["value"] not in self._neighbours:
            raise traitlets.TraitError(
                f"variant is {proposal['value']!r}; allowed: {', '.join(self._neighbours)}"
            )
        return proposal["value"]

    @traitlets.validate("point", "slack")
    def _check_number(self, proposal: dict) -> int:
        name, value = proposal["trait"].name, proposal["value"]
        most = {"point": int(np.prod(self._shape)) - 1, "slack": MOST_SLACK}[name]
        if not 0 <= value <= most:
            raise traitlets.TraitError(f"{name} is {value}; allowed: 0 .. {most}")
        return value


def _is_name(value: object) -> bool:
    return isinstance(value, str) and value != ""


def _pack_similarity(array: np.ndarray | None, shape: tuple[int, int, int]) -> dict | None:
    """The pairs of points of different frames, row by row above the diagonal, in 256 levels."""
    if array is None:
        return None
    frame = np.arange(len(array)) // (shape[1] * shape[2])
    values = array[frame[:, None] < frame]
    return encode_array(values, "uint8", (float(values.min()), float(values.max())))


def _pack_scores(scores: Scores) -> dict | None:
    """The numbers as the page shows them; None where no point is judged."""
    if not scores.points:
        return None
    return {
        "points": scores.points,
        "share": scores.share,
        "found": scores.found,
        "chance": scores.chance,
    }
