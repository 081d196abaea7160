"""What the proposal explorer is handed, checked: grid, frames, proposals, similarities, truth."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from vidlab.widgets._attention_tokens import Axis, Tokens, check_tokens
from vidlab.widgets.base import as_array, check_frames

MOST_POINTS = 4096
MOST_COMPARED = 1024  #: points, where a similarity is given: it has a million entries then
MOST_PROPOSALS = 32
SAME = 1e-3  # of the range: how far a matrix may be from symmetric


def check_shape(shape: Sequence[int]) -> tuple[int, int, int]:
    """``(t, h, w)`` with t >= 2 and at most 4096 points."""
    whole = isinstance(shape, (Sequence, np.ndarray)) and all(
        isinstance(size, (int, np.integer)) and not isinstance(size, bool) for size in shape
    )
    if not whole or len(shape) != 3 or min(shape) < 1 or shape[0] < 2:
        raise ValueError(
            f"points_shape is {shape!r}; allowed: (t, h, w), whole numbers, with two frames or more"
        )
    t, h, w = map(int, shape)
    if t * h * w > MOST_POINTS:
        raise ValueError(
            f"points_shape {(t, h, w)} has {t * h * w} points; at most {MOST_POINTS} are allowed: "
            "pool the map"
        )
    return t, h, w


def check_clip(frames: object, shape: tuple[int, int, int]) -> Axis:
    """The t frames that are shown, each with its grid of points."""
    frames = as_array(frames, "frames")
    check_frames(frames, "frames")
    t, h, w = shape
    if len(frames) % t:
        raise ValueError(
            f"frames holds {len(frames)} frames, the grid {t} times; the first must be a multiple "
            "of the second"
        )
    return check_tokens(Tokens(frames=frames, grid=(h, w), span=len(frames) // t), "frames")


def check_neighbours(values: object, name: str, shape: tuple[int, int, int]) -> np.ndarray:
    """``(P, k)`` int: points of other frames, none of them twice in a row."""
    count, inside = shape[0] * shape[1] * shape[2], shape[1] * shape[2]
    array = as_array(values, name)
    most = min(MOST_PROPOSALS, count - inside)
    if array.ndim != 2 or len(array) != count or not 1 <= array.shape[1] <= most:
        raise ValueError(
            f"{name} has shape {array.shape}; expected (P, k) = ({count}, k) with k in 1 .. {most}"
        )
    _check_points(array, name, 0, count)
    array = array.astype(int)
    own = np.argwhere(array // inside == (np.arange(count) // inside)[:, None])
    if len(own):
        point, place = own[0]
        raise ValueError(
            f"{name} gives point {point} (frame {point // inside}) the proposal "
            f"{array[point, place]} of its own frame; proposals lie in other frames"
        )
    ordered = np.sort(array, axis=1)
    twice = np.argwhere(ordered[:, 1:] == ordered[:, :-1])
    if len(twice):
        point, place = twice[0]
        raise ValueError(
            f"{name} gives point {point} the proposal {ordered[point, place]} twice; each once"
        )
    return array


def check_similarities(
    values: Mapping[str, object] | object | None,
    variants: list[str],
    shape: tuple[int, int, int],
) -> dict[str, np.ndarray]:
    """By variant ``(P, P)`` floats, NaN within a frame; one array is everybody's."""
    if values is None:
        return {}
    count, inside = shape[0] * shape[1] * shape[2], shape[1] * shape[2]
    if count > MOST_COMPARED:
        raise ValueError(
            f"a similarity of {count} points is too large for a page; at most {MOST_COMPARED} "
            "points are allowed: pool the map, or hand in fewer frames"
        )
    if not isinstance(values, Mapping):
        one = _check_similarity(values, "similarity", count, inside)
        return dict.fromkeys(variants, one)
    unknown = [name for name in values if name not in variants]
    if unknown:
        raise ValueError(
            f"similarity has the variant {unknown[0]!r}; neighbours has {', '.join(variants)}"
        )
    return {
        name: _check_similarity(of, f"similarity of {name!r}", count, inside)
        for name, of in values.items()
    }


def check_truth(values: object, shape: tuple[int, int, int]) -> np.ndarray:
    """``(P, t)`` int: the true partner of each point in each frame; -1: none."""
    t, h, w = shape
    count, inside = t * h * w, h * w
    array = as_array(values, "truth")
    if array.shape not in ((count,), (count, t)):
        raise ValueError(
            f"truth has shape {array.shape}; expected (P,) = ({count},) or (P, t) = ({count}, {t})"
        )
    _check_points(array, "truth", -1, count)
    array = array.astype(int)
    points = np.arange(count)
    if array.ndim == 1:
        own = np.flatnonzero((array >= 0) & (array // inside == points // inside))
        if len(own):
            raise ValueError(
                f"truth gives point {own[0]} the partner {array[own[0]]} of its own frame; "
                "it lies in another one, or is -1"
            )
        full = np.full((count, t), -1)
        known = array >= 0
        full[points[known], array[known] // inside] = array[known]
        return full
    wrong = np.argwhere((array >= 0) & (array // inside != np.arange(t)))
    if len(wrong):
        point, frame = wrong[0]
        raise ValueError(
            f"truth[{point}, {frame}] is {array[point, frame]}, a point of frame "
            f"{array[point, frame] // inside}; column {frame} holds points of frame {frame} or -1"
        )
    return array


def _check_points(array: np.ndarray, name: str, least: int, count: int) -> None:
    bad = np.argwhere(~np.isin(array, np.arange(least, count)))
    if len(bad):
        where = tuple(int(i) for i in bad[0])
        raise ValueError(
            f"{name} holds {array[where]} at index {where}; allowed: whole numbers, "
            f"{least} .. {count - 1}"
        )


def _check_similarity(values: object, name: str, count: int, inside: int) -> np.ndarray:
    array = as_array(values, name)
    if array.shape != (count, count):
        raise ValueError(f"{name} has shape {array.shape}; expected (P, P) = ({count}, {count})")
    frame = np.arange(count) // inside
    array = np.where(frame[:, None] == frame, np.nan, array.astype(np.float64))
    other = frame[:, None] != frame
    bad = np.argwhere(other & ~np.isfinite(array))
    if len(bad):
        i, j = (int(place) for place in bad[0])
        raise ValueError(
            f"{name} holds {array[i, j]} at index {(i, j)}; all between frames must be finite"
        )
    span = np.ptp(array[other])
    uneven = np.argwhere(other & (np.abs(array - array.T) > SAME * span + 1e-9))
    if len(uneven):
        i, j = (int(place) for place in uneven[0])
        raise ValueError(
            f"{name} is not symmetric: {array[i, j]:.4g} at {(i, j)}, {array[j, i]:.4g} at {(j, i)}"
        )
    return array
