"""Films: shots of one size, joined by cuts."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from vidlab.datasets.scenes.clip import Clip, render
from vidlab.datasets.scenes.scene import Scene


def film(scenes: Sequence[Scene]) -> Clip:
    """Render scenes one after another.

    Every shot keeps its own actors, in order of the shots; equal titles tell that two are the same
    thing. Outside its shot an actor has empty masks, zero boxes and visibility, and NaN as centre,
    angle and radius.

    Raises:
        ValueError: no scenes, or scenes of different sizes, naming two.
    """
    if not scenes:
        raise ValueError("a film of no scenes; expected one or more")
    for number, scene in enumerate(scenes):
        if scene.size != scenes[0].size:
            raise ValueError(
                f"scene {number} is {scene.size} pixels, scene 0 {scenes[0].size}; "
                "a film needs one size"
            )
    return join([render(scene) for scene in scenes])


def join(clips: Sequence[Clip]) -> Clip:
    """Clips of one size as one, a cut between any two; see :func:`film`."""
    shots, first = [], 0
    for clip in clips:
        shots.append(clip.shots + first)
        first = int(shots[-1].max()) + 1
    return Clip(
        frames=torch.cat([clip.frames for clip in clips]),
        titles=tuple(title for clip in clips for title in clip.titles),
        masks=_block([clip.masks for clip in clips], False),
        full_masks=_block([clip.full_masks for clip in clips], False),
        boxes=_block([clip.boxes for clip in clips], 0.0),
        full_boxes=_block([clip.full_boxes for clip in clips], 0.0),
        visibility=_block([clip.visibility for clip in clips], 0.0),
        centres=_block([clip.centres for clip in clips], torch.nan),
        angles=_block([clip.angles for clip in clips], torch.nan),
        radii=_block([clip.radii for clip in clips], torch.nan),
        shots=torch.cat(shots),
    )


def _block(parts: Sequence[Tensor], empty: float) -> Tensor:
    """Tensors ``(S_i, T_i, ...)`` along the diagonal of one ``(sum S, sum T, ...)``."""
    actors, frames = sum(len(p) for p in parts), sum(p.shape[1] for p in parts)
    whole = parts[0].new_full((actors, frames, *parts[0].shape[2:]), empty)
    row = column = 0
    for part in parts:
        whole[row : row + len(part), column : column + part.shape[1]] = part
        row, column = row + len(part), column + part.shape[1]
    return whole
