"""What stands along one axis of attention weights: words, whole frames, or patches of frames."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from vidlab.widgets.base import as_array, check_frames, encode_frames

HEIGHTS = (160, 128, 96, 64, 48, 32, 24, 16)  #: of frames in pixels; the sharpest that fits


@dataclass(frozen=True)
class Tokens:
    """The tokens along one axis of the weights, in this order: special, words, frames.

    Attributes:
        special: names of tokens that stand for nothing one can see, e.g. ``("CLS",)``.
        words: one token a word, or None.
        frames: ``(T, H, W)`` or ``(T, H, W, 3)`` uint8, or None.
        grid: patches a frame, ``(rows, columns)``: tokens run over frames, in each over rows, in
            each over columns. None: a frame is one token.
        span: frames that one token covers in time; ``T // span`` tokens follow each other in time.
    """

    special: Sequence[str] = ()
    words: Sequence[str] | None = None
    frames: np.ndarray | None = None
    grid: tuple[int, int] | None = None
    span: int = 1


@dataclass(frozen=True)
class Axis:
    """Checked tokens.

    Attributes:
        names: special tokens, then words.
        special: how many of the names are special.
        frames: ``(T, H, W[, 3])``, one a token in time (the middle one of its span), or None.
        grid: patches of each, (1, 1) where a frame is one token.
        span: frames of the clip that one of them stands for.
    """

    names: tuple[str, ...]
    special: int
    frames: np.ndarray | None
    grid: tuple[int, int]
    span: int

    @property
    def patches(self) -> int:
        """Tokens a frame."""
        return self.grid[0] * self.grid[1]

    @property
    def count(self) -> int:
        """All tokens."""
        pictured = 0 if self.frames is None else len(self.frames) * self.patches
        return len(self.names) + pictured

    def name(self, token: int) -> str:
        """What one token is called, as on the page."""
        if token < len(self.names):
            return self.names[token]
        t, patch = divmod(token - len(self.names), self.patches)
        first = t * self.span
        frame = f"frame {first}" if self.span == 1 else f"frames {first}–{first + self.span - 1}"
        if self.patches == 1:
            return frame
        row, column = divmod(patch, self.grid[1])
        return f"{frame}, row {row}, column {column}"


def check_tokens(tokens: Tokens, where: str) -> Axis:
    """The tokens after all checks; ``where`` is e.g. "keys of sample 0".

    Raises:
        ValueError: one sentence that says what was got and what is allowed.
    """
    if not isinstance(tokens, Tokens):
        raise ValueError(f"{where} are {type(tokens).__name__}; expected Tokens(...)")
    special, words = _names(tokens.special, where), _names(tokens.words or (), where)
    span, grid = tokens.span, tokens.grid
    if not _whole(span):
        raise ValueError(f"span of the {where} is {span!r}; allowed: whole numbers from 1")
    if grid is not None and (
        not isinstance(grid, Sequence) or len(grid) != 2 or not all(map(_whole, grid))
    ):
        raise ValueError(f"grid of the {where} is {grid!r}; allowed: (rows, columns), from 1")
    if tokens.frames is None:
        if grid is not None or span != 1:
            raise ValueError(f"the {where} have a grid or a span but no frames")
        if not special and not words:
            raise ValueError(f"the {where} are empty; words, frames or special tokens are needed")
        return Axis(special + words, len(special), None, (1, 1), 1)
    frames = as_array(tokens.frames, f"frames of the {where}")
    check_frames(frames, f"frames of the {where}")
    times = len(frames) // span
    if times == 0:
        raise ValueError(f"the {where} have {len(frames)} frames; a span of {span} needs more")
    middle = np.arange(times) * span + span // 2
    rows, columns = (1, 1) if grid is None else map(int, grid)
    return Axis(special + words, len(special), frames[middle], (rows, columns), int(span))


def pack_axis(axis: Axis, sheet: dict | None) -> dict:
    """The tokens as the page reads them."""
    return {
        "names": list(axis.names),
        "special": axis.special,
        "sheet": sheet,
        "times": 0 if axis.frames is None else len(axis.frames),
        "grid": list(axis.grid),
        "span": axis.span,
    }


def encode_sharpest(clips: list[np.ndarray], budget: int) -> list[dict]:
    """Sprite sheets of all clips at one height, as sharp as a budget of bytes allows."""
    tallest = max((len(clip[0]) for clip in clips), default=0)
    sheets: list[dict] = []
    for height in HEIGHTS:
        if height >= 2 * tallest and height != HEIGHTS[-1]:
            continue  # frames are never scaled up: the same sheet again
        sheets = [encode_frames(clip, height) for clip in clips]
        if sum(len(sheet["src"]) for sheet in sheets) <= budget:
            break
    return sheets


def _names(names: Sequence[str], where: str) -> tuple[str, ...]:
    if isinstance(names, str):
        raise ValueError(f"the {where} have the names {names!r}; a list of names is needed")
    return tuple(map(str, names))


def _whole(value: object) -> bool:
    """A whole number from 1."""
    return isinstance(value, (int, np.integer)) and not isinstance(value, bool) and value >= 1
