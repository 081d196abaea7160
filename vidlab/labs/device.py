"""Which device a lab computes on. Torch is imported only when it is needed."""

from __future__ import annotations

import platform
from pathlib import Path
from typing import TYPE_CHECKING

from vidlab.labs.parameters import ParameterError

if TYPE_CHECKING:
    import torch


def resolve_device(name: str) -> torch.device:
    """The torch device for "auto" (CUDA where there is any), "cpu" or "cuda".

    Raises ParameterError when "cuda" was asked for and there is none.
    """
    import torch

    available = torch.cuda.is_available()
    if name == "cuda" and not available:
        raise ParameterError(
            "device: cuda was asked for but torch finds no CUDA device; use --device cpu or auto."
        )
    return torch.device("cuda" if available and name != "cpu" else "cpu")


def device_name(device: torch.device) -> str:
    """The device as its maker calls it."""
    if device.type == "cuda":
        import torch

        return torch.cuda.get_device_name(device)
    try:
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:
        pass  # not Linux
    return platform.processor() or platform.machine() or "CPU"
