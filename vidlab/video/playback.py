"""A moving picture in a notebook: inside the page, without kernel, network or player."""

from __future__ import annotations

import base64
import html
import io
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

MAX_FRAMES = 200


@dataclass(frozen=True)
class Preview:
    """An animated WebP; a notebook shows it.

    Attributes:
        data: the file's bytes.
        alt: what it shows, for those who cannot see it.
        width, height: in pixels.
    """

    data: bytes
    alt: str
    width: int
    height: int

    def _repr_html_(self) -> str:
        source = base64.b64encode(self.data).decode()
        return (
            f'<img src="data:image/webp;base64,{source}" alt="{html.escape(self.alt)}" '
            f'width="{self.width}" height="{self.height}">'
        )

    def __repr__(self) -> str:
        return f"Preview({self.alt!r}, {self.width}x{self.height}, {len(self.data)} bytes)"


def preview(
    frames: Tensor | np.ndarray,
    fps: float = 10,
    *,
    max_side: int = 240,
    alt: str | None = None,
) -> Preview:
    """Frames as an animation that repeats for ever.

    Args:
        frames: ``(T, 3, H, W)`` uint8, at most 200 (an animation lives in the saved notebook).
        fps: frames a second, above 0 and at most 50.
        max_side: the longer side shown, in pixels; smaller frames keep their size.
        alt: a description; None: number of frames and size.

    Raises:
        ValueError: frames that are not such, too many, or a rate that cannot be.
    """
    from PIL import Image

    frames = torch.as_tensor(frames)
    if frames.dtype != torch.uint8 or frames.dim() != 4 or frames.shape[1] != 3:
        raise ValueError(
            f"frames are {frames.dtype} of shape {tuple(frames.shape)}; expected uint8 (T, 3, H, W)"
        )
    if not 0 < len(frames) <= MAX_FRAMES or frames.numel() == 0:
        raise ValueError(
            f"there are {len(frames)} frames; expected 1 to {MAX_FRAMES} (take every n-th)"
        )
    if not 0 < fps <= 50:
        raise ValueError(f"fps is {fps!r}; expected 0 < fps <= 50")
    if max_side < 1:
        raise ValueError(f"max_side is {max_side!r}; expected at least 1")
    count, _, height, width = frames.shape
    scale = min(1.0, max_side / max(height, width))
    if scale < 1:
        size = max(1, round(height * scale)), max(1, round(width * scale))
        frames = F.interpolate(
            frames.cpu().float(), size=size, mode="bilinear", antialias=True, align_corners=False
        )
        frames = frames.round().clamp(0, 255).byte()
    pictures = [
        Image.fromarray(np.ascontiguousarray(frame))
        for frame in frames.cpu().permute(0, 2, 3, 1).numpy()
    ]
    file = io.BytesIO()
    pictures[0].save(
        file,
        format="WEBP",
        save_all=True,
        append_images=pictures[1:],
        duration=round(1000 / fps),
        loop=0,
        quality=80,
        method=2,
    )
    text = (
        alt if alt is not None else f"{count} frames of {width}x{height} pixels, {fps:g} a second"
    )
    return Preview(file.getvalue(), text, frames.shape[3], frames.shape[2])
