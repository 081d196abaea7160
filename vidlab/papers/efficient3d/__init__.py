"""Resource-efficient 3-D networks: image networks for phones, with kernels that look along time.

Köpüklü, Kose, Gunduz, Rigoll, "Resource Efficient 3D Convolutional Neural Networks", ICCVW 2019.
The paper turns five families of small image networks into video networks by one rule: 3x3 becomes
3x3x3, strides and poolings act on time as well, and the first convolution keeps the frames (stride
1x2x2). Each family has its own idea of what to leave out of a dense convolution:

- :mod:`~vidlab.papers.efficient3d.mobilenet`: V1, depthwise then pointwise; V2, inverted residual;
- :mod:`~vidlab.papers.efficient3d.shufflenet`: V1, grouped pointwise; V2, half of the channels;
- :mod:`~vidlab.papers.efficient3d.fire`: few channels below a dense 3x3x3.

:mod:`~vidlab.papers.efficient3d.table` has the paper's numbers. Each function returns a network
from clips ``(B, C, T, H, W)`` to logits; with 600 classes its parameters are those of the paper.
``steps=SMALL`` makes it fit for small clips.
"""

from vidlab.papers.efficient3d.blocks import (
    PAPER,
    SMALL,
    ClipNetwork,
    Steps,
    as_dense,
    channel_shuffle,
)
from vidlab.papers.efficient3d.fire import Fire, squeezenet
from vidlab.papers.efficient3d.mobilenet import (
    InvertedResidual,
    dense,
    mobilenet_v1,
    mobilenet_v2,
    separable,
    separable_ratio,
)
from vidlab.papers.efficient3d.shufflenet import (
    GroupedUnit,
    SplitUnit,
    shufflenet_v1,
    shufflenet_v2,
)

__all__ = [
    "PAPER",
    "SMALL",
    "ClipNetwork",
    "Fire",
    "GroupedUnit",
    "InvertedResidual",
    "SplitUnit",
    "Steps",
    "as_dense",
    "channel_shuffle",
    "dense",
    "mobilenet_v1",
    "mobilenet_v2",
    "separable",
    "separable_ratio",
    "shufflenet_v1",
    "shufflenet_v2",
    "squeezenet",
]
