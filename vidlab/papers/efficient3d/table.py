"""The paper's table of networks, so that ours can be laid beside it.

Köpüklü et al., ICCVW 2019, results as printed: Kinetics-600, Jester and UCF-101, clips of
16x112x112. "MFLOPs" there are multiply-adds *and* something for batch norm and pooling; ours count
convolutions and linear layers alone and come out some per cent lower.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

from torch import nn

from vidlab.papers.efficient3d.fire import squeezenet
from vidlab.papers.efficient3d.mobilenet import mobilenet_v1, mobilenet_v2
from vidlab.papers.efficient3d.shufflenet import shufflenet_v1, shufflenet_v2


class Row(NamedTuple):
    """A network of the paper.

    ``make(classes)`` builds it. ``mflops`` and ``parameters`` in millions (600 classes), clips a
    second on a Titan XP and a Jetson TX2, top-1 in per cent on Kinetics-600, Jester and UCF-101.
    """

    name: str
    make: Callable[[int], nn.Module]
    mflops: float
    parameters: float
    titan_xp: int
    tx2: int
    kinetics: float
    jester: float
    ucf101: float


V1, V2 = mobilenet_v1, mobilenet_v2
S1, S2 = shufflenet_v1, shufflenet_v2
ROWS = (
    Row("ShuffleNetV1 0.5x", partial(S1, width=0.5), 78, 0.55, 398, 69, 35.51, 89.23, 64.39),
    Row("ShuffleNetV1 1.0x", partial(S1, width=1.0), 199, 1.52, 269, 49, 45.31, 92.27, 76.00),
    Row("ShuffleNetV1 2.0x", partial(S1, width=2.0), 538, 4.76, 161, 24, 56.84, 93.54, 84.96),
    Row("ShuffleNetV2 0.25x", partial(S2, width=0.25), 116, 0.83, 442, 82, 25.73, 86.91, 56.52),
    Row("ShuffleNetV2 1.0x", partial(S2, width=1.0), 195, 1.91, 243, 44, 46.10, 91.96, 77.90),
    Row("ShuffleNetV2 2.0x", partial(S2, width=2.0), 438, 6.64, 146, 26, 55.17, 93.71, 83.32),
    Row("MobileNetV1 0.5x", partial(V1, width=0.5), 98, 1.17, 290, 57, 31.74, 87.61, 62.17),
    Row("MobileNetV1 1.0x", partial(V1, width=1.0), 241, 3.91, 164, 31, 40.07, 90.81, 70.95),
    Row("MobileNetV1 2.0x", partial(V1, width=2.0), 662, 14.10, 88, 15, 48.53, 92.56, 76.18),
    Row("MobileNetV2 0.2x", partial(V2, width=0.2), 63, 0.96, 357, 42, 24.14, 86.43, 55.56),
    Row("MobileNetV2 0.45x", partial(V2, width=0.45), 177, 1.40, 203, 19, 36.47, 90.21, 68.31),
    Row("MobileNetV2 0.7x", partial(V2, width=0.7), 325, 2.05, 130, 13, 45.59, 93.34, 77.32),
    Row("MobileNetV2 1.0x", partial(V2, width=1.0), 561, 3.12, 93, 9, 50.65, 94.59, 81.60),
    Row("SqueezeNet", squeezenet, 926, 2.15, 682, 46, 40.52, 90.77, 74.94),
)
