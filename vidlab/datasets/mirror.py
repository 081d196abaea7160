"""Mirror images of clips, with the labels that become of them.

A mirror image of "swiping left" shows swiping right. Whoever flips clips at random in training,
as everybody does with photographs, must swap such labels too, or teaches contradictions.

>>> mirror_labels(("left", "right", "clockwise", "counterclockwise", "shake")).tolist()
[1, 0, 3, 2, 4]

**A trap.** A mirror turns a clockwise turn into a counterclockwise one, though the name says
nothing of left and right. CPNet's published code flips clips of Jester and swaps the labels of
:data:`CPNET_SWAPS` only; "Turning Hand Clockwise" and "Turning Hand Counterclockwise" keep theirs,
so all of their flipped clips (half of what training shows of them) are labelled wrongly. By
default all of them are swapped here.
``mirror_labels(names, swaps=CPNET_SWAPS)`` is the published reading.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import torch
from torch import Generator, Tensor

from vidlab.datasets.video_folders import few

#: The classes of Jester, as its list of labels has them.
JESTER = (
    "Swiping Left",
    "Swiping Right",
    "Swiping Down",
    "Swiping Up",
    "Pushing Hand Away",
    "Pulling Hand In",
    "Sliding Two Fingers Left",
    "Sliding Two Fingers Right",
    "Sliding Two Fingers Down",
    "Sliding Two Fingers Up",
    "Pushing Two Fingers Away",
    "Pulling Two Fingers In",
    "Rolling Hand Forward",
    "Rolling Hand Backward",
    "Turning Hand Clockwise",
    "Turning Hand Counterclockwise",
    "Zooming In With Full Hand",
    "Zooming Out With Full Hand",
    "Zooming In With Two Fingers",
    "Zooming Out With Two Fingers",
    "Thumb Up",
    "Thumb Down",
    "Shaking Hand",
    "Stop Sign",
    "Drumming Fingers",
    "No gesture",
    "Doing other things",
)
#: The labels that CPNet's published code swaps when it flips a clip of Jester.
CPNET_SWAPS = (
    ("Swiping Left", "Swiping Right"),
    ("Sliding Two Fingers Left", "Sliding Two Fingers Right"),
)

_WORD_SWAPS = (("left", "right"), ("leftward", "rightward"), ("leftwards", "rightwards"))
_TURNS = ("clockwise", "counterclockwise")
_OPPOSITE = {a: b for pair in (*_WORD_SWAPS, _TURNS) for a, b in (pair, pair[::-1])}
# "upright" is one word, "swipe_left" two; longer words are tried first.
_DIRECTION = re.compile(
    rf"(?<![a-z])(?:{'|'.join(sorted(_OPPOSITE, key=len, reverse=True))})(?![a-z])"
)
_TURN_NAMES = re.compile(r"(?:counter|anti)[-_ ]?clockwise")


def mirrored_name(name: str) -> str:
    """What a class is called in the mirror: lower case, one space between words.

    Words for left and right and for the sense of a turn are swapped; others stay. Two names mean
    the same class if ``mirrored_name`` gives the same for both.

    >>> mirrored_name("Pushing something from left to right")
    'pushing something from right to left'
    >>> mirrored_name("turning hand anti-clockwise")
    'turning hand clockwise'
    """
    plain = _plain(name)
    return _DIRECTION.sub(lambda found: _OPPOSITE[found[0]], plain)


def mirror_labels(
    class_names: Sequence[str], *, swaps: Sequence[tuple[str, str]] | None = None
) -> Tensor:
    """``(K,)`` int64: the label of the left-right mirror image of each class.

    Names without a direction keep their label: those of the generated gestures, of Jester and of
    Something-Something ("… from left to right", "turning the camera left") are understood.

    Args:
        class_names: by label.
        swaps: the pairs of names to swap, and no others; None to read them from the names. Pairs
            that are not among the classes are passed over.

    Raises:
        ValueError: the mirror image of a class is not among the classes.
    """
    if swaps is not None:
        known = (pair for pair in swaps if set(pair) <= {*class_names})
        twins = {a: b for pair in known for a, b in (pair, pair[::-1])}
    else:
        place = {_plain(name): name for name in class_names}
        mirrored = ((name, mirrored_name(name)) for name in class_names)
        twins = {name: place.get(m, m) for name, m in mirrored if m != _plain(name)}
    label = {name: k for k, name in enumerate(class_names)}
    lost = [f"{name} ({twins[name]})" for name in class_names if twins.get(name, name) not in label]
    if lost:
        raise ValueError(
            f"the mirror image of a class is not among the classes: {few(lost)}; "
            "add it, leave the class out, or do not flip"
        )
    return torch.tensor([label[twins.get(name, name)] for name in class_names], dtype=torch.int64)


def mirror(
    clips: Tensor, labels: Tensor, swap: Tensor, generator: Generator, *, share: float = 0.5
) -> tuple[Tensor, Tensor]:
    """Swap left and right in random clips of a batch, and their labels.

    Args:
        clips: ``(N, ..., H, W)``, as (N, C, T, H, W) or (N, T, C, H, W).
        labels: ``(N,)`` int64.
        swap: ``(K,)`` int64 from :func:`mirror_labels`.
        generator: source of the choice, on the CPU.
        share: probability that a clip is flipped, 0 .. 1.

    Returns:
        new clips and labels; the old ones stay as they are.

    Raises:
        ValueError: a batch of another shape, or a label that ``swap`` does not have.
    """
    if clips.dim() < 4 or labels.shape != clips.shape[:1]:
        raise ValueError(
            f"clips have shape {tuple(clips.shape)} and labels {tuple(labels.shape)}; "
            "expected (N, ..., H, W) and (N,)"
        )
    if not 0 <= share <= 1:
        raise ValueError(f"share is {share}; allowed: 0 .. 1")
    if len(labels) and not 0 <= int(labels.min()) <= int(labels.max()) < len(swap):
        raise ValueError(
            f"labels reach from {int(labels.min())} to {int(labels.max())}; "
            f"allowed: 0 .. {len(swap) - 1}, the labels that swap has"
        )
    chosen = (torch.rand(len(labels), generator=generator) < share).to(labels.device)
    rows = chosen.to(clips.device).view(-1, *[1] * (clips.dim() - 1))
    flipped = torch.where(rows, clips.flip(-1), clips)
    return flipped, torch.where(chosen, swap.to(labels.device)[labels], labels)


def _plain(name: str) -> str:
    spaced = " ".join(re.sub(r"[-_\s]+", " ", name.lower()).split())
    return _TURN_NAMES.sub("counterclockwise", spaced)
