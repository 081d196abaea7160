"""How ``frames.safetensors`` was made: a small frame network that learned hands from random poses.

Sign language recognisers start from a network that has seen millions of photographs. This one has
seen rendered signers in random poses, and had to say which shape each hand has and where it is.
Its signers (numbers from 1000) are others than those of the labs (numbers below 1000).

    python data/signing/pretrain.py --poses 400000 --out data/signing/frames.safetensors

About a quarter of an hour on one core; an interrupted run goes on from its last epoch.
"""

from __future__ import annotations

import argparse
import math
from dataclasses import asdict
from pathlib import Path
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from vidlab.datasets.signing import SHAPES, SigningConfig, poses
from vidlab.nn.resnet2d import ResNet2D, ResNet2DConfig
from vidlab.train.checkpoint import save_checkpoint
from vidlab.train.loop import FitConfig, fit

SIZE = 64
NETWORK = ResNet2DConfig((16, 32, 64, 64), (1, 1, 1, 1), stem_kernel=5, stem_pool=False, grid=4)
A_TIME = 5000  #: poses rendered at once; each epoch has new ones, of signers not seen before
FIRST_SIGNER, SIGNERS = 1000, 100  #: of the first epoch, and how many an epoch


class Batch(NamedTuple):
    """Frames ``(N, 3, H, W)``, hand shapes ``(N, 2)`` and places ``(N, 4)`` in 0 .. 1."""

    frames: Tensor
    shapes: Tensor
    places: Tensor

    def to(self, device: torch.device, non_blocking: bool = False) -> Batch:
        """The same batch on another device."""
        return Batch(*(part.to(device, non_blocking=non_blocking) for part in self))


class PoseFrames(torch.utils.data.Dataset):
    """Frames with hand shapes and places, drawn anew in each epoch."""

    def __init__(self, count: int, seed: int, first_signer: int):
        self.count, self.seed, self.first_signer = count, seed, first_signer
        self.set_epoch(0)

    def set_epoch(self, epoch: int) -> None:
        """Render the poses of an epoch."""
        first = self.first_signer + SIGNERS * epoch
        drawn = poses(
            SigningConfig(size=SIZE), self.count, seed=self.seed + epoch,
            signers=range(first, first + SIGNERS),
        )  # fmt: skip
        self.frames = drawn.frames
        self.shapes = torch.stack((drawn.right_shape, drawn.left_shape), 1)
        self.places = torch.cat((drawn.right_place, drawn.left_place), 1).float()

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, k: int) -> tuple[Tensor, Tensor, Tensor]:
        return self.frames[k], self.shapes[k], self.places[k]


def collate(items: list[tuple[Tensor, Tensor, Tensor]]) -> Batch:
    """Stack items to a batch."""
    return Batch(*map(torch.stack, zip(*items, strict=True)))


class Poser(nn.Module):
    """The frame network and the head that is thrown away: two shapes, two places."""

    def __init__(self):
        super().__init__()
        self.encoder = ResNet2D(NETWORK)
        self.head = nn.Linear(self.encoder.dim, 2 * len(SHAPES) + 4)

    def forward(self, frames: Tensor) -> tuple[Tensor, Tensor]:
        out = self.head(self.encoder(frames))
        return out[:, :-4].unflatten(1, (2, len(SHAPES))), out[:, -4:]


def loss(model: Poser, batch: Batch) -> dict[str, Tensor]:
    """Cross-entropy of the shapes and squared error of the places, of a like size."""
    shapes, places = model(batch.frames)
    shape = F.cross_entropy(shapes.flatten(0, 1), batch.shapes.flatten())
    place = F.mse_loss(places, batch.places)
    return {"loss": 2 * shape + 50 * place, "shape": shape, "place": place}


@torch.no_grad()
def score(model: Poser, data: PoseFrames) -> dict[str, float]:
    """Share of right shapes and mean distance of the places (in frame widths)."""
    model.eval()
    shapes, places = model(data.frames)
    right = (shapes.argmax(2) == data.shapes).float().mean(0)
    far = (places - data.places).unflatten(1, (2, 2)).norm(dim=2).mean(0)
    names = ("right shape", "left shape", "right distance", "left distance")
    return dict(zip(names, [round(v, 3) for v in [*right.tolist(), *far.tolist()]], strict=True))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--poses", type=int, default=400_000, help="how many to render and learn")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=Path(__file__).with_name("frames.safetensors"))
    args = parser.parse_args()

    epochs = max(1, args.poses // A_TIME)
    torch.manual_seed(args.seed)
    model = Poser()
    optimizer = torch.optim.Adam(model.parameters(), 3e-3)
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimizer, lambda e: min(1, (e + 1) / 4) * (1 + math.cos(math.pi * e / epochs)) / 2
    )
    fresh = PoseFrames(1000, 999, FIRST_SIGNER + SIGNERS * epochs)

    def measure() -> dict[str, float]:
        scores = score(model, fresh)
        print("  ".join(f"{name} {value:.3f}" for name, value in scores.items()), flush=True)
        return scores

    history = fit(
        model, PoseFrames(A_TIME, args.seed, FIRST_SIGNER), loss, optimizer,
        FitConfig(epochs, 32, args.seed), collate=collate, schedule=schedule, measure=measure,
        checkpoint=args.out.with_suffix(".part.safetensors"), label="poses",
    )  # fmt: skip
    scores = {name: history[-1][name] for name in score(model, fresh)}
    made = {"poses": epochs * A_TIME, "seed": args.seed, "size": SIZE, "unseen signers": scores}
    state = {"config": asdict(NETWORK), "made": made, "model": model.encoder.state_dict()}
    save_checkpoint(args.out, state)
    print(made)


if __name__ == "__main__":
    main()
