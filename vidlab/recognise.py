"""A trained sign language recogniser in one file: saved by its lab, used on any video.

reader = load_recogniser("runs/smkd/RUN_ID/recogniser.safetensors")
reader(Video("sentence.mp4").frames())
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor

from vidlab.nn.decode import greedy_decode
from vidlab.nn.resnet2d import ResNet2D, ResNet2DConfig
from vidlab.papers.radialctc import RadialCTCConfig
from vidlab.papers.smkd import SMKD, SMKDConfig
from vidlab.train.checkpoint import CheckpointError, load_checkpoint, save_checkpoint


@dataclass(frozen=True)
class Recogniser:
    """Frames to glosses.

    Attributes:
        model: with a :class:`~vidlab.nn.resnet2d.ResNet2D` as its encoder.
        class_names: the blank, then the glosses.
        size: height and width in pixels of the frames that it learned from.
    """

    model: SMKD
    class_names: tuple[str, ...]
    size: int

    @torch.no_grad()
    def __call__(self, frames: Tensor) -> list[str]:
        """The glosses of a film ``(T, 3, H, W)`` uint8 of any size, as the context reads them.

        Frames are resized to ``size`` x ``size``; their rate should be that of the training.

        Raises:
            ValueError: other frames, or fewer than the receptive field.
        """
        if frames.dim() != 4 or frames.shape[1] != 3 or frames.dtype != torch.uint8:
            raise ValueError(
                f"frames are {frames.dtype} of shape {tuple(frames.shape)}; "
                "expected uint8 (T, 3, H, W)"
            )
        device = next(self.model.parameters()).device
        # A few at a time: a film of large frames in float would fill the memory.
        small = torch.cat([self._resized(part.to(device)) for part in frames.split(16)])
        self.model.eval()
        output = self.model(small[None], torch.tensor([len(small)], device=device))
        (read,) = greedy_decode(output.contextual_logits.log_softmax(2), output.lengths)
        return [self.class_names[label] for label in read.labels]

    def _resized(self, frames: Tensor) -> Tensor:
        """Frames uint8 as float32 in 0 .. 1 of the size that the model knows."""
        small, size = frames.float() / 255, (self.size, self.size)
        if small.shape[2:] == size:
            return small
        return F.interpolate(small, size, mode="bilinear", antialias=True, align_corners=False)


def save_recogniser(path: Path | str, model: SMKD, class_names: Sequence[str], size: int) -> Path:
    """Write a model whose encoder is a ``ResNet2D``; nothing in the file is pickled.

    Raises:
        ValueError: another encoder, or not one name a class.
    """
    if not isinstance(model.encoder, ResNet2D):
        raise ValueError(f"the encoder is a {type(model.encoder).__name__}; allowed: ResNet2D")
    classes = len(model.contextual_classifier.weight)
    if len(class_names) != classes:
        raise ValueError(f"{len(class_names)} class names for {classes} classes, the blank's first")
    state = {
        "frames": asdict(model.encoder.config),
        "config": asdict(model.config),
        "stack": model.geometry.name,
        "channels": model.stack.dim,
        "lstm_layers": model.lstm.num_layers,
        "class_names": list(class_names),
        "size": size,
        "model": model.state_dict(),
    }
    save_checkpoint(Path(path), state)
    return Path(path)


def load_recogniser(path: Path | str, device: torch.device | str = "cpu") -> Recogniser:
    """Read what :func:`save_recogniser` wrote.

    Raises:
        CheckpointError: the file is damaged, or holds something else.
    """
    state = load_checkpoint(Path(path), device)
    try:
        encoder = ResNet2D(ResNet2DConfig(**{k: _tuple(v) for k, v in state["frames"].items()}))
        settings = state["config"]
        settings["radii"] = tuple(map(tuple, settings["radii"]))
        if settings["radial"] is not None:
            settings["radial"] = RadialCTCConfig(**settings["radial"])
        model = SMKD(
            encoder,
            encoder.dim,
            len(state["class_names"]),
            SMKDConfig(**settings),
            stack=state["stack"],
            channels=state["channels"],
            lstm_layers=state["lstm_layers"],
        )
        model.load_state_dict(state["model"])
        reader = Recogniser(model.to(device), tuple(state["class_names"]), int(state["size"]))
    except (KeyError, TypeError, ValueError, AttributeError, RuntimeError) as error:
        first = str(error).split("\n")[0]
        raise CheckpointError(f"{path} holds no recogniser: {first}") from error
    return reader


def _tuple(value: object) -> object:
    """JSON's list as the tuple that it was."""
    return tuple(value) if isinstance(value, list) else value
